using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Calls of a recorded run: the same that a trace follows are followed, and the same become nodes, but all of them are made for real.
/// </summary>
internal static class RecordedCalls
{
    private static readonly Memo<MethodBase, (Opcode Op, Target Target)> Targets =
        new(method => TensorOperations.TargetOf(Traits.Of(method)));

    internal static CallHandler[] Handlers { get; } =
    [
        LeafFunction,              // first: a leaf function is a leaf whatever it is made of
        Module,                    // call and forward of submodules
        Operation,                 // TorchSharp's operations
        RecordedMembers.Handle,    // parts of what an operation gave
        Dynamic,                   // before delegates: the one of a call site looks up members at run time
        Intrinsics.Handle,             // what of .NET's own code is known to the interpreter
        Function,                  // the user's own methods are followed
        Host,                      // everything else runs
    ];

    /// <summary>A call of a <c>dynamic</c> value, followed where its call site can be read.</summary>
    private static Value? Dynamic(in Invocation call)
    {
        try
        {
            return Interpreter.HandleDynamic(call);
        }
        catch (TraceException)
        {
            return null;
        }
    }

    private static Value? LeafFunction(in Invocation call)
    {
        if (!call.Interpreter.Tracer.IsLeafFunction(call.Method) || !Array.Exists(call.Arguments, call.Interpreter.DependsOnInput))
            return null;
        call.Interpreter.Recording!.BeforeUnknown();
        return Recorded(call);
    }

    private static Value? Module(in Invocation call)
    {
        if (!call.Traits.IsModuleCall || call.This is not torch.nn.Module module)
            return null;
        var (interpreter, method, arguments) = call;
        // base.forward(x), and forward called by call, are part of the same call.
        return ReferenceEquals(module, interpreter.Tracer.CurrentModule)
            ? Follow(interpreter, ModuleCalls.Body(module, method), arguments)
            : interpreter.Tracer.RecordModule(module, (MethodInfo)method, arguments);
    }

    /// <summary>Calls a leaf module.</summary>
    internal static Value Leaf(Interpreter interpreter, torch.nn.Module module, MethodInfo method, Value[] arguments)
    {
        var (recording, path) = (interpreter.Recording!, interpreter.Tracer.CurrentPath);
        var does = Operations.Of(module, method, module.training);
        if (does.IsOpaque)
            recording.BeforeUnknown();
        else if (does.Writes is Operands.First or Operands.All)
            foreach (var given in arguments[1..])
                foreach (var tensor in Structure.Tensors(given.Reference))
                    recording.BeforeWrite(tensor);
        var result =
            interpreter.Recorded(new(Opcode.call_module, new ModuleTarget(path, method), path, method.ReturnType), arguments,
                (runner, given) => runner.RunOnHost(method, given, null));
        if (does.Has(Effects.Updates | Effects.UpdatesInTraining | Effects.Opaque))
            recording.Updated.Add(path);
        return result;
    }

    /// <summary>Follows a method's code, or runs it where it can't be followed.</summary>
    internal static Value Follow(Interpreter interpreter, MethodBase method, Value[] arguments)
        => Followable.Is(method) ? interpreter.Run(method, arguments) : Aside(new(interpreter, method, arguments))!.Value;

    private static Value? Operation(in Invocation call)
    {
        if (call.Traits.Home != Home.TorchSharp)
            return null;
        var interpreter = call.Interpreter;
        if (TensorOperations.KeepsNumbers(call))
            return HoldsNumbers(call) ? interpreter.Dependent(interpreter.RunOnHost(call.Method, call.Arguments, []))
                : interpreter.RunOnHost(call.Method, call.Arguments, []);
        TensorOperations.Gather(call);
        if (IsFollowed(call))
            return interpreter.Run(call.Method, call.Arguments);
        var does = call.Traits.Does;
        var written = TensorOperations.Written(call);
        if (does.Has(Effects.Exposes) && TensorOperations.Subject(call) is torch.Tensor exposed)
            written = [.. written, exposed];
        foreach (var tensor in written)
            interpreter.Recording!.BeforeWrite(tensor);
        if (!IsNode(call, written))
            return Made(call, interpreter.RunOnHost(call.Method, call.Arguments, null));
        if (does.IsOpaque)
            interpreter.Recording!.BeforeUnknown();
        var result = Recorded(call);
        foreach (var tensor in written)
            NoteWrite(interpreter, tensor);
        return result;
    }

    /// <summary>Makes a call that a trace has a node for.</summary>
    internal static Value Recorded(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        var (op, target) = Targets.Of(method);
        return interpreter.Recorded(new(op, target, interpreter.Tracer.CurrentPath, call.Traits.ReturnType), arguments,
            (runner, given) => runner.RunOnHost(method, given, null));
    }

    /// <summary>A tensor that the program wrote an input's values into is one of the run's own from here on.</summary>
    private static void NoteWrite(Interpreter interpreter, torch.Tensor written)
    {
        // What the run computed is no buffer; to look for one takes long.
        if (interpreter.Recording!.Marks.Find(written) is null && interpreter.Tracer.Attributes.NameOf(written) is { } name)
            interpreter.Recording.Updated.Add(name);
        interpreter.Recording.Marks.Add(written);
    }

    /// <summary>Whether TorchSharp's own code says which operations a call consists of.</summary>
    private static bool IsFollowed(in Invocation call)
        => call.Method.Name == nameof(TensorExtensionMethods.IntShape) || TensorOperations.IsPartOfForward(call)
            || (TensorOperations.IsOfRealDistribution(call) && call.Interpreter.Recording!.Marks.Find(call.This!) is null
                && call.Traits.Code is not null);

    /// <summary>Whether a trace would have a node for a call.</summary>
    private static bool IsNode(in Invocation call, torch.Tensor[] written)
    {
        var (interpreter, method, _) = call;
        if (call.This is torch.nn.Module or IDisposable and not torch.Tensor
            || method.Name is nameof(IDisposable.Dispose) or "get_IsInvalid" || DisposeScopes.IsScoping(method)
            || call.Traits.Does.Has(Effects.Text | Effects.Exposes) || call.Traits.ReturnType == typeof(Scalar)
            || typeof(torch.nn.Module).IsAssignableFrom(call.Traits.ReturnType) || GlobalState.Modes.Contains(method.Name)
            || GlobalState.Settings.Contains(method.Name) || GradientMode.IsAskedBy(method))
            return false;
        return Array.Exists(call.Arguments, interpreter.DependsOnInput) || TensorOperations.Draws(call)
            || TensorOperations.MakesDistribution(call);
    }

    /// <summary>
    /// A result that TorchSharp computed without an input is a constant; one that only carries a number that depends on one depends on it
    /// too.
    /// </summary>
    private static Value Made(in Invocation call, Value result)
    {
        if (result is { Kind: ValueKind.Object, Reference: Scalar scalar } && Array.Exists(call.Arguments, call.Interpreter.DependsOnInput))
            call.Interpreter.Recording!.Marks.Add(scalar);
        else if (result.Kind == ValueKind.Object && call.This is not torch.nn.Module)
            foreach (var tensor in Structure.Tensors(result.Reference))
                if (tensor is not TorchSharp.Modules.Parameter
                    && !Array.Exists(call.Arguments, argument => ReferenceEquals(argument.Reference, tensor)))
                    call.Interpreter.Recording!.Marks.AddConstant(tensor);
        return result;
    }

    /// <summary>Makes an object of .NET's or TorchSharp's.</summary>
    internal static Value Construct(in Invocation call, Func<Value> make)
    {
        var interpreter = call.Interpreter;
        var depends = Array.Exists(call.Arguments, interpreter.DependsOnInput);
        var isOperation = call.Traits.Home == Home.TorchSharp
            && (depends || call.Traits.Does.Has(Effects.Generators) || TensorOperations.MakesDistribution(call))
            && !typeof(torch.nn.Module).IsAssignableFrom(call.Method.DeclaringType) && !call.Traits.ReturnType.IsValueType
            && call.Traits.ReturnType != typeof(Scalar);
        if (isOperation)
            return interpreter.Recorded(
                new(Opcode.call_function, Targets.Of(call.Method).Target, interpreter.Tracer.CurrentPath, call.Traits.ReturnType),
                call.Arguments, (_, _) => make());
        RecordedSequences.Walk(call);
        var made = make();
        return depends && HoldsNumbers(call) ? interpreter.Dependent(made) : made;
    }

    private static Value? Function(in Invocation call)
        => call.Traits.Home == Home.User ? Follow(call.Interpreter, call.Method, call.Arguments) : null;

    private static Value? Host(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        if (HostState.CallsUser(call) || RecordedLists.IsFollowed(call))
            return interpreter.Run(call.Traits, arguments);
        var holds = HoldsNumbers(call);
        if (holds && NumberFunctions.Has(call.Method))
            return Recorded(call);
        if (!holds)
            return RecordedSequences.Copied(call, interpreter.RunOnHost(method, arguments, null));
        RecordedSequences.Walk(call);
        var outer = interpreter.GivesElements;
        interpreter.GivesElements = true;
        try
        {
            return interpreter.Dependent(RecordedSequences.Copied(call, interpreter.RunOnHost(method, arguments, null)));
        }
        finally
        {
            interpreter.GivesElements = outer;
        }
    }

    /// <summary>Whether an argument is a number, or an object of .NET's, that an input is in.</summary>
    private static bool HoldsNumbers(in Invocation call)
    {
        foreach (var argument in call.Arguments)
            if (argument.Mark != Reading.Constant
                || (argument is { Kind: ValueKind.Object, Reference: not (null or torch.Tensor or string) }
                    && call.Interpreter.Recording!.Marks.Find(argument.Reference) is true)
                || (argument.Reference is SpanModel span && call.Interpreter.Recording!.Marks.Find(span.Array) is true))
                return true;
        return false;
    }

    /// <summary>Runs code that is not followed: it gets the program's delegates as they are and may run them wherever it likes.</summary>
    internal static Value? Aside(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        var recording = interpreter.Recording!;
        recording.BeforeUnknown();
        var outer = interpreter.IsAside;
        interpreter.IsAside = recording.RanAside = true;
        try
        {
            var result = interpreter.RunOnHost(method, arguments, null);
            foreach (var tensor in Structure.Tensors(result.Kind is ValueKind.Object or ValueKind.Struct ? result.Reference : null))
                if (!interpreter.Tracer.Attributes.Owns(tensor))
                    recording.Marks.Add(tensor);
            return result;
        }
        finally
        {
            interpreter.IsAside = outer;
        }
    }
}
