using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// TorchSharp's operations: with an argument that depends on an input they become nodes, and so do random draws; all others run.
/// </summary>
internal static class TensorOperations
{
    /// <summary>The methods that give a module other parts: one that existed before the trace stays as it is.</summary>
    private static readonly FrozenSet<string> Registers =
        new[] { "register_buffer", "register_parameter", "register_module", "add_module",
            "RegisterComponents" }.ToFrozenSet(StringComparer.Ordinal);

    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.TorchSharp)
            return null;
        var interpreter = call.Interpreter;
        if (KeepsNumbers(call))
            return interpreter.RunOnHost(call.Method, call.Arguments, []);
        Gather(call);
        // It lays weights out anew for a GPU's library, and changes no value.
        if (call.Method.Name == "flatten_parameters")
            return default(Value);
        if (call.This is torch.nn.Module module && Registers.Contains(call.Method.Name) && !interpreter.Overlay.Owns(module))
            throw Untraceable.ChangesModel(interpreter, call.Method);
        var written = Written(call);
        foreach (var tensor in interpreter.Loop is null ? [] : written)
            if (!interpreter.Symbols.TryGet(tensor, out _) && interpreter.Loop!.Knows(tensor))
                throw new LoopRefusal("a tensor of before that no input reaches is written");
        var depends = Array.Exists(call.Arguments, interpreter.DependsOnInput)
            || Array.Exists(written, tensor => interpreter.Overlay.Owns(tensor) && interpreter.Constants.IsRead(tensor));
        // What changes a tensor of the model's is part of what the model does.
        if (!depends && !Draws(call) && !MakesDistribution(call) && Array.TrueForAll(written, interpreter.Constants.IsOwn))
            return null;
        // A module is made, not computed: it needs its sizes.
        if (call.Method.IsStatic && typeof(torch.nn.Module).IsAssignableFrom(call.Traits.ReturnType))
            return null;
        if (Transparent(call) is { } value)
            return value;
        foreach (var tensor in written)
            interpreter.Constants.BeforeWrite(tensor);
        if (IsOfRealDistribution(call) || (depends && IsPartOfForward(call)))
            return interpreter.Run(call.Method, call.Arguments);
        if (call.This is torch.nn.Module)
            return depends || call.Method.Name.StartsWith("set_", StringComparison.Ordinal)
                ? throw Untraceable.ChangesModel(interpreter, call.Method) : null;
        if (interpreter.Symbols.TryGet(Subject(call), out var subject))
        {
            if (call.Method.Name == "get_IsInvalid")
                return Value.Of(false);
            // A span of the sizes: no node has a span for its value, but TorchSharp's own code says which sizes they are.
            if (call.Method.Name == nameof(TensorExtensionMethods.IntShape))
                return interpreter.Run(call.Method, call.Arguments);
            if (call.Traits.Does.Has(Effects.Text))
                return Value.OfObject(interpreter.Texts.Make([interpreter.Texts.Part(Value.OfObject(Subject(call)), typeof(object))]));
            if (call.Traits.Does.Has(Effects.Exposes))
                throw Untraceable.ReadsTensor(interpreter, call.Method, subject);
        }
        // A view of a constant by a size of an input: who writes to it must not write to the constant.
        var traits = call.Traits;
        interpreter.Constants.BeforeSharing(() => GivesView(traits)
            ? traits.Does : Operation.Pure, call.Arguments.Select(argument => argument.Reference));
        return Record(call);
    }

    /// <summary>
    /// Whether an operation may give a view of an argument. A conversion nearly always gives a new tensor, and what code that isn't known
    /// gives is its own matter.
    /// </summary>
    private static bool GivesView(Traits traits)
        => traits.Does is { IsOpaque: false, Views: not Operands.None } && Holds(traits.ReturnType)
            && traits.Method.Name is not ("to" or "type_as");

    /// <summary>Makes arrays of the sequences among the arguments that the program only computes when they are gone through.</summary>
    internal static void Gather(in Invocation call)
    {
        foreach (ref var argument in call.Arguments.AsSpan(call.Method.IsStatic ? 0 : 1))
            if (InterpretedEnumerable.IsLazy(argument.Reference))
                argument = Value.OfObject(InterpretedEnumerable.ToArray(call.Interpreter, argument.Reference!));
    }

    /// <summary>
    /// Whether a method is a helper of the forward that is followed: one that a module of TorchSharp's own, which is no leaf here, has
    /// beside it.
    /// </summary>
    internal static bool IsPartOfForward(in Invocation call)
        => call.This is torch.nn.Module module && ReferenceEquals(module, call.Interpreter.Tracer.CurrentModule)
            && call.Method is { IsSpecialName: false, IsPublic: false } method
            && method.DeclaringType != typeof(torch.nn.Module) && MethodIL.Of(method) is not null;

    /// <summary>
    /// Whether a call makes a distribution: it may be sampled in each run, and no argument of a node can hold one that was made for real.
    /// </summary>
    internal static bool MakesDistribution(in Invocation call)
        => typeof(torch.distributions.Distribution).IsAssignableFrom(call.Traits.ReturnType);

    /// <summary>
    /// Whether a method belongs to a distribution, or to a transform in one, that was there before the trace: its code is followed, which
    /// computes with the tensors that it holds.
    /// </summary>
    internal static bool IsOfRealDistribution(in Invocation call)
        => call.This is torch.distributions.Distribution or torch.distributions.transforms.Transform
            && !call.Interpreter.Symbols.TryGet(call.This, out _);

    /// <summary>
    /// Whether a node may call a method: a public operation of TorchSharp on tensors, or one that makes them of numbers. None that
    /// disposes, reads or writes files, or hands out memory.
    /// </summary>
    internal static bool IsOperation(MethodBase method)
    {
        var (type, traits) = (method.DeclaringType!, Traits.Of(method));
        if (GradientMode.IsAskedBy(method))
            return true;
        if (traits.Home != Home.TorchSharp || !method.IsPublic || !type.IsVisible || method.ContainsGenericParameters
            || traits.Does.Has(NoNode))
            return false;
        var isOwner = type == typeof(torch.Tensor) || (type.IsAbstract && type.IsSealed)
            || typeof(torch.distributions.Distribution).IsAssignableFrom(type);
        return isOwner && Array.TrueForAll(traits.Parameters, parameter => IsData(parameter.ParameterType)) && IsData(traits.ReturnType)
            && (!method.IsStatic || Holds(traits.ReturnType)
                || Array.Exists(traits.Parameters, parameter => Holds(parameter.ParameterType)));
    }

    /// <summary>A tensor, an array or a structure of tensors, and nothing that merely might be.</summary>
    private static bool Holds(Type type)
        => typeof(torch.Tensor).IsAssignableFrom(type) || (type.HasElementType && Holds(type.GetElementType()!))
            || Array.Exists(type.GetGenericArguments(), Holds);

    private static bool IsData(Type type) => type.HasElementType
        ? !type.IsPointer && IsData(type.GetElementType()!)
        : !typeof(Delegate).IsAssignableFrom(type) && !typeof(torch.nn.Module).IsAssignableFrom(type)
            && !typeof(torch.optim.Optimizer).IsAssignableFrom(type) && type != typeof(nint)
            && type.Namespace is not ("System.IO" or "System.Reflection" or "System.Threading.Tasks" or "Tensorboard")
            && Array.TrueForAll(type.GetGenericArguments(), IsData);

    /// <summary>Records a call as a node: all parameters in order, the receiver first.</summary>
    internal static Value Record(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        var traits = call.Traits;
        if (Array.Find(traits.Parameters, parameter => parameter.ParameterType.IsByRef && !parameter.IsIn) is { } written)
            throw Untraceable.ArgumentType(interpreter, written.ParameterType);
        var args = ImmutableArray.CreateBuilder<Argument>(arguments.Length);
        var receivers = arguments.Length - traits.Parameters.Length;
        for (var i = 0; i < arguments.Length; i++)
            args.Add(interpreter.ToArgument(arguments[i],
                i < receivers ? method.DeclaringType! : traits.Parameters[i - receivers].ParameterType));
        var (op, target) = TargetOf(traits);
        return interpreter.FromProxy(interpreter.Tracer.create_proxy(op, target, args.MoveToImmutable(), traits.ReturnType));
    }

    /// <summary>The node that a call becomes.</summary>
    internal static (Opcode, Target) TargetOf(Traits traits) => traits.Method switch
    {
        _ when traits.Property is { } property => (Opcode.call_function, new MemberTarget(property)),
        MethodInfo { IsStatic: false, IsSpecialName: false } info => (Opcode.call_method, new MethodTarget(info)),
        var method => (Opcode.call_function, new FunctionTarget(method)),
    };

    /// <summary>
    /// <c>new Normal(loc, scale)</c> on symbols is a node like any other function. Not so of what only carries its arguments (a size, an
    /// index, a Scalar), and of modules, which belong to the model.
    /// </summary>
    internal static Value? Construct(in Invocation call)
        => call.Traits.Home == Home.TorchSharp
            && (Array.Exists(call.Arguments, call.Interpreter.DependsOnInput) || call.Traits.Does.Has(Effects.Generators)
                || MakesDistribution(call))
            && !typeof(torch.nn.Module).IsAssignableFrom(call.Method.DeclaringType) && !call.Traits.ReturnType.IsValueType
            && call.Traits.ReturnType != typeof(Scalar)
            ? Record(call)
            : null;

    /// <summary>Whether a constructor of TorchSharp keeps numbers as they are, for an operation that is given them.</summary>
    internal static bool OnlyCarries(MethodBase constructor)
        => constructor.DeclaringType is { IsValueType: true } type && Homes.Of(type) == Home.TorchSharp;

    /// <summary>The receiver of a method, also of an extension method.</summary>
    internal static object? Subject(in Invocation call) => call.This ?? (call.Arguments is [var first, ..] ? first.Reference : null);

    /// <summary>Conversions that Python doesn't have, and so no node: to a Scalar, an index, a size.</summary>
    private static Value? Transparent(in Invocation call)
    {
        var (interpreter, _, arguments) = call;
        if (call.Traits.ReturnType == typeof(Scalar) && arguments is [{ IsSymbol: true } number])
        {
            var scalar =
                interpreter.Symbols.Placeholder(
                    new Proxy(interpreter.ToArgument(number, call.Traits.Parameters[0].ParameterType), typeof(Scalar)));
            return Value.OfObject(scalar);
        }
        return null;
    }

    /// <summary>An index or a size keeps numbers for the operation that it is made for.</summary>
    internal static bool KeepsNumbers(in Invocation call)
        => call.Method.DeclaringType == typeof(torch.TensorIndex)
            || (call.Traits.ReturnType.FullName == "TorchSharp.torch+Size" && call.Method.DeclaringType != typeof(torch.Tensor));

    /// <summary>Whether a call draws random numbers or has to do with their generators: then it is part of every run.</summary>
    internal static bool Draws(in Invocation call)
        => call.Traits.Does is var does
            && (does.Has(Effects.Draws | Effects.Generators)
                || (does.Has(Effects.DrawsInTraining) && Given(call, "p") is not { Kind: ValueKind.Double, Double: 0 }));

    /// <summary>Whether a call writes to its receiver or first argument.</summary>
    internal static bool IsInPlace(in Invocation call)
        => call.Arguments is [{ Reference: torch.Tensor first }, ..]
            && Array.Exists(Written(call), written => ReferenceEquals(written, first));

    /// <summary>The tensors that a call writes to.</summary>
    internal static torch.Tensor[] Written(in Invocation call)
    {
        var does = call.Traits.Does;
        if (does.IsOpaque || !call.Traits.MayWrite)
            return [];
        IEnumerable<object?> found = does.Writes switch
        {
            Operands.All => call.Arguments.Select(argument => argument.Reference),
            Operands.Statistics when IsFalse(Given(call, "training")) || IsFalse(Given(call, "use_input_stats")) => [],
            Operands.Statistics => [Given(call, "running_mean")?.Reference, Given(call, "running_var")?.Reference],
            Operands.First => call.Arguments.Take(1).Select(argument => argument.Reference),
            _ when Given(call, "inplace") is { Kind: ValueKind.Int32, Int32: not 0 } => [call.Arguments[0].Reference],
            _ => [Given(call, "out")?.Reference],
        };
        return [.. found.OfType<torch.Tensor>()];
    }

    private static bool IsFalse(Value? flag) => flag is { Kind: ValueKind.Int32, Int32: 0 };

    private static Value? Given(in Invocation call, string parameter)
    {
        var parameters = call.Traits.Parameters;
        for (var i = 0; i < parameters.Length; i++)
            if (parameters[i].Name == parameter)
                return call.Arguments[call.Arguments.Length - parameters.Length + i];
        return null;
    }

    /// <summary>Members that no file may name: one hands out memory or content, writes files, or changes the process.</summary>
    internal const Effects NoNode = Effects.Exposes | Effects.Text | Effects.Outside | Effects.WritesState | Effects.Opaque;
}
