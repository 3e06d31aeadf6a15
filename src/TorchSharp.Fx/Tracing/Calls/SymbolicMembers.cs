namespace TorchSharp.Fx.Tracing;

/// <summary>Properties, elements and lengths of an object without content: the shape of a tensor, a list or record that is an input.</summary>
internal static class SymbolicMembers
{
    internal static Value? Handle(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Method.IsStatic || call.This is not { } target || call.Arguments[0].IsSymbol || !interpreter.Symbols.TryGet(target, out var symbol))
            return null;
        if (call.Method.Name == nameof(ToString) && call.Operands.Length == 0)
            return Value.OfObject(symbol.ToString());
        if (target is System.Collections.IEnumerable)
            return OfCollection(call, target, symbol);
        return call.Traits.Property is { } property ? interpreter.RecordMember(symbol, property) : null;
    }

    private static Value? OfCollection(in Invocation call, object target, Proxy symbol) => call.Method.Name switch
    {
        "get_Item" => call.Interpreter.RecordItem(symbol, Key(call, target), call.Traits.ReturnType),
        "get_Length" or "get_Count" => call.Interpreter.Length(Value.OfObject(target)),
        "ToArray" or "ToList" => Value.OfObject(target),
        "get_LongLength" => call.Interpreter.Length(Value.OfObject(target)),
        _ => throw Untraceable.UnknownLength(call.Interpreter, symbol),
    };

    private static Argument Key(in Invocation call, object target)
    {
        var key = call.Operands[0];
        return key.IsInteger || key.IsSymbol ? call.Interpreter.IndexArgument(target, key) : call.Interpreter.ToArgument(key, typeof(object));
    }
}
