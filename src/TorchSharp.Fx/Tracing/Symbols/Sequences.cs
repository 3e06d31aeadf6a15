using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Arrays whose length is a symbol while the program fills them, as C# compiles <c>[.. shape[..^1], n]</c>: a new array of that length,
/// then its parts one after the other. What counts is the list of parts; each must start where the one before ended.
/// </summary>
internal sealed class Sequences
{
    private static readonly ConditionalWeakTable<object, Sequences> Known = [];
    private readonly List<Argument> parts = [];
    private LinearForm filled = LinearForm.Zero;

    private Sequences(Type element, Value length) => (Element, Length) = (element, length);

    internal Type Element { get; }

    internal Value Length { get; }

    /// <summary>Whether all parts are there: then elements can be read and exchanged.</summary>
    internal bool IsComplete { get; private init; }

    /// <summary>The parts, once they are all there.</summary>
    internal Argument ToArgument(Interpreter interpreter, Array array)
        => IsComplete || filled.Equals(LinearForm.Of(Length)) ? new ListArgument([.. parts], Element)
            : interpreter.Walked(Value.OfObject(array), isChanged: true) is { } real && !ReferenceEquals(real.Reference, array)
                ? interpreter.ToArgument(real.Reference) : throw Untraceable.OutOfOrder(interpreter);

    /// <summary>Whether nothing was written yet.</summary>
    internal bool IsUnfilled => parts.Count == 0 && !IsComplete;

    /// <summary>The loop that all elements come of, where one loop gave them.</summary>
    internal Argument? Filled { get; private set; }

    /// <summary>Writes all elements at once.</summary>
    internal void Fill(Argument elements)
    {
        parts.Add(new SpreadArgument(Filled = elements));
        filled = LinearForm.Of(Length);
    }

    /// <summary>Another array with the same elements.</summary>
    internal Array Copy() => Of(Element, Length, [.. parts]);

    /// <summary>The values written so far, one an element.</summary>
    internal IEnumerable<Value> Items(Interpreter interpreter) => parts.SelectMany(part => part switch
    {
        SpreadArgument spread => interpreter.Spread(spread.Sequence, Element),
        Literal { Value: var value } => [interpreter.ToValue(value, Element)],
        _ => [interpreter.FromProxy(new Proxy(part, Element))],
    });

    internal static Array New(Type element, Value length)
    {
        var array = Array.CreateInstance(element, 0);
        Known.Add(array, new Sequences(element, length));
        return array;
    }

    /// <summary>A sequence that is complete from the start.</summary>
    internal static Array Of(Type element, Value length, params ImmutableArray<Argument> parts)
    {
        var array = Array.CreateInstance(element, 0);
        Of(array, length, parts);
        return array;
    }

    /// <summary>Makes an array stand for a complete sequence.</summary>
    internal static Sequences Of(Array array, Value length, params ImmutableArray<Argument> parts)
    {
        var sequence = new Sequences(array.GetType().GetElementType()!, length) { IsComplete = true };
        sequence.parts.AddRange(parts);
        Known.Add(array, sequence);
        return sequence;
    }

    /// <summary>Puts an element in the place of another; a negative position counts from the end.</summary>
    internal void Replace(Interpreter interpreter, int position, Argument element)
    {
        var (part, offset) = Locate(interpreter, position);
        if (parts[part] is not SpreadArgument spread)
        {
            parts[part] = element;
            return;
        }
        var pieces = new List<Argument>();
        if (offset != 0)
            pieces.Add(Slice(null, offset));
        pieces.Add(element);
        if (offset != -1)
            pieces.Add(Slice(offset + 1, null));
        parts.RemoveAt(part);
        parts.InsertRange(part, pieces);

        SpreadArgument Slice(int? start, int? stop)
        {
            var slice = new SliceArgument(start is null ? null : new Literal(start), stop is null ? null : new Literal(stop), null);
            return new(interpreter.ToArgument(
                interpreter.RecordItem(new Proxy(spread.Sequence, Element.MakeArrayType()), slice, Element.MakeArrayType()),
                typeof(object)));
        }
    }

    /// <summary>Reads an element.</summary>
    internal Value Item(Interpreter interpreter, int position)
    {
        var (part, offset) = Locate(interpreter, position);
        return parts[part] switch
        {
            SpreadArgument spread =>
                interpreter.RecordItem(new Proxy(spread.Sequence, Element.MakeArrayType()), new Literal(offset), Element),
            Literal { Value: var value } => interpreter.ToValue(value, Element),
            var known => interpreter.FromProxy(new Proxy(known, Element)),
        };
    }

    /// <summary>The part that holds a position, and where in it: parts of one element each are counted from the position's side.</summary>
    private (int Part, int Offset) Locate(Interpreter interpreter, int position)
    {
        var (part, step) = position < 0 ? (parts.Count - 1, -1) : (0, 1);
        for (var left = position < 0 ? -1 - position : position; part >= 0 && part < parts.Count; part += step, left--)
            if (left == 0 || parts[part] is SpreadArgument)
                return (part, position < 0 ? -1 - left : left);
        throw Untraceable.OutOfOrder(interpreter);
    }

    internal static bool TryGet(object? array, out Sequences sequence)
    {
        sequence = null!;
        return array is Array && Known.TryGetValue(array, out sequence!);
    }

    internal void Write(Interpreter interpreter, Value at, Argument part, Value length) => Write(interpreter, at, [part], length);

    /// <summary>Whether an element is the next to be written.</summary>
    internal bool IsNext(Value at) => !IsComplete && LinearForm.Of(at).Equals(filled);

    /// <summary>Writes parts that together are <paramref name="length"/> elements.</summary>
    internal void Write(Interpreter interpreter, Value at, ImmutableArray<Argument> next, Value length)
    {
        if (!LinearForm.Of(at).Equals(filled))
            throw Untraceable.OutOfOrder(interpreter);
        parts.AddRange(next);
        filled = filled.Plus(LinearForm.Of(length), 1);
    }
}
