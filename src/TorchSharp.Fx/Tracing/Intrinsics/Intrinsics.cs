using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The members of .NET that the interpreter knows by itself: types that can't be boxed (spans, string interpolation), operations on numbers
/// that may be symbols, and what the C# compiler makes of collection expressions. The tables below are the whole list.
/// </summary>
internal static class Intrinsics
{
    private static readonly FrozenDictionary<string, CallHandler> Known =
        new[] { SpanMembers.Table, SpanFactories.Table, ValueMembers.Table, NumberMembers.Table, SequenceMembers.Table, TextMembers.Table,
            ThreadMembers.Table, ReflectionMembers.Table, StateMembers.Table }
        .SelectMany(table => table).ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly Memo<MethodBase, CallHandler?> Found = new(Find);

    internal static Value? Handle(in Invocation call)
    {
        if (call.This is Delegate callee && call.Method.Name == "Invoke")
            return Invoke(call, callee);
        if (call.Method is { Name: "Address", DeclaringType.IsArray: true })
            return Cell(call);
        if (call.Method is ConstructorInfo constructor && call.Arguments[0].Kind == ValueKind.Address)
            return ConstructInPlace(call, constructor);
        if (!call.Method.IsStatic && NumberMembers.Handle(call) is { } ofNumber)
            return ofNumber;
        return Found.Of(call.Method)?.Invoke(call);
    }

    /// <summary>Whether a method has a model here.</summary>
    internal static bool Knows(MethodBase method) => Found.Of(method) is not null;

    /// <summary>newobj of a struct that has a model.</summary>
    internal static bool TryConstruct(Interpreter interpreter, ConstructorInfo constructor, Value[] arguments, out Value made)
    {
        made = default;
        if (Found.Of(constructor) is not { } model || model(new(interpreter, constructor, [default, .. arguments])) is not { } value)
            return false;
        made = value;
        return true;
    }

    private static Value? ConstructInPlace(in Invocation call, ConstructorInfo constructor)
    {
        var operands = call.Arguments[1..];
        if (!TryConstruct(call.Interpreter, constructor, operands, out var made))
        {
            if (call.Traits.Home == Home.User)
                return null;
            made = call.Interpreter.Construct(constructor, operands);
        }
        call.Arguments[0].Address.Store(made);
        return default(Value);
    }

    /// <summary><c>ref matrix[i, j]</c></summary>
    private static Value Cell(in Invocation call)
    {
        var interpreter = call.Interpreter;
        foreach (var index in call.Operands)
            if (index.IsSymbol)
                throw Untraceable.SymbolicIndex(interpreter, index.Symbol);
        var array = (Array)(call.Arguments[0].Reference ?? throw ProgramFault.Raise(new NullReferenceException()));
        return Value.Of(new Address.Cell(interpreter, array, Array.ConvertAll(call.Operands.ToArray(), index => (int)index.Int64)));
    }

    /// <summary>Calls what a delegate calls.</summary>
    internal static Value Invoke(in Invocation call, Delegate callee)
    {
        if (!callee.HasSingleTarget)
            return InvokeAll(call, callee);
        if (!Delegates.TryOpen(callee, out var target, out var method))
            return HostCode.Run(call);
        var operands = call.Operands.ToArray();
        var closed = method.IsStatic && method.GetParameters().Length == operands.Length + 1;
        return method.IsStatic && !closed
            ? call.Interpreter.Dispatch(method, operands)
            : call.Interpreter.Dispatch(method,
                [target is ValueType ? Value.Of(new Address.Box(target)) : Value.OfObject(target), .. operands]);
    }

    /// <summary>A multicast delegate calls one after the other and gives the last result.</summary>
    private static Value InvokeAll(in Invocation call, Delegate callee)
    {
        var result = default(Value);
        foreach (var single in callee.GetInvocationList())
            result = Invoke(call with { Arguments = [Value.OfObject(single), .. call.Operands] }, single);
        return result;
    }

    private static CallHandler? Find(MethodBase method)
    {
        var type = method.DeclaringType!;
        if (type.IsGenericType)
            type = type.GetGenericTypeDefinition();
        var name = type.FullName?.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal) == true
            ? "<PrivateImplementationDetails>" : type.FullName;
        return Known.GetValueOrDefault($"{name}.{method.Name}") ?? Known.GetValueOrDefault($"{name}.*");
    }
}
