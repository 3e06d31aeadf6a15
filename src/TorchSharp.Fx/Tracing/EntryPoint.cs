using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The start of a trace: the <c>forward</c> of a module, or a function.</summary>
/// <param name="Root">The module whose hierarchy the graph names.</param>
/// <param name="Method">The method that runs.</param>
/// <param name="Closed">What it is called on, or its first argument is fixed to; null for a static method.</param>
/// <param name="Parameters">The parameters that become inputs.</param>
internal sealed record EntryPoint(torch.nn.Module Root, MethodInfo Method, object? Closed, ParameterInfo[] Parameters)
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly;

    internal static EntryPoint Of(torch.nn.Module root)
    {
        if (root is IHoldsGraph { Held: var graph } && Runner(root) is { } runner)
            return new(root, runner, root,
                [.. graph.find_nodes(Opcode.placeholder).Select(node => new PlaceholderParameter(node, runner))]) { IsCall = true };
        var forward = Forward(root);
        return new(root, forward, root, forward.GetParameters()) { IsCall = true };
    }

    /// <summary>Whether it stands for calling the root, which runs the root's hooks, and not for its forward alone.</summary>
    private bool IsCall { get; init; }

    /// <summary>The method of a graph module that runs its graph; null where the user's own forward does.</summary>
    private static MethodInfo? Runner(torch.nn.Module root)
    {
        for (var type = root.GetType(); type is not null && type != typeof(torch.nn.Module); type = type.BaseType)
            if (type.Assembly == typeof(Graph).Assembly
                && (type.GetMethod("forward", Own) ?? type.GetMethod("call", Own, [typeof(object[])])) is { } method)
                return method;
            else if (type.GetMethod("forward", Own) is not null)
                return null;
        return null;
    }

    /// <summary>The type of the result.</summary>
    internal Type ReturnType => IsReplayed ? ((IHoldsGraph)Root).Held.output_node().type : Method.ReturnType;

    private bool IsReplayed => ReferenceEquals(Closed, Root) && Replay.Is(Root, Method);

    /// <summary>
    /// A method of a module has that module as its root, also if it isn't <c>forward</c>; any other function has what it captured.
    /// </summary>
    internal static EntryPoint Of(Delegate function)
    {
        if (!Delegates.TryOpen(function, out var target, out var method))
            throw new ArgumentException(
                $"A {(function.HasSingleTarget ? "delegate that was compiled at run time" : "delegate of several methods")} can't be "
                    + "traced: it has no code of its own to follow. Give a lambda or a method.", nameof(function));
        // A static method's delegate may have its first argument closed over.
        var isClosed = method.IsStatic && method.GetParameters().Length > function.GetType().GetMethod("Invoke")!.GetParameters().Length;
        var root = target as torch.nn.Module ?? new TracedFunction(method.IsStatic ? null : target);
        return new(root, method, method.IsStatic
            && !isClosed ? null : target, isClosed ? method.GetParameters()[1..] : method.GetParameters());
    }

    /// <summary>Runs it on values for its inputs, the way every call goes: a function of TorchSharp is one node.</summary>
    internal Value Run(Interpreter interpreter, Value[] inputs) => IsReplayed && !ModuleHooks.On(Root)
        ? new Replay(interpreter, Root).Root(inputs)
        : interpreter.Dispatch(Called, Closed switch
        {
            null => inputs,
            ValueType => [Value.Of(new Address.Box(Closed)), .. inputs],
            _ => [Value.OfObject(Closed), .. inputs],
        });

    /// <summary>The hooks of the root are a part of what it does, as those of every module are that is followed.</summary>
    private MethodInfo Called => IsCall && ModuleHooks.On(Root) ? ModuleCalls.WithHooks(Root, Method) : Method;

    /// <summary>The forward that overrides <c>Module&lt;…>.forward</c>; for a bare <c>Module</c> the only one there is.</summary>
    private static MethodInfo Forward(torch.nn.Module root)
    {
        for (var type = root.GetType(); type is not null; type = type.BaseType)
            if (type.IsGenericType && type.Name.StartsWith("Module`", StringComparison.Ordinal) && type.Assembly == typeof(torch).Assembly)
                return (MethodInfo)Overrides.Find(type.GetMethod("forward", Own)!, root.GetType());
        var candidates = new List<MethodInfo>();
        for (var type = root.GetType(); type is not null && type != typeof(torch.nn.Module); type = type.BaseType)
            candidates.AddRange(type.GetMethods(Own)
                .Where(method => method.Name is "forward"
                    && !candidates.Exists(known => known.GetBaseDefinition() == method.GetBaseDefinition())));
        return candidates switch
        {
            [var only] => only,
            [] => throw new ArgumentException(
                $"{root.GetType().Name} can't be traced: it has no public forward method. Derive it from nn.Module<…> and override "
                    + "forward, or give it one."),
            _ => throw new ArgumentException(
                $"{root.GetType().Name} can't be traced: it has {candidates.Count} forward methods and no rule says which one it starts "
                    + "with. Derive it from nn.Module<…>: the trace then starts with the override of its forward."),
        };
    }

    /// <summary>
    /// A symbol for each parameter, its placeholder first in the graph; the given value for a concrete one, and the default for one whose
    /// type no symbol can have, such as a string.
    /// </summary>
    internal Value[] Inputs(Interpreter interpreter, IReadOnlyDictionary<string, object?> concrete_args)
    {
        var name = PythonNames.Plain(Method.Name);
        var place = ReferenceEquals(Closed, Root) ? $"{Method.DeclaringType!.Name}.{name}" : name;
        foreach (var key in concrete_args.Keys)
            if (!Array.Exists(Parameters, parameter => parameter.Name == key))
                throw new ArgumentException(
                    $"concrete_args names '{key}', which is no parameter of {place}. It has: "
                        + $"{string.Join(", ", Parameters.Select(parameter => parameter.Name))}.", nameof(concrete_args));
        foreach (var parameter in Parameters)
            if (concrete_args.TryGetValue(parameter.Name!, out var value) && !Fits(value, parameter.ParameterType))
                throw new ArgumentException(
                    $"concrete_args gives '{parameter.Name}' "
                        + $"{(value is null ? "null" : "a value of type " + Untraceable.Short(value.GetType()))}, but {name} takes one of "
                        + $"type {Untraceable.Short(parameter.ParameterType)}.", nameof(concrete_args));
        if (Array.Find(Parameters, parameter => parameter.ParameterType.IsByRef) is { } reference)
            throw Untraceable.InputType(interpreter, reference);
        return Array.ConvertAll(Parameters, parameter => concrete_args.TryGetValue(parameter.Name!, out var given)
            ? Specialised(interpreter, parameter, given)
            : interpreter.Examples is not null || Symbols.CanStandFor(parameter.ParameterType)
                ? interpreter.FromProxy(Placeholder(interpreter, parameter, parameter.Name!))
            : parameter.HasDefaultValue ? Specialised(interpreter, parameter, parameter.DefaultValue)
            : throw Untraceable.InputType(interpreter, parameter));
    }

    private static bool Fits(object? value, Type type)
        => value is null ? !type.IsValueType
            || StructLayout.IsNullable(type) : (Nullable.GetUnderlyingType(type) ?? type).IsInstanceOfType(value);

    private static Proxy Placeholder(Interpreter interpreter, ParameterInfo parameter, string name)
    {
        var preset = parameter.HasDefaultValue && parameter.DefaultValue is null or string or ValueType
            ? new Literal(parameter.DefaultValue) : null;
        var proxy = interpreter.Tracer.create_proxy(Opcode.placeholder,
            new PlaceholderTarget(name, parameter.HasDefaultValue ? preset : null), [], parameter.ParameterType);
        interpreter.Examples?.Input(proxy.node, parameter);
        return proxy;
    }

    /// <summary>
    /// A concrete argument stays an input, so that the signature stays, and an <c>_assert</c> holds calls to the value, as torch.fx does
    /// it.
    /// </summary>
    private static Value Specialised(Interpreter interpreter, ParameterInfo parameter, object? value)
    {
        var type = parameter.ParameterType;
        var input = Placeholder(interpreter, parameter, parameter.Name + "_1");
        var literal = interpreter.ToConstant(value);
        var same = interpreter.Tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.eq, Interpreter.Compared(value, type)),
            [input.Argument, literal], typeof(bool));
        interpreter.Specialised(same, $"{parameter.Name} has been specialized to have value {literal} but got another value");
        return StructLayout.IsNullable(type) ? Value.OfStruct(value) : interpreter.ToValue(value, type);
    }
}
