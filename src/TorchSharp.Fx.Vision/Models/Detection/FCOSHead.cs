using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// FCOS's two heads, which all levels share; the outputs have <c>bbox_ctrness</c> [N, A, 1] too.
/// <c>torchvision.models.detection.fcos.FCOSHead</c>
/// </summary>
public sealed class FCOSHead : DetectionHead
{
    private readonly BoxLinearCoder box_coder = new();
    private readonly FCOSClassificationHead classification_head;
    private readonly FCOSRegressionHead regression_head;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the features.</param>
    /// <param name="num_anchors">The number of anchors at a position.</param>
    /// <param name="num_classes">How many classes there are.</param>
    /// <param name="num_convs">How many convolutions each head has before its last.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public FCOSHead(long in_channels, long num_anchors, long num_classes, int num_convs = 4, Device? device = null) : base(nameof(FCOSHead))
    {
        classification_head = new(in_channels, num_anchors, num_classes, num_convs, device: device);
        regression_head = new(in_channels, num_anchors, num_convs, device: device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(List<Tensor> x)
    {
        var cls_logits = classification_head.call(x);
        var (bbox_regression, bbox_ctrness) = regression_head.call(x);
        return new() { ["cls_logits"] = cls_logits, ["bbox_regression"] = bbox_regression, ["bbox_ctrness"] = bbox_ctrness };
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> compute_loss(
        List<Dictionary<string, Tensor>> targets, Dictionary<string, Tensor> head_outputs, List<Tensor> anchors, List<Tensor> matched_idxs)
    {
        var matches = torch.cat(matched_idxs);
        var foreground = matches.ge(0).nonzero().squeeze(1);
        var count = Math.Max(1, foreground.numel());
        // All images' points in a row, and of each point in a target the target.
        var logits = head_outputs["cls_logits"].flatten(0, 1);
        var codes = head_outputs["bbox_regression"].flatten(0, 1).index_select(0, foreground);
        var ctrness = head_outputs["bbox_ctrness"].flatten().index_select(0, foreground);
        var points = torch.cat(anchors).index_select(0, foreground);
        var boxes = torch.cat([.. targets.Zip(matched_idxs, (target, matched) => Matched(target["boxes"], matched))]);
        var labels = torch.cat([.. targets.Zip(matched_idxs, (target, matched) => Matched(target["labels"], matched))]);

        var classes = torch.zeros_like(logits).index_put_(torch.ones([], dtype: logits.dtype, device: logits.device), foreground, labels);
        return new()
        {
            ["classification"] = ops.sigmoid_focal_loss(logits, classes, reduction: "sum") / count,
            ["bbox_regression"] = ops.generalized_box_iou_loss(box_coder.decode(codes, points), boxes, "sum") / count,
            ["bbox_ctrness"] = F.binary_cross_entropy_with_logits(ctrness, Centerness(box_coder.encode(points, boxes)),
                reduction: Reduction.Sum) / count,
        };
    }

    /// <summary>Convolutions with norms.</summary>
    internal static Sequential Tower(long channels, int count, NormLayer? norm_layer, Device? device)
    {
        norm_layer ??= DetectionWeights.GroupNorms(device);
        return Sequential([.. Enumerable.Range(0, count).SelectMany(_ => new Module<Tensor, Tensor>[]
        {
            Conv2d(channels, channels, kernel_size: 3, padding: 1, device: device),
            norm_layer(channels),
            ReLU(),
        })]);
    }

    private static Tensor Matched(Tensor values, Tensor matched_idxs) =>
        values.index_select(0, matched_idxs.index_select(0, matched_idxs.ge(0).nonzero().squeeze(1)));

    // 1 in the middle of a box, 0 at its sides: equation 3 of the paper.
    private static Tensor Centerness(Tensor distances)
    {
        var (left, top, right, bottom) = distances.unbind(-1);
        return (torch.minimum(left, right) / torch.maximum(left, right) * (torch.minimum(top, bottom) / torch.maximum(top, bottom))).sqrt();
    }
}

/// <summary>
/// Features [N, in_channels, h, w] to the logits of all places: [N, A, num_classes].
/// <c>torchvision.models.detection.fcos.FCOSClassificationHead</c>
/// </summary>
public sealed class FCOSClassificationHead : Module<List<Tensor>, Tensor>
{
    private readonly Sequential conv;
    private readonly Conv2d cls_logits;
    private readonly long num_classes;

    /// <summary>Initialises random weights; the norms are group norms of 32 where <paramref name="norm_layer"/> is null.</summary>
    public FCOSClassificationHead(
        long in_channels, long num_anchors, long num_classes, int num_convs = 4, double prior_probability = 0.01,
            NormLayer? norm_layer = null, Device? device = null)
        : base(nameof(FCOSClassificationHead))
    {
        this.num_classes = num_classes;
        conv = FCOSHead.Tower(in_channels, num_convs, norm_layer, device);
        cls_logits = Conv2d(in_channels, num_anchors * num_classes, kernel_size: 3, padding: 1, device: device);
        RegisterComponents();
        DetectionWeights.Normal(this, 0.01);
        DetectionWeights.Prior(cls_logits, prior_probability);
    }

    /// <inheritdoc/>
    public override Tensor forward(List<Tensor> x) =>
        torch.cat([.. x.Select(features => HeadOutputs.Flattened(cls_logits.call(conv.call(features)), num_classes))], 1);
}

/// <summary>
/// Features [N, in_channels, h, w] to the distances of all places from the sides of a box, [N, A, 4], and how central they are, [N, A, 1].
/// <c>torchvision.models.detection.fcos.FCOSRegressionHead</c>
/// </summary>
public sealed class FCOSRegressionHead : Module<List<Tensor>, (Tensor bbox_regression, Tensor bbox_ctrness)>
{
    private readonly Sequential conv;
    private readonly Conv2d bbox_reg;
    private readonly Conv2d bbox_ctrness;

    /// <summary>Initialises random weights; the norms are group norms of 32 where <paramref name="norm_layer"/> is null.</summary>
    public FCOSRegressionHead(long in_channels, long num_anchors, int num_convs = 4, NormLayer? norm_layer = null, Device? device = null)
        : base(nameof(FCOSRegressionHead))
    {
        conv = FCOSHead.Tower(in_channels, num_convs, norm_layer, device);
        bbox_reg = Conv2d(in_channels, num_anchors * 4, kernel_size: 3, padding: 1, device: device);
        bbox_ctrness = Conv2d(in_channels, num_anchors, kernel_size: 3, padding: 1, device: device);
        RegisterComponents();
        DetectionWeights.Normal(this, 0.01);
    }

    /// <inheritdoc/>
    public override (Tensor bbox_regression, Tensor bbox_ctrness) forward(List<Tensor> x)
    {
        var features = x.Select(conv.call).ToList();
        return (
            torch.cat([.. features.Select(level => HeadOutputs.Flattened(F.relu(bbox_reg.call(level)), 4))], 1),
            torch.cat([.. features.Select(level => HeadOutputs.Flattened(bbox_ctrness.call(level), 1))], 1));
    }
}
