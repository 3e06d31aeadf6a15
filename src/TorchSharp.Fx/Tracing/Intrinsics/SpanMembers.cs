namespace TorchSharp.Fx.Tracing;

/// <summary><c>Span&lt;T></c> and <c>ReadOnlySpan&lt;T></c>, as stretches of an array.</summary>
internal static class SpanMembers
{
    internal static IEnumerable<KeyValuePair<string, CallHandler>> Table { get; } =
        new[] { "System.Span`1", "System.ReadOnlySpan`1" }.SelectMany(type => new Dictionary<string, CallHandler>
    {
        [type + "..ctor"] = New,
        [type + ".op_Implicit"] = (in Invocation call) => Over(call.Interpreter, call.Arguments[0]),
        [type + ".get_Item"] = Item,
        [type + ".get_Length"] = (in Invocation call) => LengthOf(Self(call)),
        [type + ".get_IsEmpty"] = (in Invocation call) => Self(call).IsSymbolic ? null : Value.Of(Self(call).Length == 0),
        [type + ".get_Empty"] = (in Invocation call) => StructLayout.Zero(call.Traits.ReturnType),
        [type + ".Slice"] = Slice,
        [type + ".CopyTo"] = CopyTo,
        [type + ".TryCopyTo"] = TryCopyTo,
        [type + ".ToArray"] = (in Invocation call) => ToArray(call.Interpreter, Self(call)),
        [type + ".ToString"] = (in Invocation call) =>
            Value.OfObject(Self(call).Array is char[] text
                ? new string(text, Self(call).Offset, Self(call).Length) : call.Method.DeclaringType!.Name),
        [type + ".Fill"] = Fill,
        [type + ".Clear"] = Fill,
        [type + ".GetEnumerator"] = (in Invocation call) => Value.OfStruct(new Enumerator(Self(call))),
        [type + "+Enumerator.MoveNext"] = (in Invocation call) => Value.Of(Enumerating(call).MoveNext(call.Interpreter)),
        [type + "+Enumerator.System.IDisposable.Dispose"] = (in Invocation call) => default(Value),
        [type + "+Enumerator.get_Current"] = (in Invocation call) => Enumerating(call).Current(call.Interpreter),
    });

    internal static Value Over(Interpreter interpreter, Value source)
    {
        if (source is { Kind: ValueKind.Struct, Reference: not SpanModel and { } segment }
            && segment.GetType().GetProperty("Array")?.GetValue(segment) is Array part)
            return Value.OfStruct(
                SpanModel.Over((Array)interpreter.Overlay.Current(part)!, (int)segment.GetType().GetProperty("Offset")!.GetValue(segment)!,
                    (int)segment.GetType().GetProperty("Count")!.GetValue(segment)!));
        if (source.Kind == ValueKind.Struct)
            return source;
        if (source.Reference is not Array array)
            return interpreter.ReadText(source.Reference) is { } text
                ? Value.OfStruct(SpanModel.Over(text.ToCharArray(), 0, text.Length))
                    : Value.OfStruct(SpanModel.Over(Array.Empty<object>(), 0, 0));
        array = (Array)interpreter.Overlay.Current(array)!;
        var length = interpreter.Length(Value.OfObject(array));
        return Value.OfStruct(length.IsSymbol
            ? SpanModel.OverSymbolic(array, Value.Of(0), length) : SpanModel.Over(array, 0, array.Length));
    }

    internal static SpanModel Of(Value value) => (SpanModel)(value.Kind == ValueKind.Address ? value.Address.Load() : value).Reference!;

    internal static Value LengthOf(SpanModel span) => span.SymbolicLength.IsSymbol ? span.SymbolicLength : Value.Of(span.Length);

    private static SpanModel Self(in Invocation call) => Of(call.Arguments[0]);

    private static Value? New(in Invocation call)
    {
        var operands = call.Operands;
        if (operands.Length == 0)
            return Value.OfStruct(SpanModel.Over(Array.Empty<object>(), 0, 0));
        if (operands[0].Reference is Address.Pointer pointer)
            return operands[1].IsInteger
                ? call.Interpreter.SpanOver(pointer, call.Method.DeclaringType!.GenericTypeArguments[0], operands[1].Int32) : null;
        if (operands[0].Kind == ValueKind.Address)
            return operands.Length == 1
                ? SpanFactories.OverAddress(call.Interpreter, operands[0].Address, 1)
                    : SpanFactories.OverData(call.Method.DeclaringType!.GenericTypeArguments[0], operands[0].Address, operands[1].Int32);
        var whole = Over(call.Interpreter, operands[0]);
        return operands.Length == 1 ? whole : SliceOf(call.Interpreter, Of(whole), operands[1], operands[2]);
    }

    private static Value? Item(in Invocation call)
    {
        var span = Self(call);
        var index = call.Arguments[1];
        if (span.IsSymbolic && call.Interpreter.Symbols.TryGet(span.Array, out var symbol))
        {
            var element = span.Array.GetType().GetElementType()!;
            return Value.Of(
                new Address.Slot([call.Interpreter.RecordItem(symbol, call.Interpreter.IndexArgument(span.Array, index), element)], 0,
                    element));
        }
        span = Real(call.Interpreter, span);
        if (index.IsSymbol)
            index = call.Interpreter.Specialise(index.Symbol) ?? throw Untraceable.SymbolicIndex(call.Interpreter, index.Symbol);
        if ((uint)index.Int32 >= (uint)span.Length)
            throw ProgramFault.Raise(new IndexOutOfRangeException());
        return Value.Of(new Address.Element(call.Interpreter, span.Array, span.Offset + index.Int32));
    }

    private static Value? Slice(in Invocation call)
    {
        var span = Self(call);
        var start = call.Arguments[1];
        if (call.Arguments.Length == 3)
            return SliceOf(call.Interpreter, span, start, call.Arguments[2]);
        if (span.IsSymbolic || start.IsSymbol)
            return call.Interpreter.Symbols.TryGet(span.Array, out var symbol)
                ? Over(call.Interpreter,
                    call.Interpreter.RecordItem(symbol, new SliceArgument(call.Interpreter.IndexArgument(span.Array, start), null, null),
                        span.Array.GetType()))
                : throw Untraceable.OutOfOrder(call.Interpreter);
        return Value.OfStruct(span.Slice(start.Int32, span.Length - start.Int32));
    }

    private static Value SliceOf(Interpreter interpreter, SpanModel span, Value start, Value length)
    {
        if (span.IsSymbolic && !start.IsSymbol && !length.IsSymbol && interpreter.Symbols.TryGet(span.Array, out var symbol))
            return Over(interpreter,
                interpreter.RecordItem(symbol, new SliceArgument(new Literal(start.Int32), new Literal(start.Int32 + length.Int32), null),
                    span.Array.GetType()));
        if (!span.IsSymbolic)
            (start, length) = (Number(interpreter, start), Number(interpreter, length));
        return Value.OfStruct(span.IsSymbolic || start.IsSymbol
            || length.IsSymbol ? SpanModel.OverSymbolic(span.Array, start, length) : span.Slice(start.Int32, length.Int32));
    }

    private static Value Number(Interpreter interpreter, Value number)
        => number.IsSymbol ? interpreter.Specialise(number.Symbol) ?? number : number;

    /// <summary>A span over real elements.</summary>
    private static SpanModel Real(Interpreter interpreter, SpanModel span)
        => span.IsSymbolic ? Of(interpreter.Walked(Value.OfStruct(span), isChanged: true)) : span;

    private static Value? CopyTo(in Invocation call)
    {
        var (source, target) = (Self(call), Of(call.Arguments[1]));
        if (Sequences.TryGet(target.Array, out var sequence)
            && (call.Interpreter.Examples is null || sequence.IsNext(target.SymbolicOffset)))
        {
            Append(call.Interpreter, sequence, target.SymbolicOffset, source);
            return default(Value);
        }
        (source, target) = (Real(call.Interpreter, source), Real(call.Interpreter, target));
        if (source.Length > target.Length)
            throw ProgramFault.Raise(new ArgumentException("Destination is too short."));
        for (var i = 0; i < source.Length; i++)
            call.Interpreter.StoreElement(target.Array, target.Offset + i,
                call.Interpreter.LoadSpread(source.Array, source.Offset + i));
        return default(Value);
    }

    private static Value? TryCopyTo(in Invocation call)
    {
        var (source, target) = (Self(call), Of(call.Arguments[1]));
        if (!Sequences.TryGet(target.Array, out _))
            (source, target) = (Real(call.Interpreter, source), Real(call.Interpreter, target));
        var fits = source.IsSymbolic || target.IsSymbolic || source.Length <= target.Length;
        if (fits)
            CopyTo(call);
        return Value.Of(fits);
    }

    private static void Append(Interpreter interpreter, Sequences sequence, Value at, SpanModel source)
    {
        if (source.IsSymbolic)
        {
            sequence.Write(interpreter, at, new SpreadArgument(interpreter.ToArgument(source.Array)), source.SymbolicLength);
            return;
        }
        sequence.Write(interpreter, at,
            [.. Enumerable.Range(source.Offset, source.Length).Select(i => interpreter.ToArgument(source.Array.GetValue(i)))],
            Value.Of(source.Length));
    }

    private static Value ToArray(Interpreter interpreter, SpanModel span)
    {
        if (span.IsSymbolic)
            return interpreter.Twin(span.Array, span.Array.GetType());
        var copy = span.ToArray();
        interpreter.Overlay.Own(copy);
        return Value.OfObject(copy);
    }

    private static Enumerator Enumerating(in Invocation call) => (Enumerator)call.Arguments[0].Address.Load().Reference!;

    /// <summary>foreach over a span.</summary>
    private sealed class Enumerator(SpanModel span)
    {
        private int at = -1;

        internal bool MoveNext(Interpreter interpreter)
            => span.IsSymbolic ? throw Untraceable.UnknownLength(interpreter, span.SymbolicLength.Symbol) : ++at < span.Length;

        internal Value Current(Interpreter interpreter) => Value.Of(new Address.Element(interpreter, span.Array, span.Offset + at));
    }

    private static Value? Fill(in Invocation call)
    {
        var span = Self(call);
        span = Real(call.Interpreter, span);
        var value = call.Arguments.Length == 2 ? call.Arguments[1] : StructLayout.Zero(span.Array.GetType().GetElementType()!);
        for (var i = 0; i < span.Length; i++)
            call.Interpreter.StoreElement(span.Array, span.Offset + i, value);
        return default(Value);
    }
}
