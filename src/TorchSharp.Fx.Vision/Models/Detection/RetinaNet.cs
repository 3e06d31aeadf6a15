using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>RetinaNet: Lin et al., "Focal Loss for Dense Object Detection" (2017). <c>torchvision.models.detection.RetinaNet</c></summary>
/// <remarks>Its losses are <c>classification</c> and <c>bbox_regression</c>.</remarks>
public sealed class RetinaNet : DenseDetector
{
    private readonly BoxCoder box_coder = new((1, 1, 1, 1));
    private readonly Matcher proposal_matcher;

    /// <summary>Puts a head on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="out_channels">Channels of every feature.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    /// <param name="anchor_generator">Places the anchors; null for three sizes of three shapes for each of five features.</param>
    /// <param name="head">Computes their scores and codes; null is <see cref="RetinaNetHead"/>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public RetinaNet(
        Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes, RetinaNetOptions? options = null,
        AnchorGenerator? anchor_generator = null, DetectionHead? head = null, Device? device = null)
        : this(backbone, options ?? new(), anchor_generator ?? Anchors(), anchors =>
            head ?? new RetinaNetHead(out_channels, anchors.num_anchors_per_location()[0], num_classes, device: device))
    {
    }

    private RetinaNet(
        Module<Tensor, Dictionary<string, Tensor>> backbone, RetinaNetOptions options, AnchorGenerator anchors,
            Func<AnchorGenerator, DetectionHead> head)
        : base(nameof(RetinaNet), backbone, anchors, head(anchors), options) =>
        proposal_matcher = new(options.fg_iou_thresh, options.bg_iou_thresh, allow_low_quality_matches: true);

    private protected override Tensor Scores(Dictionary<string, Tensor> outputs) => outputs["cls_logits"].sigmoid();

    private protected override Tensor Decoded(Tensor codes, Tensor anchors) => box_coder.decode_single(codes, anchors);

    private protected override Tensor Match(Tensor boxes, Tensor anchors, long[] anchors_per_level) =>
        proposal_matcher.Match(boxes, anchors);

    // Three sizes in each octave.
    private static AnchorGenerator Anchors() => new(
        [.. new long[] { 32, 64, 128, 256, 512 }.Select(size =>
            (long[])[size, (long)(size * Math.Pow(2, 1.0 / 3)), (long)(size * Math.Pow(2, 2.0 / 3))])],
        [0.5, 1, 2]);
}
