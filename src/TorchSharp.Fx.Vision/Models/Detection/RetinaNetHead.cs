using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>RetinaNet's two heads, which all levels share. <c>torchvision.models.detection.retinanet.RetinaNetHead</c></summary>
public sealed class RetinaNetHead : DetectionHead
{
    private readonly RetinaNetClassificationHead classification_head;
    private readonly RetinaNetRegressionHead regression_head;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the features.</param>
    /// <param name="num_anchors">The number of anchors at a position.</param>
    /// <param name="num_classes">How many classes there are.</param>
    /// <param name="norm_layer">Builds the norms; null is none.</param>
    /// <param name="loss_type">What the regression loss compares: "l1" codes, "giou" boxes.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public RetinaNetHead(long in_channels, long num_anchors, long num_classes, NormLayer? norm_layer = null, string loss_type = "l1",
        Device? device = null)
        : base(nameof(RetinaNetHead))
    {
        classification_head = new(in_channels, num_anchors, num_classes, norm_layer: norm_layer, device: device);
        regression_head = new(in_channels, num_anchors, norm_layer, loss_type, device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(List<Tensor> x) =>
        new() { ["cls_logits"] = classification_head.call(x), ["bbox_regression"] = regression_head.call(x) };

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> compute_loss(
        List<Dictionary<string, Tensor>> targets, Dictionary<string, Tensor> head_outputs, List<Tensor> anchors,
            List<Tensor> matched_idxs) => new()
        {
            ["classification"] = Mean(targets.Select((target, i) =>
                RetinaNetClassificationHead.Loss(target, head_outputs["cls_logits"][i], matched_idxs[i]))),
            ["bbox_regression"] = Mean(targets.Select((target, i) =>
                regression_head.Loss(target, head_outputs["bbox_regression"][i], anchors[i], matched_idxs[i]))),
        };

    /// <summary>Four convolutions.</summary>
    internal static Sequential Tower(long channels, NormLayer? norm_layer, Device? device) =>
        Sequential([.. Enumerable.Range(0, 4).Select(_ => new Conv2dNormActivation(channels, channels, norm_layer, ReLU, device: device))]);

    private static Tensor Mean(IEnumerable<Tensor> losses) => torch.stack([.. losses]).mean();
}

/// <summary>
/// Features [N, in_channels, h, w] to the logits of all anchors: [N, A, num_classes].
/// <c>torchvision.models.detection.retinanet.RetinaNetClassificationHead</c>
/// </summary>
public sealed class RetinaNetClassificationHead : Module<List<Tensor>, Tensor>
{
    private readonly Sequential conv;
    private readonly Conv2d cls_logits;
    private readonly long num_classes;

    /// <summary>Initialises random weights.</summary>
    public RetinaNetClassificationHead(
        long in_channels, long num_anchors, long num_classes, double prior_probability = 0.01, NormLayer? norm_layer = null,
            Device? device = null)
        : base(nameof(RetinaNetClassificationHead))
    {
        this.num_classes = num_classes;
        conv = RetinaNetHead.Tower(in_channels, norm_layer, device);
        cls_logits = Conv2d(in_channels, num_anchors * num_classes, kernel_size: 3, padding: 1, device: device);
        RegisterComponents();
        DetectionWeights.Normal(this, 0.01);
        DetectionWeights.Prior(cls_logits, prior_probability);
    }

    /// <inheritdoc/>
    public override Tensor forward(List<Tensor> x) =>
        torch.cat([.. x.Select(features => HeadOutputs.Flattened(cls_logits.call(conv.call(features)), num_classes))], 1);

    internal static Tensor Loss(Dictionary<string, Tensor> target, Tensor logits, Tensor matched_idxs)
    {
        var foreground = matched_idxs.ge(0).nonzero().squeeze(1);
        var labels = target["labels"].index_select(0, matched_idxs.index_select(0, foreground));
        var classes = torch.zeros_like(logits).index_put_(torch.ones([], dtype: logits.dtype, device: logits.device), foreground, labels);
        var valid = matched_idxs.ne(Matcher.BETWEEN_THRESHOLDS).nonzero().squeeze(1);
        return ops.sigmoid_focal_loss(logits.index_select(0, valid), classes.index_select(0, valid), reduction: "sum") / Math.Max(1,
            foreground.numel());
    }
}

/// <summary>
/// Features [N, in_channels, h, w] to the codes of all anchors: [N, A, 4].
/// <c>torchvision.models.detection.retinanet.RetinaNetRegressionHead</c>
/// </summary>
public sealed class RetinaNetRegressionHead : Module<List<Tensor>, Tensor>
{
    private readonly Sequential conv;
    private readonly Conv2d bbox_reg;
    private readonly BoxCoder box_coder = new((1, 1, 1, 1));
    private readonly bool giou;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The loss doesn't exist.</exception>
    public RetinaNetRegressionHead(long in_channels, long num_anchors, NormLayer? norm_layer = null, string loss_type = "l1",
        Device? device = null)
        : base(nameof(RetinaNetRegressionHead))
    {
        if (loss_type is not ("l1" or "giou"))
            throw new ArgumentException($"The regression loss is \"l1\" or \"giou\"; there is no loss \"{loss_type}\".", nameof(loss_type));
        giou = loss_type == "giou";
        conv = RetinaNetHead.Tower(in_channels, norm_layer, device);
        bbox_reg = Conv2d(in_channels, num_anchors * 4, kernel_size: 3, padding: 1, device: device);
        RegisterComponents();
        DetectionWeights.Normal(this, 0.01);
    }

    /// <inheritdoc/>
    public override Tensor forward(List<Tensor> x) =>
        torch.cat([.. x.Select(features => HeadOutputs.Flattened(bbox_reg.call(conv.call(features)), 4))], 1);

    internal Tensor Loss(Dictionary<string, Tensor> target, Tensor codes, Tensor anchors, Tensor matched_idxs)
    {
        var foreground = matched_idxs.ge(0).nonzero().squeeze(1);
        var boxes = target["boxes"].index_select(0, matched_idxs.index_select(0, foreground));
        (codes, anchors) = (codes.index_select(0, foreground), anchors.index_select(0, foreground));
        var loss = giou
            ? ops.generalized_box_iou_loss(box_coder.decode_single(codes, anchors), boxes, "sum")
            : F.l1_loss(codes, box_coder.encode_single(boxes, anchors), Reduction.Sum);
        return loss / Math.Max(1, foreground.numel());
    }
}
