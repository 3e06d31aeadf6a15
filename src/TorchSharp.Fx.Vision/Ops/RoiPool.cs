using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Cuts regions out of images, at one size, by maxima. <c>torchvision.ops.RoIPool</c></summary>
/// <remarks>Images [N, C, H, W] and boxes [K, 5], as <see cref="ops.roi_pool(Tensor, Tensor, ValueTuple{long, long}, double)"/> takes
/// them.</remarks>
[FxLeaf]
public sealed class RoIPool((long height, long width) output_size, double spatial_scale) : Module<Tensor, Tensor, Tensor>(nameof(RoIPool))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor rois) => ops.roi_pool(input, rois, output_size, spatial_scale);
}

public static partial class ops
{
    /// <summary>
    /// The largest pixel in each cell of a grid over each region, both rounded to pixels: Girshick, "Fast R-CNN" (2015).
    /// <c>torchvision.ops.roi_pool</c>
    /// </summary>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="boxes">The image's index and x1, y1, x2, y2: [K, 5].</param>
    /// <param name="output_size">Height and width of the grid.</param>
    /// <param name="spatial_scale">The factor from the boxes' coordinates to pixels of the input.</param>
    /// <returns>[K, C, height, width]; a cell beyond the image is 0.</returns>
    /// <exception cref="ArgumentException">The shapes are wrong, or a box has an invalid image index.</exception>
    [FxLeaf(Always = true)]
    public static Tensor roi_pool(Tensor input, Tensor boxes, (long height, long width) output_size, double spatial_scale = 1) =>
        Regions.Pool(input, boxes, spatial_scale, [Regions.Channels(input), output_size.height, output_size.width], (image, y, x) =>
        {
            var (rows, columns) = (Cells(y, output_size.height), Cells(x, output_size.width));
            // A maximum over a rectangle is one over rows and then one over columns.
            var (left, right) = (columns[0].first, columns[^1].end);
            return Maxima(Maxima(image.narrow(2, left, right - left), 1, rows, 0), 2, columns, left);
        });

    /// <summary>The same, with a tensor of boxes [L, 4] for each image. <c>torchvision.ops.roi_pool</c></summary>
    /// <inheritdoc cref="roi_pool(Tensor, Tensor, ValueTuple{long, long}, double)"/>
    [FxLeaf(Always = true)]
    public static Tensor roi_pool(Tensor input, IReadOnlyList<Tensor> boxes, (long height, long width) output_size,
        double spatial_scale = 1)
    {
        using var rois = Regions.Of(boxes);
        return roi_pool(input, rois, output_size, spatial_scale);
    }

    // The pixels of each cell; none where it is beyond the image.
    private static (long first, long end)[] Cells(Side side, long cells)
    {
        var start = Math.Round(side.start, MidpointRounding.AwayFromZero);
        var size = Math.Max(Math.Round(side.end, MidpointRounding.AwayFromZero) - start + 1, 1);
        return [.. Enumerable.Range(0, (int)cells)
            .Select(cell => (Pixel(Math.Floor(cell * size / cells)), Pixel(Math.Ceiling((cell + 1) * size / cells))))];

        long Pixel(double at) => (long)Math.Clamp(start + at, 0, side.pixels);
    }

    private static Tensor Maxima(Tensor image, int dimension, (long first, long end)[] cells, long offset)
    {
        long[] one = [.. image.shape[..dimension], .. image.shape[(dimension + 1)..]];
        return torch.stack([.. cells.Select(cell => cell.end > cell.first
            ? image.narrow(dimension, cell.first - offset, cell.end - cell.first).max(dimension).values
            : torch.zeros(one, dtype: image.dtype, device: image.device))], dimension);
    }
}
