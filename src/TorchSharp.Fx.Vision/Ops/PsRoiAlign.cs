using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Cuts regions out of images; each cell of the grid reads its own channels. <c>torchvision.ops.PSRoIAlign</c></summary>
/// <remarks>Images [N, C, H, W] and boxes [K, 5], as <see cref="ops.ps_roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long)"/>
/// takes them.</remarks>
[FxLeaf]
public sealed class PSRoIAlign((long height, long width) output_size, double spatial_scale, long sampling_ratio)
    : Module<Tensor, Tensor, Tensor>(nameof(PSRoIAlign))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor rois) => ops.ps_roi_align(input, rois, output_size, spatial_scale, sampling_ratio);
}

public static partial class ops
{
    /// <summary>
    /// As <see cref="roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long, bool)"/>, but each cell reads its own channels: Li et
    /// al., "Light-Head R-CNN" (2017). <c>torchvision.ops.ps_roi_align</c>
    /// </summary>
    /// <param name="input">[N, C × height × width, H, W].</param>
    /// <param name="boxes">The image's index and x1, y1, x2, y2: [K, 5].</param>
    /// <param name="output_size">Height and width of the grid.</param>
    /// <param name="spatial_scale">The factor from the boxes' coordinates to pixels of the input.</param>
    /// <param name="sampling_ratio">How many samples a cell has in each direction; 0 and less is one for each pixel that it covers.</param>
    /// <returns>[K, C, height, width].</returns>
    /// <exception cref="ArgumentException">The shapes are wrong, or a box has an invalid image index.</exception>
    [FxLeaf(Always = true)]
    public static Tensor ps_roi_align(Tensor input, Tensor boxes, (long height, long width) output_size, double spatial_scale = 1,
        long sampling_ratio = -1)
    {
        var (height, width) = output_size;
        var channels = Regions.Channels(input);
        if (channels % (height * width) != 0)
            throw new ArgumentException($"{height} × {width} cells can't share {channels} channels evenly.", nameof(output_size));
        return Regions.Pool(input, boxes, spatial_scale, [channels / (height * width), height, width], (image, y, x) =>
        {
            var rows = Regions.Sample(new(y.start - 0.5, y.end - 0.5, y.pixels), height, sampling_ratio);
            var columns = Regions.Sample(new(x.start - 0.5, x.end - 0.5, x.pixels), width, sampling_ratio);
            // [C, height, width, pixels, pixels], and each cell's own weights.
            var cells = columns.Part(rows.Part(image, 1), 2).unflatten(0, -1, height, width);
            var weights = rows.Like(image).view(height, 1, -1, 1) * columns.Like(image).view(1, width, 1, -1);
            return (cells * weights).sum([3, 4]);
        });
    }

    /// <summary>The same, with a tensor of boxes [L, 4] for each image. <c>torchvision.ops.ps_roi_align</c></summary>
    /// <inheritdoc cref="ps_roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long)"/>
    [FxLeaf(Always = true)]
    public static Tensor ps_roi_align(Tensor input, IReadOnlyList<Tensor> boxes, (long height, long width) output_size,
        double spatial_scale = 1, long sampling_ratio = -1)
    {
        using var rois = Regions.Of(boxes);
        return ps_roi_align(input, rois, output_size, spatial_scale, sampling_ratio);
    }
}
