using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>The area of each box: [N, 4] to [N]. <c>torchvision.ops.box_area</c></summary>
    /// <param name="boxes">x1, y1, x2, y2. Types too small for products become float32 or int32.</param>
    public static Tensor box_area(Tensor boxes)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        using var scope = NewDisposeScope();
        var (x1, y1, x2, y2) = Wide(boxes).unbind(-1);
        return ((x2 - x1) * (y2 - y1)).MoveToOuterDisposeScope();
    }

    /// <summary>Boxes in another format: [..., 4] to the same shape. <c>torchvision.ops.box_convert</c></summary>
    /// <param name="boxes">The boxes.</param>
    /// <param name="in_fmt">"xyxy" (two corners), "xywh" (a corner and the size) or "cxcywh" (the centre and the size).</param>
    /// <param name="out_fmt">One of the same.</param>
    /// <exception cref="ArgumentException">The format doesn't exist.</exception>
    public static Tensor box_convert(Tensor boxes, string in_fmt, string out_fmt)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        CheckFormat(in_fmt, nameof(in_fmt));
        CheckFormat(out_fmt, nameof(out_fmt));
        if (in_fmt == out_fmt) return boxes.clone();

        using var scope = NewDisposeScope();
        var (a, b, c, d) = boxes.unbind(-1);
        var (x1, y1, x2, y2) = in_fmt switch
        {
            "xywh" => (a, b, a + c, b + d),
            "cxcywh" => (a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d),
            _ => (a, b, c, d),
        };
        Tensor[] converted = out_fmt switch
        {
            "xywh" => [x1, y1, x2 - x1, y2 - y1],
            "cxcywh" => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1],
            _ => [x1, y1, x2, y2],
        };
        return torch.stack(converted, -1).MoveToOuterDisposeScope();
    }

    /// <summary>Clips boxes to an image: [..., 4] to the same shape. <c>torchvision.ops.clip_boxes_to_image</c></summary>
    /// <param name="boxes">x1, y1, x2, y2.</param>
    /// <param name="size">The image's height and width.</param>
    public static Tensor clip_boxes_to_image(Tensor boxes, (long height, long width) size)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        using var scope = NewDisposeScope();
        var (x1, y1, x2, y2) = boxes.unbind(-1);
        return torch.stack([x1.clamp(0, size.width), y1.clamp(0, size.height), x2.clamp(0, size.width), y2.clamp(0, size.height)], -1)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The indices of boxes that are at least <paramref name="min_size"/> wide and high: [N, 4] to int64 [K].
    /// <c>torchvision.ops.remove_small_boxes</c>
    /// </summary>
    public static Tensor remove_small_boxes(Tensor boxes, double min_size)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        using var scope = NewDisposeScope();
        var (x1, y1, x2, y2) = boxes.unbind(-1);
        return ((x2 - x1).ge(min_size) & (y2 - y1).ge(min_size)).nonzero().squeeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The smallest box around each mask: [N, H, W] to x1, y1, x2, y2 in float32 [N, 4]. <c>torchvision.ops.masks_to_boxes</c>
    /// </summary>
    /// <param name="masks">The masks; elements other than 0 belong to a mask.</param>
    /// <exception cref="ArgumentException">A mask is empty.</exception>
    public static Tensor masks_to_boxes(Tensor masks)
    {
        ArgumentNullException.ThrowIfNull(masks);
        using var scope = NewDisposeScope();
        var (count, height, width) = masks.shape;
        if (masks.numel() == 0) return torch.zeros([0, 4], device: masks.device).MoveToOuterDisposeScope();

        var inside = masks.ne(0);
        if (!inside.flatten(1).any(1).all().item<bool>())
            throw new ArgumentException("A mask has no element that isn't zero, so there is no box around it; leave such masks out.",
                nameof(masks));
        var (x1, x2) = Extent(inside.any(1), width);
        var (y1, y2) = Extent(inside.any(2), height);
        return torch.stack([x1, y1, x2, y2], 1).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    // The first and last place that is taken: [N, size] to two of [N].
    private static (Tensor first, Tensor last) Extent(Tensor taken, long size)
    {
        var at = torch.arange(size, device: taken.device);
        return (at.masked_fill(~taken, size).amin([1]), at.masked_fill(~taken, -1).amax([1]));
    }

    private static void CheckFormat(string format, string parameter)
    {
        if (format is not ("xyxy" or "xywh" or "cxcywh"))
            throw new ArgumentException($"Boxes come as \"xyxy\", \"xywh\" or \"cxcywh\"; there is no format \"{format}\".", parameter);
    }

    // Products of small types overflow.
    private static Tensor Wide(Tensor boxes)
        => boxes.dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int32 or ScalarType.Int64
        ? boxes
        : boxes.to(boxes.is_floating_point() ? ScalarType.Float32 : ScalarType.Int32);
}
