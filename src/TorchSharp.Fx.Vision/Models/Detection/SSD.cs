using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>SSD: Liu et al., "SSD: Single Shot MultiBox Detector" (2016). <c>torchvision.models.detection.SSD</c></summary>
/// <remarks>Its losses are <c>bbox_regression</c> and <c>classification</c>.</remarks>
public sealed class SSD : DetectionModel
{
    private readonly DefaultBoxGenerator anchor_generator;
    private readonly Module<List<Tensor>, Dictionary<string, Tensor>> head;
    private readonly SSDOptions options;
    private readonly BoxCoder box_coder = new((10, 10, 5, 5));
    private readonly SSDMatcher proposal_matcher;

    /// <summary>Puts a head on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="anchor_generator">Places the boxes.</param>
    /// <param name="size">Height and width that all images are brought to.</param>
    /// <param name="head">
    /// Features to <c>cls_logits</c> [N, A, num_classes] and <c>bbox_regression</c> [N, A, 4], such as <see cref="SSDHead"/>; class 0 is
    /// the background.
    /// </param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    public SSD(
        Module<Tensor, Dictionary<string, Tensor>> backbone, DefaultBoxGenerator anchor_generator, (long height, long width) size,
        Module<List<Tensor>, Dictionary<string, Tensor>> head, SSDOptions? options = null)
        : base(nameof(SSD), new(options ?? new(), size_divisible: 1, fixed_size: size), backbone)
    {
        (this.anchor_generator, this.head, this.options) = (anchor_generator, head, options ?? new());
        proposal_matcher = new(this.options.iou_thresh);
        register_module(nameof(anchor_generator), anchor_generator);
        register_module(nameof(head), head);
    }

    private protected override List<Dictionary<string, Tensor>> Detect(ImageList images, Dictionary<string, Tensor> features)
    {
        var maps = features.Values.ToList();
        var outputs = head.call(maps);
        var anchors = anchor_generator.call(images, maps);
        var scores = F.softmax(outputs["cls_logits"], -1);
        return [.. images.image_sizes.Select((shape, i) =>
            Detections(ops.clip_boxes_to_image(box_coder.decode_single(outputs["bbox_regression"][i], anchors[i]), shape), scores[i]))];
    }

    private Dictionary<string, Tensor> Detections(Tensor boxes, Tensor scores)
    {
        // Of each class the best, class by class; 0 is the background.
        var (best, order) = scores.t()[1..].topk((int)Math.Min(options.topk_candidates, scores.shape[0]), dim: 1);
        var labels = torch.arange(1, scores.shape[1], dtype: ScalarType.Int64, device: scores.device).unsqueeze(1).expand_as(order)
            .flatten();
        var above = best.flatten().gt(options.score_thresh).nonzero().squeeze(1);
        return HeadOutputs.Best(
            boxes.index_select(0, order.flatten().index_select(0, above)), best.flatten().index_select(0, above),
            labels.index_select(0, above),
            options.nms_thresh, options.detections_per_img);
    }

    private protected override Dictionary<string, Tensor> ComputeLoss(ImageList images, Dictionary<string, Tensor> features,
        List<Dictionary<string, Tensor>> targets)
    {
        var maps = features.Values.ToList();
        var outputs = head.call(maps);
        var anchors = anchor_generator.call(images, maps);
        var (classes, box_losses, count) = (new List<Tensor>(), new List<Tensor>(), 0L);
        foreach (var (i, target) in targets.Index())
        {
            var matches = proposal_matcher.Match(target["boxes"], anchors[i]);
            var foreground = matches.ge(0).nonzero().squeeze(1);
            var matched = matches.index_select(0, foreground);
            var codes = box_coder.encode_single(target["boxes"].index_select(0, matched), anchors[i].index_select(0, foreground));
            box_losses.Add(F.smooth_l1_loss(outputs["bbox_regression"][i].index_select(0, foreground), codes, Reduction.Sum));
            classes.Add(torch.zeros_like(matches).index_put_(target["labels"].index_select(0, matched), foreground));
            count += foreground.numel();
        }
        return new()
        {
            ["bbox_regression"] = torch.stack(box_losses).sum() / Math.Max(1, count),
            ["classification"] = ClassificationLoss(outputs["cls_logits"], torch.stack(classes)) / Math.Max(1, count),
        };
    }

    // The background is by far the most; only the hardest of it counts.
    private Tensor ClassificationLoss(Tensor cls_logits, Tensor classes)
    {
        var losses = F.cross_entropy(cls_logits.flatten(0, 1), classes.flatten(), reduction: Reduction.None).reshape(classes.shape);
        var foreground = classes.gt(0);
        var negatives = foreground.sum(1, keepdim: true) * ((1 - options.positive_fraction) / options.positive_fraction);
        var order = losses.detach().masked_fill(foreground, double.NegativeInfinity).sort(1, descending: true).Indices;
        var background = order.sort(1).Indices < negatives;
        return (losses * foreground).sum() + (losses * background).sum();
    }
}
