using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Encodes boxes as regression targets and decodes them: offsets of the centre and logarithms of the size, relative to a proposal.
/// <c>torchvision.models.detection._utils.BoxCoder</c>
/// </summary>
/// <param name="weights">The factors of the four codes.</param>
/// <param name="bbox_xform_clip">The upper limit of a decoded logarithm; null for log(1000 / 16).</param>
public sealed class BoxCoder((double x, double y, double w, double h) weights, double? bbox_xform_clip = null)
{
    private readonly double clip = bbox_xform_clip ?? Math.Log(1000.0 / 16);

    /// <summary>Encodes the boxes of several images relative to their proposals: [L, 4] each to the same shape.</summary>
    public List<Tensor> encode(IReadOnlyList<Tensor> reference_boxes, IReadOnlyList<Tensor> proposals) =>
        [.. reference_boxes.Zip(proposals, encode_single)];

    /// <summary>Boxes relative to proposals: both [N, 4] to [N, 4].</summary>
    public Tensor encode_single(Tensor reference_boxes, Tensor proposals)
    {
        ArgumentNullException.ThrowIfNull(reference_boxes);
        ArgumentNullException.ThrowIfNull(proposals);
        using var scope = NewDisposeScope();
        var (x, y, width, height) = Centred(proposals);
        var (x_to, y_to, width_to, height_to) = Centred(reference_boxes);
        return torch.stack(
        [
            weights.x * (x_to - x) / width,
            weights.y * (y_to - y) / height,
            weights.w * (width_to / width).log(),
            weights.h * (height_to / height).log(),
        ], 1).MoveToOuterDisposeScope();
    }

    /// <summary>The boxes that codes stand for, several of each proposal.</summary>
    /// <param name="rel_codes">[K, 4 · C].</param>
    /// <param name="boxes">The proposals of each image, K in all: [L, 4] each.</param>
    /// <returns>[K, C, 4].</returns>
    public Tensor decode(Tensor rel_codes, IReadOnlyList<Tensor> boxes)
    {
        ArgumentNullException.ThrowIfNull(rel_codes);
        using var scope = NewDisposeScope();
        return decode_single(rel_codes, torch.cat([.. boxes])).reshape(rel_codes.shape[0], rel_codes.shape[1] / 4, 4)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Decodes codes relative to proposals to boxes: [N, 4 · C] and [N, 4] to [N, 4 · C].</summary>
    public Tensor decode_single(Tensor rel_codes, Tensor boxes)
    {
        ArgumentNullException.ThrowIfNull(rel_codes);
        ArgumentNullException.ThrowIfNull(boxes);
        using var scope = NewDisposeScope();
        var (x, y, width, height) = Centred(boxes.to(rel_codes.dtype).unsqueeze(1));
        var (dx, dy, dw, dh) = rel_codes.reshape(rel_codes.shape[0], rel_codes.shape[1] / 4, 4).unbind(-1);
        var pred_ctr_x = dx / weights.x * width + x;
        var pred_ctr_y = dy / weights.y * height + y;
        var half_w = 0.5 * ((dw / weights.w).clamp(max: clip).exp() * width);
        var half_h = 0.5 * ((dh / weights.h).clamp(max: clip).exp() * height);
        return torch.stack([pred_ctr_x - half_w, pred_ctr_y - half_h, pred_ctr_x + half_w, pred_ctr_y + half_h], 2).flatten(1)
            .MoveToOuterDisposeScope();
    }

    private static (Tensor x, Tensor y, Tensor width, Tensor height) Centred(Tensor boxes)
    {
        var (x1, y1, x2, y2) = boxes.unbind(-1);
        var (width, height) = (x2 - x1, y2 - y1);
        return (x1 + 0.5 * width, y1 + 0.5 * height, width, height);
    }
}

/// <summary>
/// Encodes boxes as the distances of a point from their four sides, in units of the point's anchor, and decodes them.
/// <c>torchvision.models.detection._utils.BoxLinearCoder</c>
/// </summary>
/// <param name="normalize_by_size">Whether distances are in units of the anchor's width and height; else they are pixels.</param>
public sealed class BoxLinearCoder(bool normalize_by_size = true)
{
    /// <summary>Distances of anchors' centres from the sides of boxes: both [..., 4] to [..., 4].</summary>
    public Tensor encode(Tensor reference_boxes, Tensor proposals)
    {
        ArgumentNullException.ThrowIfNull(reference_boxes);
        ArgumentNullException.ThrowIfNull(proposals);
        using var scope = NewDisposeScope();
        var (x, y) = Centres(reference_boxes);
        var (x1, y1, x2, y2) = proposals.unbind(-1);
        var distances = torch.stack([x - x1, y - y1, x2 - x, y2 - y], -1);
        return (normalize_by_size ? distances / Sizes(reference_boxes) : distances).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes distances from anchors' centres to boxes: both [..., 4] to [..., 4].</summary>
    public Tensor decode(Tensor rel_codes, Tensor boxes)
    {
        ArgumentNullException.ThrowIfNull(rel_codes);
        ArgumentNullException.ThrowIfNull(boxes);
        using var scope = NewDisposeScope();
        boxes = boxes.to(rel_codes.dtype);
        var (x, y) = Centres(boxes);
        var (left, top, right, bottom) = (normalize_by_size ? rel_codes * Sizes(boxes) : rel_codes).unbind(-1);
        return torch.stack([x - left, y - top, x + right, y + bottom], -1).MoveToOuterDisposeScope();
    }

    private static (Tensor x, Tensor y) Centres(Tensor boxes)
    {
        var (x1, y1, x2, y2) = boxes.unbind(-1);
        return (0.5 * (x1 + x2), 0.5 * (y1 + y2));
    }

    private static Tensor Sizes(Tensor boxes)
    {
        var (x1, y1, x2, y2) = boxes.unbind(-1);
        return torch.stack([x2 - x1, y2 - y1, x2 - x1, y2 - y1], -1);
    }
}
