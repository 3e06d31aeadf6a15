using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>The parts for boxes: what cuts the features out, the layers behind it, and the predictor.</summary>
internal sealed record RoIBranch(MultiScaleRoIAlign pool, Module<Tensor, Tensor> head, Module<Tensor, Tensor> predictor)
{
    public Tensor Logits(Dictionary<string, Tensor> features, List<Tensor> boxes, List<(long height, long width)> image_shapes) =>
        predictor.call(head.call(pool.call(features, boxes, image_shapes)));
}

/// <summary>Some of an image's proposals and what they stand for.</summary>
internal sealed record SampledProposals(Tensor boxes, Tensor labels, Tensor matched_idxs, Tensor regression_targets)
{
    /// <summary>Those that are no background.</summary>
    public SampledProposals Positive()
    {
        var indices = labels.gt(0).nonzero().squeeze(1);
        return new(boxes.index_select(0, indices), labels.index_select(0, indices), matched_idxs.index_select(0, indices),
            regression_targets.index_select(0, indices));
    }
}

/// <summary>
/// Classifies proposals, moves their boxes and, where it has the branches, draws masks and finds key points.
/// <c>torchvision.models.detection.roi_heads.RoIHeads</c>
/// </summary>
/// <remarks>
/// Features by name, each image's proposals [L, 4], the images' sizes and their targets to detections, or with targets to losses; the other
/// is empty. The losses are
/// <c>loss_classifier</c>, <c>loss_box_reg</c>, <c>loss_mask</c> and <c>loss_keypoint</c>.
/// </remarks>
public sealed class RoIHeads : Module<
    Dictionary<string, Tensor>, List<Tensor>, List<(long height, long width)>, List<Dictionary<string, Tensor>>?,
    (List<Dictionary<string, Tensor>> result, Dictionary<string, Tensor> losses)>
{
    private const double min_size = 1e-2;

    private readonly MultiScaleRoIAlign box_roi_pool;
    private readonly Module<Tensor, Tensor> box_head;
    private readonly Module<Tensor, (Tensor scores, Tensor bbox_deltas)> box_predictor;
    private readonly FasterRCNNOptions options;
    private readonly BoxCoder box_coder;
    private readonly Matcher proposal_matcher;
    private readonly BalancedPositiveNegativeSampler fg_bg_sampler;
    private RoIBranch? masks;
    private RoIBranch? keypoints;

    /// <summary>RoI heads of these parts.</summary>
    /// <param name="box_roi_pool">Cuts the proposals out of the features.</param>
    /// <param name="box_head">Regions [K, C, h, w] to vectors [K, R].</param>
    /// <param name="box_predictor">Vectors to logits [K, num_classes] and codes [K, 4 · num_classes].</param>
    /// <param name="options">The options; those that begin with <c>box_</c> and <c>bbox_</c> are used.</param>
    public RoIHeads(
        MultiScaleRoIAlign box_roi_pool, Module<Tensor, Tensor> box_head,
            Module<Tensor, (Tensor scores, Tensor bbox_deltas)> box_predictor, FasterRCNNOptions options)
        : base(nameof(RoIHeads))
    {
        ArgumentNullException.ThrowIfNull(options);
        (this.box_roi_pool, this.box_head, this.box_predictor, this.options) = (box_roi_pool, box_head, box_predictor, options);
        box_coder = new(options.bbox_reg_weights);
        proposal_matcher = new(options.box_fg_iou_thresh, options.box_bg_iou_thresh);
        fg_bg_sampler = new(options.box_batch_size_per_image, options.box_positive_fraction);
        RegisterComponents();
    }

    /// <summary>Adds a branch that draws masks.</summary>
    internal void AddMasks(RoIBranch branch) => masks = Registered("mask", branch);

    /// <summary>Adds a branch that finds key points.</summary>
    internal void AddKeypoints(RoIBranch branch) => keypoints = Registered("keypoint", branch);

    /// <inheritdoc/>
    public override (List<Dictionary<string, Tensor>> result, Dictionary<string, Tensor> losses) forward(
        Dictionary<string, Tensor> features, List<Tensor> proposals, List<(long height, long width)> image_shapes,
            List<Dictionary<string, Tensor>>? targets) =>
        targets is null ? (Detect(features, proposals, image_shapes), []) : ([], ComputeLoss(features, proposals, image_shapes, targets));

    private List<Dictionary<string, Tensor>> Detect(Dictionary<string, Tensor> features, List<Tensor> proposals,
        List<(long height, long width)> image_shapes)
    {
        var (class_logits, box_regression) = box_predictor.call(box_head.call(box_roi_pool.call(features, proposals, image_shapes)));
        var result = PostprocessDetections(class_logits, box_regression, proposals, image_shapes);
        var boxes = result.Select(image => image["boxes"]).ToList();
        if (masks is not null)
        {
            var probabilities = RoIMasks.Inference(masks.Logits(features, boxes, image_shapes),
                [.. result.Select(image => image["labels"])]);
            foreach (var (i, image) in result.Index()) image["masks"] = probabilities[i];
        }
        if (keypoints is not null)
        {
            var found = RoIKeypoints.Inference(keypoints.Logits(features, boxes, image_shapes), boxes);
            foreach (var (i, image) in result.Index()) (image["keypoints"], image["keypoints_scores"]) = found[i];
        }
        return result;
    }

    private List<Dictionary<string, Tensor>> PostprocessDetections(
        Tensor class_logits, Tensor box_regression, List<Tensor> proposals, List<(long height, long width)> image_shapes)
    {
        long[] boxes_per_image = [.. proposals.Select(boxes => boxes.shape[0])];
        var boxes = box_coder.decode(box_regression, proposals).split(boxes_per_image);
        var scores = F.softmax(class_logits, -1).split(boxes_per_image);
        return [.. image_shapes.Select((shape, i) => Filtered(boxes[i], scores[i], shape))];
    }

    private Dictionary<string, Tensor> Filtered(Tensor boxes, Tensor scores, (long height, long width) shape)
    {
        // Each class of a proposal is a detection of its own; class 0 is the background.
        var labels = torch.arange(1, scores.shape[1], dtype: ScalarType.Int64, device: scores.device).repeat(scores.shape[0]);
        boxes = ops.clip_boxes_to_image(boxes, shape)[.., 1..].reshape(-1, 4);
        scores = scores[.., 1..].flatten();
        Keep(scores.gt(options.box_score_thresh).nonzero().squeeze(1));
        Keep(ops.remove_small_boxes(boxes, min_size));
        return HeadOutputs.Best(boxes, scores, labels, options.box_nms_thresh, options.box_detections_per_img);

        void Keep(Tensor indices) => (boxes, scores, labels) = (boxes.index_select(0, indices), scores.index_select(0, indices),
            labels.index_select(0, indices));
    }

    private Dictionary<string, Tensor> ComputeLoss(
        Dictionary<string, Tensor> features, List<Tensor> proposals, List<(long height, long width)> image_shapes,
            List<Dictionary<string, Tensor>> targets)
    {
        var samples = proposals.Zip(targets, SelectTrainingSamples).ToList();
        var boxes = samples.Select(sample => sample.boxes).ToList();
        var (class_logits, box_regression) = box_predictor.call(box_head.call(box_roi_pool.call(features, boxes, image_shapes)));
        var (loss_classifier, loss_box_reg) = FastRCNNLoss(class_logits, box_regression, samples);
        var losses = new Dictionary<string, Tensor> { ["loss_classifier"] = loss_classifier, ["loss_box_reg"] = loss_box_reg };
        if (masks is null && keypoints is null) return losses;

        var positive = samples.Select(sample => sample.Positive()).ToList();
        var regions = positive.Select(sample => sample.boxes).ToList();
        if (masks is not null) losses["loss_mask"] = RoIMasks.Loss(masks.Logits(features, regions, image_shapes), positive, targets);
        if (keypoints is not null) losses["loss_keypoint"] = RoIKeypoints.Loss(keypoints.Logits(features, regions, image_shapes),
            positive, targets);
        return losses;
    }

    // The targets themselves are proposals too.
    private SampledProposals SelectTrainingSamples(Tensor proposals, Dictionary<string, Tensor> target)
    {
        var gt_boxes = target["boxes"].to(proposals.dtype);
        proposals = torch.cat([proposals, gt_boxes]);
        var matches = proposal_matcher.Match(gt_boxes, proposals);
        var matched_idxs = matches.clamp(min: 0);
        // Of an image without targets all are background.
        var empty = gt_boxes.shape[0] == 0;
        var labels = (empty ? torch.zeros_like(matches) : target["labels"].index_select(0, matched_idxs))
            .masked_fill(matches.eq(Matcher.BELOW_LOW_THRESHOLD), 0).masked_fill(matches.eq(Matcher.BETWEEN_THRESHOLDS), -1);
        var (positive, negative) = fg_bg_sampler.call(labels);
        var drawn = torch.cat([positive, negative]).sort().Values;
        proposals = proposals.index_select(0, drawn);
        matched_idxs = matched_idxs.index_select(0, drawn);
        var matched_gt_boxes = empty ? torch.zeros_like(proposals) : gt_boxes.index_select(0, matched_idxs);
        return new(proposals, labels.index_select(0, drawn), matched_idxs, box_coder.encode_single(matched_gt_boxes, proposals));
    }

    private static (Tensor classification, Tensor box) FastRCNNLoss(Tensor class_logits, Tensor box_regression,
        List<SampledProposals> samples)
    {
        var labels = torch.cat([.. samples.Select(sample => sample.labels)]);
        var positive = labels.gt(0).nonzero().squeeze(1);
        var codes = box_regression.reshape(box_regression.shape[0], box_regression.shape[1] / 4, 4)
            .index(positive, labels.index_select(0, positive));
        var regression_targets = torch.cat([.. samples.Select(sample => sample.regression_targets)]).index_select(0, positive);
        return (F.cross_entropy(class_logits, labels),
            F.smooth_l1_loss(codes, regression_targets, Reduction.Sum, beta: 1.0 / 9) / labels.numel());
    }

    private RoIBranch Registered(string name, RoIBranch branch)
    {
        register_module($"{name}_roi_pool", branch.pool);
        register_module($"{name}_head", branch.head);
        register_module($"{name}_predictor", branch.predictor);
        return branch;
    }
}
