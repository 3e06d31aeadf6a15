using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Properties, elements and lengths of an object without content: the shape of a tensor, a list or record that is an input. A property that
/// the user wrote a body for is followed like any other code, and so is one that the program may have set.
/// </summary>
internal static class SymbolicMembers
{
    internal static Value? Handle(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Method.IsStatic || interpreter.Overlay.Current(call.This) is not { } target || call.Arguments[0].IsSymbol
            || !interpreter.Symbols.TryGet(target, out var symbol))
            return null;
        if (call.Method.Name == nameof(ToString) && call.Operands.Length == 0 && call.Traits.Home != Home.User)
            return TextMembers.Shown(call, Value.OfObject(target), target.GetType());
        if (target is System.Collections.IEnumerable)
            return OfCollection(call, target, symbol);
        if (call.Traits.Property is not { } property
            || (call.Traits.Home == Home.User
                && (interpreter.Overlay.HasFieldsOf(target) || !call.Method.IsDefined(typeof(CompilerGeneratedAttribute), false))))
            return null;
        // Tuple<…>, which TorchSharp returns here and there, reads as the value tuples do.
        return target is ITuple && int.TryParse(property.Name.AsSpan("Item".Length), out var number)
            ? interpreter.RecordItem(symbol, new Literal(number - 1), property.PropertyType)
            : interpreter.RecordMember(symbol, property);
    }

    /// <summary><c>var (a, b) = tuple</c> of a <c>Tuple&lt;…></c>.</summary>
    internal static Value? Deconstruct(in Invocation call)
    {
        if (call.Interpreter.Recording is not null)
            return Interpreter.DeconstructRecorded(call);
        if (!call.Interpreter.Symbols.TryGet(call.Arguments[0].Reference, out var symbol))
            return null;
        for (var i = 1; i < call.Arguments.Length; i++)
            call.Arguments[i].Address.Store(call.Interpreter.RecordItem(symbol, new Literal(i - 1), call.Arguments[i].Address.Type));
        return default(Value);
    }

    private static Value? OfCollection(in Invocation call, object target, Proxy symbol) => call.Method.Name switch
    {
        "get_Item" => call.Interpreter.RecordItem(symbol, Key(call, target), call.Traits.ReturnType),
        "get_Length" or "get_Count" => call.Interpreter.Length(Value.OfObject(target)),
        "ToArray" or "Clone" => Copied(call, symbol, call.Method.Name == "Clone" ? target.GetType() : call.Traits.ReturnType),
        "get_LongLength" => call.Interpreter.Length(Value.OfObject(target)),
        _ => Materialised(call, target, symbol),
    };

    private static Value Copied(in Invocation call, Proxy symbol, Type type)
    {
        var copy = call.Interpreter.Symbols.Placeholder(new Proxy(symbol.Argument, type));
        if (copy is not null)
            call.Interpreter.Overlay.Own(copy);
        return Value.OfObject(copy);
    }

    /// <summary>Any other member needs a real collection, which only an example can give.</summary>
    private static Value Materialised(in Invocation call, object target, Proxy symbol)
    {
        var real = call.Interpreter.Materialise(target) ?? throw Untraceable.UnknownLength(call.Interpreter, symbol);
        if (!HostState.IsReading(call.Method))
            call.Interpreter.NoteChange(target, symbol);
        return call.Interpreter.Dispatch(call.Method, [Value.OfObject(call.Interpreter.Overlay.Replace(target, real)), .. call.Operands]);
    }

    private static Argument Key(in Invocation call, object target)
    {
        var key = call.Operands[0];
        return key.IsInteger || key.IsSymbol
            ? call.Interpreter.IndexArgument(target, key) : call.Interpreter.ToArgument(key, typeof(object));
    }
}
