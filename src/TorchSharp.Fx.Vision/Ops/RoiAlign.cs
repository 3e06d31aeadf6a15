using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Cuts regions out of images, at one size. <c>torchvision.ops.RoIAlign</c></summary>
/// <remarks>Images [N, C, H, W] and boxes [K, 5], as
/// <see cref="ops.roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long, bool)"/> takes them.</remarks>
[FxLeaf]
public sealed class RoIAlign((long height, long width) output_size, double spatial_scale, long sampling_ratio, bool aligned = false)
    : Module<Tensor, Tensor, Tensor>(nameof(RoIAlign))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor rois)
        => ops.roi_align(input, rois, output_size, spatial_scale, sampling_ratio, aligned);
}

public static partial class ops
{
    /// <summary>
    /// The mean of interpolated samples in each cell of a grid over each region: He et al., "Mask R-CNN" (2017).
    /// <c>torchvision.ops.roi_align</c>
    /// </summary>
    /// <remarks>Gradients go to the images, and not to the boxes.</remarks>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="boxes">The image's index and x1, y1, x2, y2: [K, 5].</param>
    /// <param name="output_size">Height and width of the grid.</param>
    /// <param name="spatial_scale">The factor from the boxes' coordinates to pixels of the input.</param>
    /// <param name="sampling_ratio">How many samples a cell has in each direction; 0 and less is one for each pixel that it covers.</param>
    /// <param name="aligned">Whether to shift boxes by half a pixel, so that pixel centres lie at half coordinates. Older models
    /// don't.</param>
    /// <returns>[K, C, height, width].</returns>
    /// <exception cref="ArgumentException">The shapes are wrong, or a box has an invalid image index.</exception>
    [FxLeaf(Always = true)]
    public static Tensor roi_align(Tensor input, Tensor boxes, (long height, long width) output_size, double spatial_scale = 1,
        long sampling_ratio = -1, bool aligned = false)
    {
        var result = new[] { Regions.Channels(input), output_size.height, output_size.width };
        return RegionSampler.Takes(input)
            ? RegionSampler.Align(input, Regions.Read(input, boxes, spatial_scale), result, Sampled)
            : Regions.Pool(input, boxes, spatial_scale, result, (image, y, x) =>
            {
                // Interpolation and means are linear in each direction, so a region is rows × image × columns.
                var (rows, columns) = Sampled(y, x);
                var part = columns.Part(rows.Part(image, 1), 2);
                return part.matmul(columns.Like(image).t()).transpose(1, 2).matmul(rows.Like(image).t()).transpose(1, 2);
            });

        (SampleWeights rows, SampleWeights columns) Sampled(Side y, Side x) =>
            (Regions.Sample(Placed(y), output_size.height, sampling_ratio), Regions.Sample(Placed(x), output_size.width, sampling_ratio));

        Side Placed(Side side)
            => aligned ? side with { start = side.start - 0.5, end = side.end - 0.5 }
                : side with { end = Math.Max(side.end, side.start + 1) };
    }

    /// <summary>The same, with a tensor of boxes [L, 4] for each image. <c>torchvision.ops.roi_align</c></summary>
    /// <inheritdoc cref="roi_align(Tensor, Tensor, ValueTuple{long, long}, double, long, bool)"/>
    [FxLeaf(Always = true)]
    public static Tensor roi_align(Tensor input, IReadOnlyList<Tensor> boxes, (long height, long width) output_size,
        double spatial_scale = 1, long sampling_ratio = -1, bool aligned = false)
    {
        using var rois = Regions.Of(boxes);
        return roi_align(input, rois, output_size, spatial_scale, sampling_ratio, aligned);
    }
}
