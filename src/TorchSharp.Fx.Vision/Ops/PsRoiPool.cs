using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Cuts regions out of images, by means; each cell of the grid reads its own channels. <c>torchvision.ops.PSRoIPool</c></summary>
/// <remarks>
/// Images [N, C, H, W] and boxes [K, 5], as <see cref="ops.ps_roi_pool(Tensor, Tensor, ValueTuple{long, long}, double)"/> takes them.
/// </remarks>
[FxLeaf]
public sealed class PSRoIPool((long height, long width) output_size, double spatial_scale)
    : Module<Tensor, Tensor, Tensor>(nameof(PSRoIPool))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor rois) => ops.ps_roi_pool(input, rois, output_size, spatial_scale);
}

public static partial class ops
{
    /// <summary>
    /// The mean in each cell of a grid over each region, both rounded to pixels; each cell reads its own channels: Dai et al., "R-FCN"
    /// (2016). <c>torchvision.ops.ps_roi_pool</c>
    /// </summary>
    /// <remarks>As torchvision's, it never takes the image's last row and column; here its gradients don't either.</remarks>
    /// <param name="input">[N, C × height × width, H, W].</param>
    /// <param name="boxes">The image's index and x1, y1, x2, y2: [K, 5].</param>
    /// <param name="output_size">Height and width of the grid.</param>
    /// <param name="spatial_scale">The factor from the boxes' coordinates to pixels of the input.</param>
    /// <returns>[K, C, height, width]; a cell without pixels is 0.</returns>
    /// <exception cref="ArgumentException">The shapes are wrong, or a box has an invalid image index.</exception>
    public static Tensor ps_roi_pool(Tensor input, Tensor boxes, (long height, long width) output_size, double spatial_scale = 1)
    {
        var (height, width) = output_size;
        var channels = Regions.Channels(input);
        if (channels % (height * width) != 0)
            throw new ArgumentException($"{height} × {width} cells can't share {channels} channels evenly.", nameof(output_size));
        return Regions.Pool(input, boxes, spatial_scale, [channels / (height * width), height, width], (image, y, x) =>
        {
            var cells = image.unflatten(0, -1, height, width);
            var weights = Means(y, height, image).view(height, 1, -1, 1) * Means(x, width, image).view(1, width, 1, -1);
            return (cells * weights).sum([3, 4]);
        });
    }

    /// <summary>The same, with a tensor of boxes [L, 4] for each image. <c>torchvision.ops.ps_roi_pool</c></summary>
    /// <inheritdoc cref="ps_roi_pool(Tensor, Tensor, ValueTuple{long, long}, double)"/>
    public static Tensor ps_roi_pool(Tensor input, IReadOnlyList<Tensor> boxes, (long height, long width) output_size,
        double spatial_scale = 1)
    {
        using var rois = Regions.Of(boxes);
        return ps_roi_pool(input, rois, output_size, spatial_scale);
    }

    /// <summary>How much each pixel of a side counts in the mean of each cell: [cells, pixels].</summary>
    private static Tensor Means(Side side, long cells, Tensor like)
    {
        var start = Math.Round(side.start, MidpointRounding.AwayFromZero);
        var size = Math.Max(Math.Round(side.end, MidpointRounding.AwayFromZero) - start, 1) / cells;
        var weights = new double[cells * side.pixels];
        for (var cell = 0L; cell < cells; cell++)
        {
            var (first, end) = (Pixel(Math.Floor(cell * size)), Pixel(Math.Ceiling((cell + 1) * size)));
            for (var pixel = first; pixel < end; pixel++) weights[cell * side.pixels + pixel] = 1.0 / (end - first);
        }
        return torch.tensor(weights).reshape(cells, side.pixels).to(like.dtype).to(like.device);

        long Pixel(double at) => (long)Math.Clamp(start + at, 0, side.pixels - 1);
    }
}
