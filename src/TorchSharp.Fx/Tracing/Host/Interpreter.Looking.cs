using System.Collections;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The value that real code gets where it looks at one: what the example has, and the graph asserts that; without an example the call is
/// refused.
/// </summary>
internal sealed partial class Interpreter
{
    private readonly HashSet<object> carriers = new(ReferenceEqualityComparer.Instance);

    internal Texts Texts => field ??= new(this);

    /// <summary>A value as a method may be given it.</summary>
    internal Value Used(Value value, Use use, MethodBase method, bool isChanged = false) => use switch
    {
        Use.Look => Looked(isChanged ? Walked(value, isChanged) : value, method),
        Use.Walk => value.Reference is string ? Looked(value, method) : Walked(value, isChanged),
        _ => value,
    };

    /// <summary>A symbol that a value is or holds.</summary>
    internal Proxy? Numbers(Value value)
        => value.Kind is ValueKind.Symbol or ValueKind.Object or ValueKind.Struct ? new Contents(this).Find(value) : null;

    /// <summary>Notes a sequence that only hands on what others keep.</summary>
    internal void Carried(object? result)
    {
        if (result is IEnumerable or IEnumerator && !Carrying.IsStore(result))
            carriers.Add(result);
    }

    internal bool IsCarrier(object? real) => Carrying.IsStore(real) || carriers.Contains(real!);

    /// <summary>A tuple or struct that is a symbol, as one of the symbols that it holds.</summary>
    internal Value Unpacked(Value value)
        => value.Reference is not Proxy { type: { IsValueType: true, IsPrimitive: false, IsEnum: false } type } symbol
            || StructLayout.IsNullable(type) || symbol is Deferred ? value
            : Written(symbol, type) is var real && value.Kind == ValueKind.Object ? Value.OfObject(real) : Value.OfStruct(real);

    /// <summary>A value without symbols, for code that looks at it.</summary>
    private Value Looked(Value value, MethodBase method)
    {
        if (value.Kind == ValueKind.Address)
        {
            var held = value.Address is Address.Pointer ? default : value.Address.Load();
            if (Looked(held, method) is var seen && (seen.Kind != held.Kind || !ReferenceEquals(seen.Reference, held.Reference)))
                value.Address.Store(seen);
            return value;
        }
        if (Numbers(value) is not { } symbol)
            return value;
        if (value.IsSymbol && Examples is null && Fixed(value) is { } always)
            return always;
        if (IsWritingMessage || (Examples is null && !IsFixed(Value.Of(symbol))))
            throw Unseen(value, symbol, method);
        return new Contents(this).Replace(value, (real, found) => Exemplary(real, found, method));
    }

    private TraceException Unseen(Value value, Proxy symbol, MethodBase method)
        => Texts.IsSymbolic(value.Reference) ? Untraceable.ReadsText(this, method == TextMethod ? null : method, symbol)
            : value.Reference is IEnumerable && Symbols.TryGet(value.Reference, out _) ? Untraceable.UnknownLength(this, symbol)
            : Sequences.TryGet(value.Reference, out var sequence) && !sequence.IsComplete ? Untraceable.OutOfOrder(this)
            : Untraceable.NeedsValue(this, method, symbol);

    /// <summary>The example's value for an object that stands for a symbol, or shows one.</summary>
    private object? Exemplary(object real, Proxy? symbol, MethodBase method)
    {
        if (Texts.IsSymbolic(real))
            return Texts.Read(real);
        if (real is IEnumerable && Solid(real) is { } elements)
            return Looked(Value.OfObject(elements), method).Reference;
        if (real is torch.Device && symbol is not null)
            return OfExample(symbol);
        if (symbol is null || (real is not Proxy && Symbols.TryGet(real, out _)) || Specialise(symbol) is not { IsSymbol: false } number)
            throw Untraceable.NeedsValue(this, method, symbol!);
        return ToObject(number, symbol.type);
    }

    /// <summary>The example's device: its type and its index are asserted, as two devices are not equal by themselves.</summary>
    private object? OfExample(Proxy device)
    {
        foreach (var part in (string[])["type", "index"])
            if (RecordMember(device, typeof(torch.Device).GetProperty(part)!) is { IsSymbol: true } number)
                Specialise(number.Symbol);
        return Facts.TryGet(device.Argument, out var own) ? own : Examples!.Of(device.Argument);
    }

    /// <summary>A value as the example has it, for a text.</summary>
    internal object? ByExample(Value value, Proxy symbol, Type type)
    {
        if (IsWritingMessage || value.Reference is torch.Tensor || (Examples is null && !IsFixed(Value.Of(symbol))))
            throw Untraceable.ReadsText(this, null, symbol);
        return ToObject(Looked(value, TextMethod), type == typeof(object) && value.IsSymbol ? symbol.type : type);
    }

    /// <summary>Stands for the program itself where it makes a text or hands one on.</summary>
    private static readonly MethodInfo TextMethod = typeof(object).GetMethod(nameof(ToString))!;

    /// <summary>A collection that real code goes through, or changes: a real one for one without content.</summary>
    internal Value Walked(Value value, bool isChanged)
    {
        if (value is { Kind: ValueKind.Address, Reference: not Address.Pointer })
        {
            if (Walked(value.Address.Load(), isChanged) is var walked && !ReferenceEquals(walked.Reference, value.Address.Load().Reference))
                value.Address.Store(walked);
            return value;
        }
        if (value.Reference is not { } real || !ReferenceEquals(Overlay.Current(real), real))
            return value;
        if (value.Reference is SpanModel { IsSymbolic: true } span)
            return Solid(span, isChanged);
        if (real is not IEnumerable || !(Symbols.TryGet(real, out var symbol) || Sequences.TryGet(real, out _)))
            return value;
        var made = Solid(real) ?? throw Unwalkable(real, symbol is null ? default : Value.Of(symbol));
        return Value.OfObject(isChanged ? Overlay.Replace(real, made) : made);
    }

    private Value Solid(SpanModel span, bool isChanged)
    {
        if (Solid(span.Array) is not Array whole)
            throw Unwalkable(span.Array, span.SymbolicLength);
        if (isChanged)
            Overlay.Replace(span.Array, whole);
        int Number(Value number)
            => (int)(number.IsSymbol ? Specialise(number.Symbol) ?? throw Unwalkable(span.Array, number) : number).Int64;
        return Value.OfStruct(
            SpanModel.Over(whole, Number(span.SymbolicOffset), span.SymbolicLength.IsInteger
                || span.SymbolicLength.IsSymbol ? Number(span.SymbolicLength) : whole.Length));
    }

    private TraceException Unwalkable(object real, Value symbol)
        => symbol.IsSymbol && !Sequences.TryGet(real, out _)
            ? Untraceable.UnknownLength(this, symbol.Symbol) : Untraceable.OutOfOrder(this);

    /// <summary>The real collection for one without content; null where its length isn't known.</summary>
    private object? Solid(object real)
    {
        if (Overlay.Current(real) is var current && !ReferenceEquals(current, real))
            return current;
        return Sequences.TryGet(real, out var sequence) ? Solid((Array)real, sequence) : Materialise(real);
    }

    /// <summary>
    /// An array that was made with a symbolic length, as one of the length that the example has, with what was written to it so far.
    /// </summary>
    private Array? Solid(Array array, Sequences sequence)
    {
        if (IsWritingMessage || (Examples is null && !IsFixed(sequence.Length)))
            return null;
        var length = sequence.Length.IsSymbol ? (Specialise(sequence.Length.Symbol) ?? sequence.Length).Int64 : sequence.Length.Int64;
        var made = Array.CreateInstance(sequence.Element, length);
        Overlay.Own(made);
        var at = 0;
        foreach (var item in sequence.Items(this))
            StoreElement(made, at++, item);
        Overlay.Replace(array, made);
        return made;
    }

    /// <summary>A string, for code that reads it; null for anything else.</summary>
    internal string? ReadText(object? text) => text is string ? (string?)Looked(Value.OfObject(text), AsSpanMethod).Reference : null;

    private static readonly MethodInfo AsSpanMethod =
        typeof(MemoryExtensions).GetMethod(nameof(MemoryExtensions.AsSpan), [typeof(string)])!;

    /// <summary>Another array or list with the elements of one without content.</summary>
    internal Value Twin(IEnumerable source, Type type) => !Sequences.TryGet(source, out var sequence)
        ? Symbols.TryGet(source, out var symbol)
        ? Value.OfObject(Symbols.Placeholder(new Proxy(symbol.Argument, type.IsAssignableFrom(source.GetType()) ? source.GetType() : type)))
            : Value.OfObject(source)
        : sequence.Filled is { } filled ? FromProxy(new Proxy(filled, type))
        : type.IsArray && sequence.IsComplete
            ? Value.OfObject(sequence.Copy())
                : Dispatch(ToListMethod.MakeGenericMethod(sequence.Element), Walked(Value.OfObject(source), isChanged: true));

    private static readonly MethodInfo ToListMethod = typeof(Enumerable).GetMethod(nameof(Enumerable.ToList))!;

    /// <summary>The elements of a sequence that an argument stands for, whose number the example tells.</summary>
    internal IEnumerable<Value> Spread(Argument sequence, Type element)
    {
        var placeholder = FromProxy(new Proxy(sequence, element.MakeArrayType())).Reference!;
        return ((Array)Materialise(placeholder)!).Cast<object>().Select(item => ToValue(item, element));
    }
}
