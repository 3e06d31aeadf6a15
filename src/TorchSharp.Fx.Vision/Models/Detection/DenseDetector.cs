using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Computes scores and box codes for anchors, and the losses against the targets.</summary>
/// <remarks>
/// Features [N, C, h, w] to <c>cls_logits</c> [N, A, num_classes], <c>bbox_regression</c> [N, A, 4] and the head's further outputs, for the
/// anchors of all features.
/// </remarks>
public abstract class DetectionHead(string name) : Module<List<Tensor>, Dictionary<string, Tensor>>(name)
{
    /// <summary>The losses by name, scalars.</summary>
    /// <param name="targets">Boxes and labels of each image.</param>
    /// <param name="head_outputs">The outputs of the head.</param>
    /// <param name="anchors">The anchors of each image: [A, 4].</param>
    /// <param name="matched_idxs">For each image, the index of each anchor's target, negative where there is none: int64 [A].</param>
    public abstract Dictionary<string, Tensor> compute_loss(
        List<Dictionary<string, Tensor>> targets, Dictionary<string, Tensor> head_outputs, List<Tensor> anchors, List<Tensor> matched_idxs);
}

/// <summary>
/// A single-stage detector with anchors at every position of a pyramid; each level contributes its best detections: RetinaNet and FCOS.
/// </summary>
public abstract class DenseDetector : DetectionModel
{
    private readonly AnchorGenerator anchor_generator;
    private readonly DetectionHead head;
    private readonly OneStageOptions options;

    private protected DenseDetector(
        string name, Module<Tensor, Dictionary<string, Tensor>> backbone, AnchorGenerator anchor_generator, DetectionHead head,
            OneStageOptions options)
        : base(name, new(options), backbone)
    {
        (this.anchor_generator, this.head, this.options) = (anchor_generator, head, options);
        register_module(nameof(anchor_generator), anchor_generator);
        register_module(nameof(head), head);
    }

    /// <summary>How good each anchor's classes are, between 0 and 1: [A, num_classes], of an image's and a level's outputs.</summary>
    private protected abstract Tensor Scores(Dictionary<string, Tensor> outputs);

    /// <summary>The boxes that codes stand for.</summary>
    private protected abstract Tensor Decoded(Tensor codes, Tensor anchors);

    /// <summary>The target of each anchor, negative where there is none.</summary>
    private protected abstract Tensor Match(Tensor boxes, Tensor anchors, long[] anchors_per_level);

    private protected sealed override List<Dictionary<string, Tensor>> Detect(ImageList images, Dictionary<string, Tensor> features)
    {
        var maps = features.Values.ToList();
        var outputs = head.call(maps);
        var anchors = anchor_generator.call(images, maps);
        var levels = AnchorsPerLevel(maps);
        return [.. images.image_sizes.Select((shape, i) =>
            Detections(outputs.ToDictionary(output => output.Key, output => output.Value[i]), anchors[i], levels, shape))];
    }

    private protected sealed override Dictionary<string, Tensor> ComputeLoss(
        ImageList images, Dictionary<string, Tensor> features, List<Dictionary<string, Tensor>> targets)
    {
        var maps = features.Values.ToList();
        var outputs = head.call(maps);
        var anchors = anchor_generator.call(images, maps);
        var levels = AnchorsPerLevel(maps);
        return head.compute_loss(targets, outputs, anchors,
            [.. targets.Zip(anchors, (target, image) => Match(target["boxes"], image, levels))]);
    }

    private long[] AnchorsPerLevel(List<Tensor> maps) =>
        [.. maps.Zip(anchor_generator.num_anchors_per_location(), (map, count) => map.shape[^2] * map.shape[^1] * count)];

    private Dictionary<string, Tensor> Detections(Dictionary<string, Tensor> outputs, Tensor anchors, long[] levels,
        (long height, long width) shape)
    {
        var parts = outputs.ToDictionary(output => output.Key, output => output.Value.split(levels));
        var best = anchors.split(levels).Select((level, i) =>
            BestOfLevel(parts.ToDictionary(part => part.Key, part => part.Value[i]), level, shape)).ToList();
        return HeadOutputs.Best(
            torch.cat([.. best.Select(level => level.boxes)]), torch.cat([.. best.Select(level => level.scores)]),
                torch.cat([.. best.Select(level => level.labels)]),
            options.nms_thresh, options.detections_per_img);
    }

    private (Tensor boxes, Tensor scores, Tensor labels) BestOfLevel(Dictionary<string, Tensor> outputs, Tensor anchors,
        (long height, long width) shape)
    {
        var scores = Scores(outputs);
        var num_classes = scores.shape[1];
        scores = scores.flatten();
        var above = scores.gt(options.score_thresh).nonzero().squeeze(1);
        var (best, order) = scores.index_select(0, above).topk((int)Math.Min(options.topk_candidates, above.shape[0]));
        var chosen = above.index_select(0, order);
        var places = chosen.floor_divide(num_classes);
        var boxes = Decoded(outputs["bbox_regression"].index_select(0, places), anchors.index_select(0, places));
        return (ops.clip_boxes_to_image(boxes, shape), best, chosen.remainder(num_classes));
    }
}
