using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The <c>forward</c> that a trace starts with, and the symbols it is given.</summary>
internal static class EntryPoint
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly;

    /// <summary>The forward that overrides <c>Module&lt;…>.forward</c>; for a bare <c>Module</c> the only one there is.</summary>
    internal static MethodInfo Of(torch.nn.Module root)
    {
        for (var type = root.GetType(); type is not null; type = type.BaseType)
            if (type.IsGenericType && type.Name.StartsWith("Module`", StringComparison.Ordinal) && type.Assembly == typeof(torch).Assembly)
                return (MethodInfo)Overrides.Find(type.GetMethod("forward", Own)!, root.GetType());
        var candidates = new List<MethodInfo>();
        for (var type = root.GetType(); type is not null && type != typeof(torch.nn.Module); type = type.BaseType)
            candidates.AddRange(type.GetMethods(Own).Where(method => method.Name is "forward" && !candidates.Exists(known => known.GetBaseDefinition() == method.GetBaseDefinition())));
        return candidates switch
        {
            [var only] => only,
            [] => throw new ArgumentException($"{root.GetType().Name} can't be traced: it has no public forward method. Derive it from nn.Module<…> and override forward, or give it one."),
            _ => throw new ArgumentException($"{root.GetType().Name} can't be traced: it has {candidates.Count} forward methods and no rule says which one it starts with. Derive it from nn.Module<…>: the forward that overrides its is the one."),
        };
    }

    /// <summary>
    /// A symbol for each parameter, its placeholder first in the graph; the given value for a concrete one, and the default for one whose type no symbol
    /// can have, such as a string.
    /// </summary>
    internal static Value[] Inputs(Interpreter interpreter, MethodInfo forward, IReadOnlyDictionary<string, object?> concrete_args)
    {
        var parameters = forward.GetParameters();
        foreach (var name in concrete_args.Keys)
            if (!Array.Exists(parameters, parameter => parameter.Name == name))
                throw new ArgumentException($"concrete_args names '{name}', which is no parameter of {forward.DeclaringType!.Name}.forward. It has: {string.Join(", ", parameters.Select(parameter => parameter.Name))}.", nameof(concrete_args));
        foreach (var parameter in parameters)
            if (concrete_args.TryGetValue(parameter.Name!, out var value) && !Fits(value, parameter.ParameterType))
                throw new ArgumentException($"concrete_args gives '{parameter.Name}' {(value is null ? "null" : "a value of type " + Untraceable.Short(value.GetType()))}, but forward takes one of type {Untraceable.Short(parameter.ParameterType)}.", nameof(concrete_args));
        return Array.ConvertAll(parameters, parameter => concrete_args.TryGetValue(parameter.Name!, out var given)
            ? Specialised(interpreter, parameter, given)
            : Symbols.CanStandFor(parameter.ParameterType) ? interpreter.FromProxy(Placeholder(interpreter, parameter, parameter.Name!))
            : parameter.HasDefaultValue ? Specialised(interpreter, parameter, parameter.DefaultValue)
            : throw Untraceable.InputType(interpreter, parameter));
    }

    private static bool Fits(object? value, Type type)
        => value is null ? !type.IsValueType || StructLayout.IsNullable(type) : (Nullable.GetUnderlyingType(type) ?? type).IsInstanceOfType(value);

    private static Proxy Placeholder(Interpreter interpreter, ParameterInfo parameter, string name)
    {
        var preset = parameter.HasDefaultValue && parameter.DefaultValue is null or string or ValueType ? new Literal(parameter.DefaultValue) : null;
        var proxy = interpreter.Tracer.create_proxy(Opcode.placeholder, new PlaceholderTarget(name, parameter.HasDefaultValue ? preset : null), [], parameter.ParameterType);
        interpreter.Examples?.Input(proxy.node, parameter);
        return proxy;
    }

    /// <summary>
    /// A concrete argument stays an input, so that the signature stays, and an <c>_assert</c> holds calls to the value, as torch.fx does it.
    /// </summary>
    private static Value Specialised(Interpreter interpreter, ParameterInfo parameter, object? value)
    {
        var type = parameter.ParameterType;
        var input = Placeholder(interpreter, parameter, parameter.Name + "_1");
        if (value is null or string || value.GetType().IsPrimitive || value is Enum)
        {
            var literal = new Literal(value);
            var same = interpreter.Tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.eq, value?.GetType() ?? typeof(object)), [input.Argument, literal], typeof(bool));
            var message = $"{parameter.Name} has been specialized to have value {literal} but got another value";
            interpreter.Specialised(same, message);
        }
        return StructLayout.IsNullable(type) ? Value.OfStruct(value) : interpreter.ToValue(value, type);
    }
}
