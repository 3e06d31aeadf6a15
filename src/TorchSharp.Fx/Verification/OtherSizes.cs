using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>
/// The inputs to verify a graph on: those that are given, and others that look like them but have another batch, length, height or width.
/// </summary>
internal sealed class OtherSizes(Device device)
{
    /// <summary>
    /// The sets of inputs, the given ones first. Free letters of an <see cref="InputShape"/> are varied, where there are any; else the
    /// batch, and what may be a length or a picture's sides.
    /// </summary>
    internal IReadOnlyList<object?[]> Of(object?[] given)
    {
        var free = InputShape.FreeDimensions(given);
        var sizes = free.ToDictionary(dimension => dimension.Letter, dimension => dimension.Size);
        var first = Made(given, sizes);
        if (free.Count > 0)
            return [first,
                .. free.Select(dimension => Made(given, new Dictionary<string, long>(sizes) { [dimension.Letter] = dimension.Other }))];
        if (Array.Find(first, input => input is Tensor { ndim: > 0 }) is not Tensor leading)
            return [first];
        var changed = leading.ndim >= 4 ? new[] { leading.ndim - 2, leading.ndim - 1 } : leading.ndim == 3 ? [1L] : [];
        var others = new List<object?[]> { first, Resized(first, leading, [0]) };
        if (changed.Length > 0)
            others.Add(Resized(first, leading, changed));
        return others;
    }

    /// <summary>Types and sizes of a set, in words.</summary>
    internal static string Describe(object?[] inputs) => string.Join(", ", inputs.Select(input => input switch
    {
        Tensor tensor =>
            $"{string.Join('x', tensor.shape)}{(tensor.dtype == ScalarType.Float32 ? "" : $":{tensor.dtype.ToString().ToLowerInvariant()}")}",
        null => "null",
        _ => Convert.ToString(input, System.Globalization.CultureInfo.InvariantCulture),
    }));

    private object?[] Made(object?[] given, IReadOnlyDictionary<string, long> sizes)
        => [.. given.Select((input, i) => input is InputShape shape ? shape.Example(sizes, (ulong)i + 1, device) : input)];

    /// <summary>The same inputs with some dimensions of the first larger, in all inputs that have the same sizes there.</summary>
    private static object?[] Resized(object?[] inputs, Tensor leading, long[] dimensions)
        => Array.ConvertAll(inputs, input => input is Tensor tensor
            ? dimensions.Aggregate(tensor, (grown, dimension) => dimension < grown.ndim
                && grown.shape[dimension] == leading.shape[dimension] ? Grown(grown, dimension) : grown) : input);

    /// <summary>
    /// More of the same: numbers that occur in the given input, since indices have to exist; the new part is the old one turned round.
    /// </summary>
    private static Tensor Grown(Tensor tensor, long dimension)
    {
        var size = tensor.shape[dimension];
        var more = dimension == 0 ? 1 : Math.Min(size, 32);
        return size == 0 ? tensor : cat([tensor, tensor.narrow(dimension, 0, Math.Min(more, size)).flip(dimension)], dimension);
    }
}
