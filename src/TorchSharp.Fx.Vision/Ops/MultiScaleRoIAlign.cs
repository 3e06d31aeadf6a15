using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Cuts regions out of a feature pyramid, each out of the level that suits its size: Lin et al. 2017.
/// <c>torchvision.ops.MultiScaleRoIAlign</c>
/// </summary>
/// <remarks>
/// Features by name, [N, C, h, w] each; boxes x1, y1, x2, y2 in pixels of the images, a tensor [L, 4] for each image; and the images'
/// sizes, which tell how much
/// smaller than them the features are. It returns the regions of all images in order: [K, C, height, width].
/// </remarks>
[FxLeaf]
public sealed class MultiScaleRoIAlign : Module<Dictionary<string, Tensor>, List<Tensor>, List<(long height, long width)>, Tensor>
{
    private readonly IReadOnlyList<string> featmap_names;
    private readonly (long, long) output_size;
    private readonly long sampling_ratio;
    private readonly double canonical_scale;
    private readonly double canonical_level;

    /// <summary>A region pooler for the given features.</summary>
    /// <param name="featmap_names">The names of the features to use; missing ones are ignored.</param>
    /// <param name="output_size">Height and width of the grid over each region.</param>
    /// <param name="sampling_ratio">How many samples a cell has in each direction; 0 and less is one for each pixel that it covers.</param>
    /// <param name="canonical_scale">The side, in pixels, of a region that belongs to the canonical level.</param>
    /// <param name="canonical_level">The level for regions of the canonical scale, as the power of two by which it is smaller than the
    /// image.</param>
    public MultiScaleRoIAlign(
        IReadOnlyList<string> featmap_names, (long height, long width) output_size, long sampling_ratio, double canonical_scale = 224,
            double canonical_level = 4)
        : base(nameof(MultiScaleRoIAlign))
    {
        ArgumentNullException.ThrowIfNull(featmap_names);
        (this.featmap_names, this.output_size, this.sampling_ratio) = (featmap_names, output_size, sampling_ratio);
        (this.canonical_scale, this.canonical_level) = (canonical_scale, canonical_level);
    }

    /// <summary>Height and width of the grid over each region.</summary>
    public (long height, long width) OutputSize => output_size;

    /// <inheritdoc/>
    public override Tensor forward(Dictionary<string, Tensor> x, List<Tensor> boxes, List<(long height, long width)> image_shapes)
    {
        using var scope = NewDisposeScope();
        var features = x.Where(feature => featmap_names.Contains(feature.Key)).Select(feature => feature.Value).ToList();
        if (features.Count == 0) throw new ArgumentException(
            $"None of the features {string.Join(", ", featmap_names)} is there; there are {string.Join(", ", x.Keys)}.", nameof(x));
        var height = 0L;
        foreach (var shape in image_shapes) height = Math.Max(height, shape.height);
        var scales = features.Select(feature => Math.Pow(2, Math.Round(Math.Log2((double)feature.shape[^2] / height)))).ToList();
        var rois = Regions.Of(boxes);
        if (features.Count == 1) return ops.roi_align(features[0], rois, output_size, scales[0], sampling_ratio).MoveToOuterDisposeScope();

        var levels = Levels(rois[.., 1..], -Math.Log2(scales[0]), -Math.Log2(scales[^1]));
        var members = Enumerable.Range(0, features.Count).Select(level => levels.eq(level).nonzero().squeeze(1)).ToList();
        var regions = features.Select((feature, level) =>
            ops.roi_align(feature, rois.index_select(0, members[level]), output_size, scales[level], sampling_ratio));
        return torch.cat([.. regions]).index_select(0, torch.cat(members).argsort()).MoveToOuterDisposeScope();
    }

    // Equation 1 of the paper.
    private Tensor Levels(Tensor boxes, double least, double greatest) =>
        (canonical_level + (ops.box_area(boxes).sqrt() / canonical_scale).log2() + 1e-6).floor().clamp(least, greatest) - least;
}
