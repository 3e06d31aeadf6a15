using System.Collections;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Code that runs as it is. What only stores, copies or hands on its arguments may be given symbols (<see cref="Carrying"/>); all other
/// code would look at a tag in place of a number, and so it is given what the example has, which the graph then asserts, or is refused.
/// </summary>
internal static class HostCode
{
    internal static Value? Handle(in Invocation call) => Run(call);

    /// <summary>Runs a method for real.</summary>
    internal static Value Run(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        var uses = Prepare(call);
        if (HostState.Guard(call))
            return interpreter.Run(call.Traits, arguments);
        for (var i = 0; i < arguments.Length; i++)
            if (arguments[i].Reference is SpanModel { Length: > 0 } span
                && call.Traits.Parameters[i - (method.IsStatic ? 0 : 1)].ParameterType.Name == "Span`1")
                arguments[i] = Value.OfStruct(SpanModel.Over(interpreter.Overlay.ForChange(span.Array), span.Offset, span.Length));
        var result = interpreter.RunOnHost(method, arguments, uses);
        if (uses is not null)
            interpreter.Carried(result.Reference);
        if (method.DeclaringType == typeof(Array) && method.Name == nameof(Array.Resize))
            interpreter.Overlay.Own(arguments[0].Address.Load().Reference!);
        HostState.Note(call, result);
        return result;
    }

    /// <summary>
    /// Makes the arguments fit for a method or constructor that runs as it is, and tells what it does with them; null if it may look at
    /// everything.
    /// </summary>
    internal static Use[]? Prepare(in Invocation call)
    {
        var (interpreter, method, arguments) = call;
        foreach (ref var argument in arguments.AsSpan())
            argument = interpreter.Unpacked(argument);
        if (TakesReferences(call))
            throw Untraceable.NoBody(interpreter, method);
        var uses = Carrying.Of(method) ?? OfException(method);
        if (uses is not null && !OnlyCarries(call, uses))
            uses = null;
        if (!method.IsStatic && !method.IsConstructor)
            arguments[0] = Receiver(call, uses);
        var first = method.IsStatic ? 0 : 1;
        for (var i = first; i < arguments.Length; i++)
            arguments[i] =
                interpreter.Used(arguments[i], uses?[i - first] ?? Use.Look, method,
                    MayChange(call.Traits.Parameters[i - first].ParameterType));
        return uses;
    }

    private static bool MayChange(Type declared)
        => declared != typeof(IEnumerable)
            && !(declared.IsGenericType
                && (declared.Name.StartsWith("IEnumerable`", StringComparison.Ordinal)
                    || declared.Name.StartsWith("IReadOnly", StringComparison.Ordinal)));

    /// <summary>Whether a method computes with addresses: a variable of the program has none.</summary>
    private static bool TakesReferences(in Invocation call)
        => (call.Method.DeclaringType == typeof(System.Runtime.CompilerServices.Unsafe)
            || call.Method.DeclaringType == typeof(System.Runtime.InteropServices.MemoryMarshal)
            || call.Method.Name.EndsWith("Unsafe", StringComparison.Ordinal))
            && Array.Exists(call.Traits.Parameters, parameter => parameter.ParameterType.IsByRef);

    private static Value Receiver(in Invocation call, Use[]? uses)
    {
        var receiver = call.Interpreter.Walked(call.Arguments[0], isChanged: true);
        // A list that stands for a sequence of unknown length is an array within.
        if (receiver is { Kind: ValueKind.Object, Reference: Array array } && !call.Method.DeclaringType!.IsInstanceOfType(array))
            throw Untraceable.OutOfOrder(call.Interpreter);
        return uses is null ? call.Interpreter.Used(receiver, Use.Look, call.Method) : receiver;
    }

    /// <summary>
    /// Whether a method that carries does so with these arguments: it goes through no query that compares, and converts no numbers.
    /// </summary>
    private static bool OnlyCarries(in Invocation call, Use[] uses)
    {
        var first = call.Method.IsStatic ? 0 : 1;
        for (var i = 0; i < call.Arguments.Length; i++)
            if ((i < first || uses[i - first] is Use.Walk or Use.Look) && !call.Interpreter.IsCarrier(call.Arguments[i].Reference))
                return false;
        if (!call.Method.IsStatic
            && Array.Exists(call.Operands.ToArray(), operand => operand is { Kind: ValueKind.Object, Reference: Proxy })
            && HoldsNumbers(call.Arguments[0].Reference))
            return false;
        return call.Method.DeclaringType == typeof(Array) ? KeepsType(call) : call.Method.Name is not ("Cast" or "OfType")
            || !call.Traits.ReturnType.GenericTypeArguments[0].IsValueType || call.Arguments[0].Reference is not object[];
    }

    /// <summary>A collection that has no room for an object in the place of a number.</summary>
    private static bool HoldsNumbers(object? collection)
        => collection is IList
            && (collection.GetType().GetElementType()
                ?? (collection.GetType().GenericTypeArguments is [var item] ? item : null)) is { IsValueType: true };

    /// <summary>Not so where <c>Array.Copy</c> makes doubles of longs.</summary>
    private static bool KeepsType(in Invocation call)
    {
        Type? type = null;
        foreach (var argument in call.Arguments)
            if (argument.Reference is Array array)
            {
                if (type is not null && type != array.GetType().GetElementType())
                    return false;
                type = array.GetType().GetElementType();
            }
        return call.Method.Name != nameof(Array.SetValue) || type is null || !type.IsPrimitive
            || (call.Operands[0].Reference is Proxy { type: var given } ? given : call.Operands[0].Reference?.GetType()) == type;
    }

    /// <summary>An exception keeps its message; nobody reads that but a log.</summary>
    private static Use[]? OfException(MethodBase method) => method.IsConstructor && typeof(Exception).IsAssignableFrom(method.DeclaringType)
        ? Array.ConvertAll(Traits.Of(method).Parameters, parameter => parameter.ParameterType == typeof(string)
            || typeof(Exception).IsAssignableFrom(parameter.ParameterType) ? Use.Carry : Use.Look)
        : null;
}
