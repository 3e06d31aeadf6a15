using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Places SSD's default boxes around each position of each feature map: Liu et al., "SSD: Single Shot MultiBox Detector" (2016), section
/// 2.2. <c>torchvision.models.detection.anchor_utils.DefaultBoxGenerator</c>
/// </summary>
/// <remarks>
/// Images and their features [N, C, h, w] to each image's boxes, x1, y1, x2, y2 in pixels: [A, 4], ordered by feature map, then by
/// position.
/// </remarks>
public sealed class DefaultBoxGenerator : Module<ImageList, List<Tensor>, List<Tensor>>
{
    private readonly IReadOnlyList<IReadOnlyList<double>> aspect_ratios;
    private readonly IReadOnlyList<double> scales;
    private readonly IReadOnlyList<double>? steps;
    private readonly bool clip;

    /// <summary>An anchor generator with separate boxes for each feature map.</summary>
    /// <param name="aspect_ratios">For each feature map the ratios of width to height that boxes have besides 1; each also upright.</param>
    /// <param name="min_ratio">The first feature map's scale, as a share of the image.</param>
    /// <param name="max_ratio">The last feature map's scale; those between are spread evenly.</param>
    /// <param name="scales">Each feature map's scale, and one more, instead of those; null is none.</param>
    /// <param name="steps">The distance in pixels between the positions of each feature map; null to space them evenly over the
    /// image.</param>
    /// <param name="clip">Whether no box is larger than the image.</param>
    /// <exception cref="ArgumentException">The lists are for different numbers of feature maps.</exception>
    public DefaultBoxGenerator(
        IReadOnlyList<IReadOnlyList<double>> aspect_ratios, double min_ratio = 0.15, double max_ratio = 0.9,
            IReadOnlyList<double>? scales = null,
        IReadOnlyList<double>? steps = null, bool clip = true) : base(nameof(DefaultBoxGenerator))
    {
        ArgumentNullException.ThrowIfNull(aspect_ratios);
        var count = aspect_ratios.Count;
        if (steps is not null && steps.Count != count)
            throw new ArgumentException(
                $"Each feature map has aspect ratios and a step; there are {count} lists of ratios and {steps.Count} steps.",
                nameof(steps));
        if (scales is not null && scales.Count != count + 1)
            throw new ArgumentException($"{count} feature maps have {count + 1} scales, not {scales.Count}.", nameof(scales));
        this.scales = scales ?? (count == 1
            ? [min_ratio, max_ratio]
            : [.. Enumerable.Range(0, count).Select(k => min_ratio + (max_ratio - min_ratio) * k / (count - 1)), 1]);
        (this.aspect_ratios, this.steps, this.clip) = (aspect_ratios, steps, clip);
    }

    /// <summary>The number of boxes at each position of each feature map: two squares, and two for each aspect ratio.</summary>
    public IReadOnlyList<long> num_anchors_per_location() => [.. aspect_ratios.Select(ratios => 2 + 2 * (long)ratios.Count)];

    /// <inheritdoc/>
    public override List<Tensor> forward(ImageList image_list, List<Tensor> feature_maps)
    {
        if (feature_maps.Count != aspect_ratios.Count)
            throw new ArgumentException($"The boxes are for {aspect_ratios.Count} feature maps, and there are {feature_maps.Count}.",
                nameof(feature_maps));
        using var scope = NewDisposeScope();
        var (height, width) = (image_list.tensors.shape[^2], image_list.tensors.shape[^1]);
        var boxes = torch.cat([.. feature_maps.Select((map, k) => Boxes(map, k, height, width))]);
        var size = torch.tensor(new[] { (float)width, height }).to(boxes.dtype).to(boxes.device);
        var (centres, half) = (boxes[.., ..2], 0.5 * boxes[.., 2..]);
        var corners = torch.cat([(centres - half) * size, (centres + half) * size], -1);
        return [.. image_list.image_sizes.Select(_ => corners.alias().MoveToOuterDisposeScope())];
    }

    // The centre and the size, as shares of the image's.
    private Tensor Boxes(Tensor map, int k, long height, long width)
    {
        var (rows, columns) = (map.shape[^2], map.shape[^1]);
        var (y_f_k, x_f_k) = steps is null ? (rows, columns) : (height / steps[k], width / steps[k]);
        var centres = Grid.Of((Grid.Places(rows, map) + 0.5) / y_f_k, (Grid.Places(columns, map) + 0.5) / x_f_k);
        var sizes = torch.tensor([.. Sizes(k).SelectMany(size => new[] { (float)size.width, (float)size.height })]).reshape(-1, 2)
            .to(map.dtype).to(map.device);
        if (clip) sizes = sizes.clamp(0, 1);
        return torch.cat([centres.repeat_interleave(sizes.shape[0], 0), sizes.repeat(centres.shape[0], 1)], 1);
    }

    private IEnumerable<(double width, double height)> Sizes(int k)
    {
        var between = Math.Sqrt(scales[k] * scales[k + 1]);
        return
        [
            (scales[k], scales[k]),
            (between, between),
            .. aspect_ratios[k].Select(Math.Sqrt)
                .SelectMany(root => new[] { (scales[k] * root, scales[k] / root), (scales[k] / root, scales[k] * root) }),
        ];
    }
}
