using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>How a detector resizes images and normalises their channels.</summary>
public record ResizeOptions
{
    /// <summary>
    /// The shorter side of a resized image, in pixels. Of several, training draws one for each image; evaluation uses the last.
    /// </summary>
    public IReadOnlyList<long> min_size { get; init; } = [800];

    /// <summary>The limit of the longer side of a resized image, in pixels.</summary>
    public long max_size { get; init; } = 1333;

    /// <summary>The mean that is subtracted from each channel.</summary>
    public IReadOnlyList<double> image_mean { get; init; } = [0.485, 0.456, 0.406];

    /// <summary>The standard deviation that each channel is then divided by.</summary>
    public IReadOnlyList<double> image_std { get; init; } = [0.229, 0.224, 0.225];
}

/// <summary>The rules by which a single-stage detector keeps detections: the arguments that RetinaNet, FCOS and SSD share.</summary>
public record OneStageOptions : ResizeOptions
{
    /// <summary>Detections with scores above this are kept.</summary>
    public double score_thresh { get; init; } = 0.05;

    /// <summary>The largest allowed IoU of two detections of a class.</summary>
    public double nms_thresh { get; init; } = 0.5;

    /// <summary>The number of detections to keep per image, the best ones.</summary>
    public int detections_per_img { get; init; } = 300;

    /// <summary>The number of candidates before suppression: the best of each level, or of each class in SSD.</summary>
    public int topk_candidates { get; init; } = 1000;
}

/// <summary>The arguments of <see cref="RetinaNet"/> that have defaults.</summary>
public sealed record RetinaNetOptions : OneStageOptions
{
    /// <summary>The lowest IoU with a target at which an anchor is matched to it.</summary>
    public double fg_iou_thresh { get; init; } = 0.5;

    /// <summary>An anchor with a lower IoU than this is background.</summary>
    public double bg_iou_thresh { get; init; } = 0.4;
}

/// <summary>The arguments of <see cref="FCOS"/> that have defaults.</summary>
public sealed record FCOSOptions : OneStageOptions
{
    /// <summary>torchvision's defaults.</summary>
    public FCOSOptions() => (score_thresh, nms_thresh, detections_per_img) = (0.2, 0.6, 100);

    /// <summary>How far from a target's centre a point may be that belongs to it, in units of its anchor.</summary>
    public double center_sampling_radius { get; init; } = 1.5;
}

/// <summary>The arguments of <see cref="SSD"/> that have defaults; its images' size is not among them.</summary>
public sealed record SSDOptions : OneStageOptions
{
    /// <summary>torchvision's defaults.</summary>
    public SSDOptions() => (score_thresh, nms_thresh, detections_per_img, topk_candidates) = (0.01, 0.45, 200, 400);

    /// <summary>The lowest IoU with a target at which a box is matched to it.</summary>
    public double iou_thresh { get; init; } = 0.5;

    /// <summary>The share of positive examples in the classification loss.</summary>
    public double positive_fraction { get; init; } = 0.25;
}

/// <summary>The arguments of <see cref="FasterRCNN"/>, Mask R-CNN and Keypoint R-CNN that have defaults.</summary>
public sealed record FasterRCNNOptions : ResizeOptions
{
    /// <summary>The anchors of the proposals; null is one size for each level of a pyramid with five.</summary>
    public AnchorGenerator? rpn_anchor_generator { get; init; }

    /// <summary>Computes scores and codes for the anchors; null is <see cref="RPNHead"/>.</summary>
    public Module<List<Tensor>, (List<Tensor> logits, List<Tensor> bbox_reg)>? rpn_head { get; init; }

    /// <summary>The number of anchors per level before suppression, in training.</summary>
    public int rpn_pre_nms_top_n_train { get; init; } = 2000;

    /// <summary>The number of anchors per level before suppression, in evaluation.</summary>
    public int rpn_pre_nms_top_n_test { get; init; } = 1000;

    /// <summary>The number of proposals per image after suppression, in training.</summary>
    public int rpn_post_nms_top_n_train { get; init; } = 2000;

    /// <summary>The number of proposals per image after suppression, in evaluation.</summary>
    public int rpn_post_nms_top_n_test { get; init; } = 1000;

    /// <summary>The largest allowed IoU of two proposals of a level.</summary>
    public double rpn_nms_thresh { get; init; } = 0.7;

    /// <summary>The lowest IoU with a target at which an anchor is positive.</summary>
    public double rpn_fg_iou_thresh { get; init; } = 0.7;

    /// <summary>An anchor with a lower IoU than this is negative.</summary>
    public double rpn_bg_iou_thresh { get; init; } = 0.3;

    /// <summary>How many anchors of an image are drawn for the loss.</summary>
    public long rpn_batch_size_per_image { get; init; } = 256;

    /// <summary>The largest share of positive ones among them.</summary>
    public double rpn_positive_fraction { get; init; } = 0.5;

    /// <summary>Proposals with at least this score are kept.</summary>
    public double rpn_score_thresh { get; init; }

    /// <summary>Cuts the proposals out of the features; null is 7 × 7 of the levels "0" to "3".</summary>
    public MultiScaleRoIAlign? box_roi_pool { get; init; }

    /// <summary>Regions [K, C, h, w] to vectors [K, R]; null is <see cref="TwoMLPHead"/>.</summary>
    public Module<Tensor, Tensor>? box_head { get; init; }

    /// <summary>Vectors to classes and boxes; null is <see cref="FastRCNNPredictor"/> for vectors of 1024.</summary>
    public Module<Tensor, (Tensor scores, Tensor bbox_deltas)>? box_predictor { get; init; }

    /// <summary>Detections with scores above this are kept.</summary>
    public double box_score_thresh { get; init; } = 0.05;

    /// <summary>The largest allowed IoU of two detections of a class.</summary>
    public double box_nms_thresh { get; init; } = 0.5;

    /// <summary>The number of detections to keep per image, the best ones.</summary>
    public int box_detections_per_img { get; init; } = 100;

    /// <summary>The lowest IoU with a target at which a proposal is matched to it.</summary>
    public double box_fg_iou_thresh { get; init; } = 0.5;

    /// <summary>A proposal with a lower IoU than this is background.</summary>
    public double box_bg_iou_thresh { get; init; } = 0.5;

    /// <summary>How many proposals of an image are drawn for the loss.</summary>
    public long box_batch_size_per_image { get; init; } = 512;

    /// <summary>The largest share of positive ones among them.</summary>
    public double box_positive_fraction { get; init; } = 0.25;

    /// <summary>The divisors of the regressors' four outputs.</summary>
    public (double x, double y, double w, double h) bbox_reg_weights { get; init; } = (10, 10, 5, 5);
}
