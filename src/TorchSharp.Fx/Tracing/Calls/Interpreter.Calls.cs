using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Calls go down the list of handlers until one takes it.</summary>
internal sealed partial class Interpreter
{
    private static readonly CallHandler[] Handlers =
    [
        LeafFunctions.Handle,      // first: a leaf function is a leaf whatever it is made of
        ModuleCalls.Handle,        // call and forward of submodules
        ModeCalls.Handle,          // train, eval and training: the modules' own flags stay as they are
        GlobalState.Handle,        // before tensor operations too: gradient modes, and what else is the whole process's
        DisposeScopes.Handle,      // before tensor operations: Dispose is one by its type
        TensorOperations.Handle,   // TorchSharp's operations become nodes
        SymbolicMembers.Handle,    // members of objects without content
        HandleDynamic,             // before delegates: the one of a call site looks up members at run time
        Intrinsics.Handle,             // what of .NET's own code is known here: spans, Nullable, delegates …
        UserCode.Handle,           // the user's own methods are followed
        HostCode.Handle,           // everything else runs
    ];

    /// <summary>Makes a call and returns its result; the default value for void.</summary>
    internal Value Dispatch(MethodBase method, params Value[] arguments)
    {
        var call = new Invocation(this, method, arguments);
        State?.IsCalled(method, arguments);
        foreach (var loop in loops)
            loop.IsCalled(method, arguments);
        var recorded = Graph.Count;
        foreach (var handler in Recording is null ? Handlers : RecordedCalls.Handlers)
            if (handler(call) is { } result)
            {
                if (call.Traits.Surroundings is { } kind && Recording is null && Graph.Count == recorded)
                    NoteSurroundings(kind, call, result);
                return result;
            }
        throw new InvalidOperationException($"No handler took the call of {method}.");
    }

    /// <summary>A call from .NET's code back into the traced program, as a delegate or an iterator makes it.</summary>
    /// <param name="method">The program's method.</param>
    /// <param name="target">Its receiver, or what a static method's delegate is closed over.</param>
    /// <param name="use">What the code does with the result, if it only carries things at all.</param>
    /// <param name="arguments">The arguments.</param>
    internal object? CallBack(MethodInfo method, object? target, Use use, params object?[] arguments)
    {
        var parameters = Traits.Of(method).Parameters;
        // A static method's delegate may have its first argument closed over.
        var closed = method.IsStatic && parameters.Length == arguments.Length + 1;
        var values = new List<Value>();
        if (!method.IsStatic || closed)
            values.Add(target is ValueType ? Value.Of(new Address.Box(target)) : Value.OfObject(target));
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] is SpanModel span)
                Overlay.Own(span.Array);
            var value = ToValue(arguments[i], parameters[closed ? i + 1 : i].ParameterType);
            values.Add(GivesElements && RecordedSequences.IsElement(parameters[(closed ? 1 : 0)..], i) ? Dependent(value) : value);
        }
        var gives = GivesElements;
        GivesElements = false;
        callBacks++;
        try
        {
            var result = Dispatch(Resolve(method, values, true), [.. values]);
            return ToObject(hosted is { } host ? Used(result, host.Carries || use == Use.Own ? use : Use.Look, host.Method) : result,
                method.ReturnType);
        }
        catch (Exception exception) when (!ProgramFault.Is(exception))
        {
            throw escaped = ProgramFault.IsOurs(exception) ? exception : OwnFault(exception);
        }
        finally
        {
            callBacks--;
            GivesElements = gives;
        }
    }

    /// <summary>A call by reflection, followed as any other; what it throws is wrapped as .NET does, but says what was called.</summary>
    internal Value Reflected(MethodInfo method, Value target, object?[] arguments)
    {
        var parameters = Traits.Of(method).Parameters;
        var values =
            arguments.Select((argument, i) => argument is Proxy symbol && parameters[i].ParameterType.IsValueType
                ? Value.Of(symbol) : ToValue(argument, parameters[i].ParameterType)).ToList();
        if (!method.IsStatic)
            values.Insert(0, method.DeclaringType!.IsValueType ? Value.Of(new Address.Box(target.Reference!)) : target);
        try
        {
            return Box(Dispatch(Resolve(method, values, true), [.. values]), method.ReturnType);
        }
        catch (Exception error) when (ProgramFault.Is(error))
        {
            throw ProgramFault.Raise(
                new TargetInvocationException(
                    $"{Untraceable.Short(method)}, which is called by reflection, threw {error.GetType().Name}: {error.Message}", error));
        }
    }

    /// <summary>The module whose code is at a path, in words.</summary>
    internal string Place(string path)
        => path.Length > 0 ? $"module '{path}'" : root is TracedFunction ? "the function" : "the root module";

    /// <summary>The innermost place of the user's own code that runs, as file:line.</summary>
    internal string Location() => Here()?.ToString() ?? "its start";

    /// <summary>Where a node that is made now comes from.</summary>
    internal Origin? Here()
    {
        var frame = InUserCode ?? current;
        return frame is null ? null : new Origin(tracer.CurrentPath, frame.Code, frame.At);
    }

    /// <summary>The innermost method of the user's own code that runs.</summary>
    internal MethodBase? UserMethod => InUserCode?.Code.Method;

    private Frame? InUserCode
    {
        get
        {
            var frame = current;
            while (frame is { Method.IsPlace: false })
                frame = frame.Caller;
            return frame;
        }
    }

    /// <summary>
    /// The calls of the user's own code that lead to where the program is, the innermost first; a method that calls itself from the same
    /// place again and again is there once. Places are looked up when they are asked for.
    /// </summary>
    internal IReadOnlyList<Origin> ProgramStack()
    {
        var calls = new List<Origin>();
        var seen = new HashSet<(string, MethodIL, int)>();
        for (var frame = current; frame is not null; frame = frame.Caller)
            if (frame.Method.IsPlace && seen.Add((frame.ModulePath, frame.Code, frame.At)))
                calls.Add(new Origin(frame.ModulePath, frame.Code, frame.At));
        return calls;
    }

    private void Call(Frame f, CallSite site)
    {
        var arguments = f.Pop(site.ArgumentCount);
        var method = site.Constrained is { } type ? Constrain(site, arguments, type) : Resolve(site.Method, arguments, site.IsVirtual);
        var result = Dispatch(method, arguments);
        if (site.ReturnType != typeof(void))
            f.Push(result);
    }

    private static MethodBase Resolve(MethodBase method, IList<Value> arguments, bool isVirtual)
    {
        if (!isVirtual || method.IsStatic || arguments[0].Kind != ValueKind.Object)
            return method;
        var receiver = arguments[0].Reference ?? throw ProgramFault.Raise(new NullReferenceException());
        return method.IsVirtual && receiver is not Proxy && Homes.Of(receiver.GetType()) != Home.Platform
            ? Overrides.Find(method, receiver.GetType()) : method;
    }

    /// <summary>
    /// The constrained. prefix (ECMA-335 III.2.1): a call through an address on a type that is only known when the generic code is closed.
    /// </summary>
    private MethodBase Constrain(CallSite site, Value[] arguments, Type type)
    {
        if (!site.HasThis)
            return Overrides.Find(site.Method, type);
        if (!type.IsValueType)
        {
            arguments[0] = arguments[0].Address.Load();
            return Resolve(site.Method, arguments, true);
        }
        if (StructLayout.IsNullable(type))
            return type.GetMethod(site.Method.Name, site.ParameterTypes) ?? site.Method;
        var own = Overrides.Find(site.Method, type);
        if (own.DeclaringType != type)
            arguments[0] = Box(arguments[0].Address.Load(), type);
        return own;
    }

    private void NoteFault(Exception exception)
    {
        if (!ReferenceEquals(fault.Exception, exception))
            fault = (exception, tracer.CurrentPath, Location(), ProgramStack());
    }

    /// <summary>An exception of the traced program, with the place that threw it.</summary>
    internal TracedProgramException Faulted(Exception exception)
    {
        NoteFault(exception);
        return new(exception, fault.Path, Place(fault.Path), fault.Location, fault.Stack);
    }

    private (Exception? Exception, string Path, string Location, IReadOnlyList<Origin> Stack) fault = (null, "", "", []);

    /// <summary>A refusal or fault that went out of a call back into the program: .NET's code in between must not swallow it.</summary>
    private Exception? escaped;

    /// <summary>An exception that is not the program's; what a tracer's own override threw stays as it is.</summary>
    internal Exception OwnFault(Exception exception)
    {
        NoteFault(exception);
        return ReferenceEquals(foreign, exception) || IsOfOverride(exception)
            ? foreign = exception : new InterpreterFault(exception, fault.Path, Place(fault.Path), fault.Location, fault.Stack);
    }

    private Exception? foreign;

    private bool IsOfOverride(Exception exception) => Homes.IsUsers(tracer.GetType())
        && Array.Exists(new System.Diagnostics.StackTrace(exception).GetFrames(), frame => frame.GetMethod()?.DeclaringType is { } type
            && typeof(Tracer).IsAssignableFrom(type) && Homes.IsUsers(type));

    private object? Seen(object? real)
    {
        if (Recording is not null)
        {
            if (real is TorchSharp.Modules.Parameter read)
                ReadParameter(read);
            return real;
        }
        if (real is not TorchSharp.Modules.Parameter parameter || !tracer.Attributes.Owns(parameter))
            return Overlay.Current(real);
        var registered = tracer.Attributes.Registered(parameter);
        if (!Symbols.TryGet(registered, out _))
            tracer.Attributes.NodeFor(this, registered);
        return Overlay.Current(registered);
    }
}
