namespace TorchSharp.Fx.Tracing;

/// <summary>A span of the interpreted program. A real one can't be boxed, so it is what it stands for: a stretch of an array.</summary>
internal sealed class SpanModel
{
    private SpanModel(Array array, int offset, int length, Value symbolicLength)
        => (Array, Offset, Length, SymbolicLength) = (array, offset, length, symbolicLength);

    internal Array Array { get; }

    internal int Offset { get; }

    internal int Length { get; }

    /// <summary>
    /// The length when that is a symbol: a span over all of a symbolic array, or a place in an array that is being built.
    /// </summary>
    internal Value SymbolicLength { get; }

    /// <summary>Where a span into an array of symbolic length starts.</summary>
    internal Value SymbolicOffset { get; private init; } = Value.Of(0);

    internal bool IsSymbolic => SymbolicLength.IsSymbol || SymbolicOffset.IsSymbol;

    internal static SpanModel Over(Array array, int offset, int length)
    {
        if ((uint)offset > (uint)array.Length || (uint)length > (uint)(array.Length - offset))
            throw ProgramFault.Raise(new ArgumentOutOfRangeException(paramName: null));
        return new(array, offset, length, default);
    }

    internal static SpanModel OverSymbolic(Array array, Value offset, Value length)
        => new(array, 0, 0, length) { SymbolicOffset = offset };

    internal SpanModel Slice(int start, int length)
    {
        if ((uint)start > (uint)Length || (uint)length > (uint)(Length - start))
            throw ProgramFault.Raise(new ArgumentOutOfRangeException(paramName: null));
        return new(Array, Offset + start, length, default);
    }

    internal Array ToArray()
    {
        var copy = Array.CreateInstance(Array.GetType().GetElementType()!, Length);
        Array.Copy(Array, Offset, copy, 0, Length);
        return copy;
    }
}
