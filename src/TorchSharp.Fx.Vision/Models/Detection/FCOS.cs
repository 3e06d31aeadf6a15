using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// FCOS: Tian et al., "FCOS: A Simple and Strong Anchor-free Object Detector" (2020). <c>torchvision.models.detection.FCOS</c>
/// </summary>
/// <remarks>Its losses are <c>classification</c>, <c>bbox_regression</c> and <c>bbox_ctrness</c>.</remarks>
public sealed class FCOS : DenseDetector
{
    private readonly BoxLinearCoder box_coder = new();
    private readonly double center_sampling_radius;

    /// <summary>Puts a head on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="out_channels">Channels of every feature.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    /// <param name="anchor_generator">Places one anchor at each position; null for a square as large as the distance of the positions, for
    /// five features.</param>
    /// <param name="head">Computes their scores and codes; null is <see cref="FCOSHead"/>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">A position has several anchors.</exception>
    public FCOS(
        Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes, FCOSOptions? options = null,
            AnchorGenerator? anchor_generator = null,
        DetectionHead? head = null, Device? device = null)
        : base(nameof(FCOS), backbone, One(anchor_generator), head ?? new FCOSHead(out_channels, 1, num_classes, device: device),
            options ?? new()) =>
        center_sampling_radius = (options ?? new()).center_sampling_radius;

    private protected override Tensor Scores(Dictionary<string, Tensor> outputs) =>
        (outputs["cls_logits"].sigmoid() * outputs["bbox_ctrness"].sigmoid()).sqrt();

    private protected override Tensor Decoded(Tensor codes, Tensor anchors) => box_coder.decode(codes, anchors);

    // A point belongs to the smallest target that it is inside of, near whose centre it is and for whose size its level is.
    private protected override Tensor Match(Tensor boxes, Tensor anchors, long[] anchors_per_level)
    {
        if (boxes.shape[0] == 0) return torch.full([anchors.shape[0]], -1, dtype: ScalarType.Int64, device: anchors.device);
        var gt_centers = (boxes[.., ..2] + boxes[.., 2..]) / 2;
        var anchor_centers = (anchors[.., ..2] + anchors[.., 2..]) / 2;
        var anchor_sizes = anchors[.., 2] - anchors[.., 0];
        var near = (anchor_centers.unsqueeze(1) - gt_centers.unsqueeze(0)).abs()
            .amax([2]) < center_sampling_radius * anchor_sizes.unsqueeze(1);

        var (x, y) = anchor_centers.unsqueeze(2).unbind(1);
        var (x0, y0, x1, y1) = boxes.unsqueeze(0).unbind(2);
        var distances = torch.stack([x - x0, y - y0, x1 - x, y1 - y], 2);
        var largest = distances.amax([2]);
        var lower_bound = anchor_sizes * 4;
        lower_bound.narrow(0, 0, anchors_per_level[0]).fill_(0);
        var upper_bound = anchor_sizes * 8;
        upper_bound.narrow(0, anchors.shape[0] - anchors_per_level[^1], anchors_per_level[^1]).fill_(double.PositiveInfinity);
        var match = near & distances.amin([2]).gt(0) & largest.gt(lower_bound.unsqueeze(1)) & largest.lt(upper_bound.unsqueeze(1));

        var (values, matched_idxs) = (match.to(ScalarType.Float32) * (1e8 - ops.box_area(boxes).unsqueeze(0))).max(1);
        return matched_idxs.masked_fill(values.lt(1e-5), -1);
    }

    private static AnchorGenerator One(AnchorGenerator? anchors)
    {
        anchors ??= new([[8], [16], [32], [64], [128]], [1]);
        return anchors.num_anchors_per_location().All(count => count == 1) ? anchors
            : throw new ArgumentException($"FCOS has one anchor at a place, not {string.Join(", ", anchors.num_anchors_per_location())}.",
                nameof(anchors));
    }
}
