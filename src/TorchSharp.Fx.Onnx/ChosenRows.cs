using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>More rows for a result in which data chose fewer: what other data could have chosen.</summary>
internal static class ChosenRows
{
    /// <summary>A result with more rows, as far as there is that much to choose from.</summary>
    /// <param name="node">What gave the result.</param>
    /// <param name="value">The result.</param>
    /// <param name="rows">How many there are to be.</param>
    /// <param name="from">The node's first argument, which it chose from.</param>
    internal static Tensor Of(Node node, Tensor value, long rows, Tensor from)
    {
        var isMasked = node.target.name == "masked_select";
        // Boxes are chosen by rows, elements one by one.
        var isByElement = isMasked || node.target.name is "nonzero" or "argwhere";
        var count = Math.Min(rows, isByElement ? from.numel() : from.shape[0]);
        if (count <= value.shape[0])
            return value;
        if (isMasked)
            return from.flatten().narrow(0, 0, count);
        var places = arange(count, dtype: ScalarType.Int64, device: value.device);
        return isByElement ? stack([.. Strides(from).Select(axis => places.floor_divide(axis.Stride).remainder(axis.Size))], 1) : places;
    }

    private static IEnumerable<(long Size, long Stride)> Strides(Tensor from)
        => from.shape.Select((size, axis) => (size, from.shape[(axis + 1)..].Aggregate(1L, (product, each) => product * each)));
}
