using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Computes scores and box codes for the anchors at each position of each feature map. <c>torchvision.models.detection.rpn.RPNHead</c>
/// </summary>
/// <remarks>Features [N, in_channels, h, w] to as many logits [N, num_anchors, h, w] and codes [N, 4 · num_anchors, h, w].</remarks>
public sealed class RPNHead : Module<List<Tensor>, (List<Tensor> logits, List<Tensor> bbox_reg)>
{
    private readonly Sequential conv;
    private readonly Conv2d cls_logits;
    private readonly Conv2d bbox_pred;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the features.</param>
    /// <param name="num_anchors">The number of anchors at a position.</param>
    /// <param name="conv_depth">The number of convolutions before the scores.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public RPNHead(long in_channels, long num_anchors, int conv_depth = 1, Device? device = null) : base(nameof(RPNHead))
    {
        conv = Sequential();
        for (var i = 0; i < conv_depth; i++) conv.append(
            new Conv2dNormActivation(in_channels, in_channels, norm_layer: null, ReLU, device: device));
        cls_logits = Conv2d(in_channels, num_anchors, kernel_size: 1, device: device);
        bbox_pred = Conv2d(in_channels, num_anchors * 4, kernel_size: 1, device: device);
        RegisterComponents();
        DetectionWeights.Normal(this, 0.01);
    }

    /// <inheritdoc/>
    public override (List<Tensor> logits, List<Tensor> bbox_reg) forward(List<Tensor> x)
    {
        var features = x.Select(conv.call).ToList();
        return ([.. features.Select(cls_logits.call)], [.. features.Select(bbox_pred.call)]);
    }
}

/// <summary>
/// Proposes regions that may hold an object: Ren et al., "Faster R-CNN" (2015).
/// <c>torchvision.models.detection.rpn.RegionProposalNetwork</c>
/// </summary>
/// <remarks>
/// Images, their features by name and their targets to each image's proposals, best first: x1, y1, x2, y2 in pixels [L, 4], and the losses
/// <c>loss_objectness</c> and <c>loss_rpn_box_reg</c>. Without targets there are no losses.
/// </remarks>
public sealed class RegionProposalNetwork
    : Module<ImageList, Dictionary<string, Tensor>, List<Dictionary<string, Tensor>>?,
        (List<Tensor> boxes, Dictionary<string, Tensor> losses)>
{
    private const double min_size = 1e-3;

    private readonly AnchorGenerator anchor_generator;
    private readonly Module<List<Tensor>, (List<Tensor> logits, List<Tensor> bbox_reg)> head;
    private readonly FasterRCNNOptions options;
    private readonly BoxCoder box_coder = new((1, 1, 1, 1));
    private readonly Matcher proposal_matcher;
    private readonly BalancedPositiveNegativeSampler fg_bg_sampler;

    /// <summary>A region proposal network of these parts.</summary>
    /// <param name="anchor_generator">Places the anchors.</param>
    /// <param name="head">Computes their scores and codes.</param>
    /// <param name="options">The options; those that begin with <c>rpn_</c> are used.</param>
    public RegionProposalNetwork(AnchorGenerator anchor_generator,
        Module<List<Tensor>, (List<Tensor> logits, List<Tensor> bbox_reg)> head, FasterRCNNOptions options)
        : base(nameof(RegionProposalNetwork))
    {
        ArgumentNullException.ThrowIfNull(options);
        (this.anchor_generator, this.head, this.options) = (anchor_generator, head, options);
        proposal_matcher = new(options.rpn_fg_iou_thresh, options.rpn_bg_iou_thresh, allow_low_quality_matches: true);
        fg_bg_sampler = new(options.rpn_batch_size_per_image, options.rpn_positive_fraction);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override (List<Tensor> boxes, Dictionary<string, Tensor> losses) forward(
        ImageList images, Dictionary<string, Tensor> features, List<Dictionary<string, Tensor>>? targets)
    {
        var maps = features.Values.ToList();
        var (logits, bbox_reg) = head.call(maps);
        var anchors = anchor_generator.call(images, maps);
        var objectness = torch.cat([.. logits.Select(level => HeadOutputs.Flattened(level, 1))], 1).squeeze(2);
        var pred_bbox_deltas = torch.cat([.. bbox_reg.Select(level => HeadOutputs.Flattened(level, 4))], 1);
        // Proposals have no gradient.
        var proposals = box_coder.decode(pred_bbox_deltas.detach().reshape(-1, 4), anchors).reshape(anchors.Count, -1, 4);
        var boxes = FilterProposals(proposals, objectness.detach(), images.image_sizes, [.. logits.Select(level => level[0].numel())]);
        return (boxes, targets is null ? [] : ComputeLoss(objectness, pred_bbox_deltas, anchors, targets));
    }

    private List<Tensor> FilterProposals(Tensor proposals, Tensor objectness, List<(long height, long width)> image_shapes,
        long[] num_anchors_per_level)
    {
        var (before, after) = training
            ? (options.rpn_pre_nms_top_n_train, options.rpn_post_nms_top_n_train)
            : (options.rpn_pre_nms_top_n_test, options.rpn_post_nms_top_n_test);
        var (best, offset) = (new List<Tensor>(), 0L);
        foreach (var count in num_anchors_per_level)
        {
            best.Add(objectness.narrow(1, offset, count).topk((int)Math.Min(before, count), dim: 1).indexes + offset);
            offset += count;
        }
        var levels = torch.cat([.. best.Select((indices, level) => torch.full_like(indices, level))], 1);
        var indices = torch.cat(best, 1);
        objectness = objectness.gather(1, indices).sigmoid();
        proposals = proposals.gather(1, indices.unsqueeze(-1).expand(-1, -1, 4));
        return [.. image_shapes.Select((shape, i) => Filtered(proposals[i], objectness[i], levels[i], shape, after))];
    }

    private Tensor Filtered(Tensor boxes, Tensor scores, Tensor levels, (long height, long width) shape, int count)
    {
        boxes = ops.clip_boxes_to_image(boxes, shape);
        Keep(ops.remove_small_boxes(boxes, min_size));
        Keep(scores.ge(options.rpn_score_thresh).nonzero().squeeze(1));
        // Proposals of different levels don't compete.
        var best = ops.batched_nms(boxes, scores, levels, options.rpn_nms_thresh);
        return boxes.index_select(0, HeadOutputs.First(best, count));

        void Keep(Tensor indices) => (boxes, scores, levels) = (boxes.index_select(0, indices), scores.index_select(0, indices),
            levels.index_select(0, indices));
    }

    private Dictionary<string, Tensor> ComputeLoss(Tensor objectness, Tensor pred_bbox_deltas, List<Tensor> anchors,
        List<Dictionary<string, Tensor>> targets)
    {
        var (labels, predicted, moved, regression, sampled) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>(),
            new List<Tensor>(), 0L);
        foreach (var (i, target) in targets.Index())
        {
            var matches = proposal_matcher.Match(target["boxes"], anchors[i]);
            // What lies between the thresholds is neither.
            var label = matches.ge(0).to(ScalarType.Float32).masked_fill(matches.eq(Matcher.BETWEEN_THRESHOLDS), -1);
            var (positive, negative) = fg_bg_sampler.call(label);
            var drawn = torch.cat([positive, negative]);
            labels.Add(label.index_select(0, drawn));
            predicted.Add(objectness[i].index_select(0, drawn));
            moved.Add(pred_bbox_deltas[i].index_select(0, positive));
            var boxes = target["boxes"].index_select(0, matches.index_select(0, positive));
            regression.Add(box_coder.encode_single(boxes, anchors[i].index_select(0, positive)));
            sampled += drawn.numel();
        }
        return new()
        {
            ["loss_objectness"] = F.binary_cross_entropy_with_logits(torch.cat(predicted), torch.cat(labels)),
            ["loss_rpn_box_reg"] = F.smooth_l1_loss(torch.cat(moved), torch.cat(regression), Reduction.Sum, beta: 1.0 / 9) / sampled,
        };
    }
}
