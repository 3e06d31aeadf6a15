using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Arrays whose length is a symbol while the program fills them, as C# compiles <c>[.. shape[..^1], n]</c>: a new array of that length, then its parts
/// one after the other. What counts is the list of parts; each must start where the one before ended.
/// </summary>
internal sealed class Sequences
{
    private static readonly ConditionalWeakTable<object, Sequences> Known = [];
    private readonly List<Argument> parts = [];
    private LinearForm filled = LinearForm.Zero;

    private Sequences(Type element, Value length) => (Element, Length) = (element, length);

    internal Type Element { get; }

    internal Value Length { get; }

    internal ListArgument Argument => new([.. parts], Element);

    internal static Array New(Type element, Value length)
    {
        var array = Array.CreateInstance(element, 0);
        Known.Add(array, new Sequences(element, length));
        return array;
    }

    /// <summary>A sequence that is complete from the start.</summary>
    internal static Array Of(Type element, Value length, params ImmutableArray<Argument> parts)
    {
        var array = New(element, length);
        if (Known.TryGetValue(array, out var sequence))
            sequence.parts.AddRange(parts);
        return array;
    }

    internal static bool TryGet(object? array, out Sequences sequence)
    {
        sequence = null!;
        return array is Array && Known.TryGetValue(array, out sequence!);
    }

    internal void Write(Interpreter interpreter, Value at, Argument part, Value length) => Write(interpreter, at, [part], length);

    /// <summary>Writes parts that together are <paramref name="length"/> elements.</summary>
    internal void Write(Interpreter interpreter, Value at, ImmutableArray<Argument> next, Value length)
    {
        if (!LinearForm.Of(at).Equals(filled))
            throw Untraceable.OutOfOrder(interpreter);
        parts.AddRange(next);
        filled = filled.Plus(LinearForm.Of(length), 1);
    }
}
