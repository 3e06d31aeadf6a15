namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>
/// Shapes as far as they are known: null is a size that is not known, or a shape of which not even the number of dimensions is.
/// </summary>
internal static class Sizes
{
    /// <summary>The shape of an elementwise result.</summary>
    internal static long?[]? Broadcast(params IEnumerable<long?[]?> shapes)
    {
        long?[]? result = [];
        foreach (var shape in shapes)
            result = Broadcast(result, shape);
        return result;
    }

    /// <summary>The shape without some axes, or with 1 in their stead.</summary>
    internal static long?[]? Reduce(long?[]? shape, long[] axes, bool keep)
        => shape is null ? null
            : keep ? [.. shape.Select((size, axis) => axes.Contains(axis) ? 1 : size)]
            : [.. shape.Where((_, axis) => !axes.Contains(axis))];

    /// <summary>The shape with another size along an axis.</summary>
    internal static long?[]? With(long?[]? shape, long axis, long? size)
        => shape is null ? null : [.. shape.Select((old, at) => at == (axis < 0 ? axis + shape.Length : axis) ? size : old)];

    /// <summary>As many dimensions as said, of any size.</summary>
    internal static long?[]? OfRank(int? rank) => rank is { } count ? new long?[count] : null;

    /// <summary>The sizes that are literals.</summary>
    internal static long?[] Known(IEnumerable<Argument> sizes) =>
        [.. sizes.Select(size => size is Literal { Value: long number and >= 0 } ? number : (long?)null)];

    private static long?[]? Broadcast(long?[]? a, long?[]? b)
    {
        if (a is null || b is null)
            return null;
        var rank = Math.Max(a.Length, b.Length);
        var result = new long?[rank];
        for (var i = 1; i <= rank; i++)
        {
            var (x, y) = (i <= a.Length ? a[^i] : 1, i <= b.Length ? b[^i] : 1);
            result[^i] = x == 1 ? y : y == 1 ? x : x ?? y;
        }
        return result;
    }
}
