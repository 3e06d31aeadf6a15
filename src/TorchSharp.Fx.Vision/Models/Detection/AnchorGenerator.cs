using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Places boxes of several sizes and shapes around each position of each feature map.
/// <c>torchvision.models.detection.anchor_utils.AnchorGenerator</c>
/// </summary>
/// <remarks>
/// Images and their features [N, C, h, w] to each image's anchors, x1, y1, x2, y2 in pixels: [A, 4], ordered by feature map, then by
/// position.
/// </remarks>
public sealed class AnchorGenerator : Module<ImageList, List<Tensor>, List<Tensor>>
{
    private readonly IReadOnlyList<IReadOnlyList<long>> sizes;
    private readonly IReadOnlyList<IReadOnlyList<double>> aspect_ratios;

    /// <summary>An anchor generator with separate boxes for each feature map.</summary>
    /// <param name="sizes">For each feature map the sides of square boxes, in pixels.</param>
    /// <param name="aspect_ratios">For each feature map the ratios of height to width that each size comes in.</param>
    /// <exception cref="ArgumentException">The two are for different numbers of feature maps.</exception>
    public AnchorGenerator(IReadOnlyList<IReadOnlyList<long>> sizes, IReadOnlyList<IReadOnlyList<double>> aspect_ratios)
        : base(nameof(AnchorGenerator))
    {
        ArgumentNullException.ThrowIfNull(sizes);
        ArgumentNullException.ThrowIfNull(aspect_ratios);
        if (sizes.Count != aspect_ratios.Count)
            throw new ArgumentException(
                $"Each feature map has sizes and aspect ratios; there are {sizes.Count} lists of sizes and {aspect_ratios.Count} of ratios.",
                nameof(sizes));
        (this.sizes, this.aspect_ratios) = (sizes, aspect_ratios);
    }

    /// <summary>Boxes of the same shapes on every feature map.</summary>
    /// <param name="sizes">For each feature map the sides of square boxes, in pixels.</param>
    /// <param name="aspect_ratios">The ratios of height to width.</param>
    public AnchorGenerator(IReadOnlyList<IReadOnlyList<long>> sizes, IReadOnlyList<double> aspect_ratios)
        : this(sizes, [.. sizes.Select(_ => aspect_ratios)])
    {
    }

    /// <summary>The number of boxes at each position of each feature map.</summary>
    public IReadOnlyList<long> num_anchors_per_location() =>
        [.. sizes.Zip(aspect_ratios, (size, ratios) => (long)size.Count * ratios.Count)];

    /// <inheritdoc/>
    public override List<Tensor> forward(ImageList image_list, List<Tensor> feature_maps)
    {
        if (feature_maps.Count != sizes.Count)
            throw new ArgumentException($"The anchors are for {sizes.Count} feature maps, and there are {feature_maps.Count}.",
                nameof(feature_maps));
        using var scope = NewDisposeScope();
        var (height, width) = (image_list.tensors.shape[^2], image_list.tensors.shape[^1]);
        var anchors = torch.cat([.. feature_maps.Select((map, level) =>
        {
            var (rows, columns) = (map.shape[^2], map.shape[^1]);
            var shifts = Grid.Of(Grid.Places(rows, map) * (height / rows), Grid.Places(columns, map) * (width / columns));
            return (torch.cat([shifts, shifts], 1).unsqueeze(1) + CellAnchors(level, map).unsqueeze(0)).reshape(-1, 4);
        })]);
        return [.. image_list.image_sizes.Select(_ => anchors.alias().MoveToOuterDisposeScope())];
    }

    // Around the origin, rounded to pixels.
    private Tensor CellAnchors(int level, Tensor like)
    {
        var scales = torch.tensor([.. sizes[level].Select(size => (float)size)]).to(like.dtype).to(like.device);
        var h_ratios = torch.tensor([.. aspect_ratios[level].Select(ratio => (float)ratio)]).to(like.dtype).to(like.device).sqrt();
        var w_ratios = 1 / h_ratios;
        var ws = (w_ratios.unsqueeze(1) * scales.unsqueeze(0)).flatten();
        var hs = (h_ratios.unsqueeze(1) * scales.unsqueeze(0)).flatten();
        return (torch.stack([-ws, -hs, ws, hs], 1) / 2).round();
    }
}

/// <summary>The places of a feature map.</summary>
internal static class Grid
{
    /// <summary>0, 1, …: [count].</summary>
    public static Tensor Places(long count, Tensor like) => torch.arange(count, dtype: like.dtype, device: like.device);

    /// <summary>Every pair of x and y, row by row: [H] and [W] to [H · W, 2].</summary>
    public static Tensor Of(Tensor y, Tensor x)
    {
        long[] shape = [y.shape[0], x.shape[0]];
        return torch.stack([x.unsqueeze(0).expand(shape).flatten(), y.unsqueeze(1).expand(shape).flatten()], 1);
    }
}
