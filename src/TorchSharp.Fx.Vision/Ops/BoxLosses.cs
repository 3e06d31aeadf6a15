using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>
    /// 1 - GIoU of boxes side by side, which has a gradient also where they don't overlap: Rezatofighi et al. 2019.
    /// <c>torchvision.ops.generalized_box_iou_loss</c>
    /// </summary>
    /// <param name="boxes1">x1, y1, x2, y2: [N, 4] or [4].</param>
    /// <param name="boxes2">As many boxes.</param>
    /// <param name="reduction">"none", "mean" or "sum".</param>
    /// <param name="eps">Keeps divisors from being zero.</param>
    /// <exception cref="ArgumentException">The reduction doesn't exist.</exception>
    public static Tensor generalized_box_iou_loss(Tensor boxes1, Tensor boxes2, string reduction = "none", double eps = 1e-7)
    {
        using var scope = NewDisposeScope();
        var pairs = Paired(boxes1, boxes2);
        var (width, height) = pairs.Enclosing;
        var area = width * height;
        var giou = pairs.Intersection / (pairs.Union + eps) - (area - pairs.Union) / (area + eps);
        return Reduced(1 - giou, reduction).MoveToOuterDisposeScope();
    }

    /// <summary>1 - DIoU of boxes side by side: Zheng et al. 2020. <c>torchvision.ops.distance_box_iou_loss</c></summary>
    /// <param name="boxes1">x1, y1, x2, y2: [N, 4] or [4].</param>
    /// <param name="boxes2">As many boxes.</param>
    /// <param name="reduction">"none", "mean" or "sum".</param>
    /// <param name="eps">Keeps divisors from being zero.</param>
    /// <exception cref="ArgumentException">The reduction doesn't exist.</exception>
    public static Tensor distance_box_iou_loss(Tensor boxes1, Tensor boxes2, string reduction = "none", double eps = 1e-7)
    {
        using var scope = NewDisposeScope();
        var pairs = Paired(boxes1, boxes2);
        var loss = 1 - pairs.Intersection / (pairs.Union + eps) + pairs.Distance(eps);
        return Reduced(loss, reduction).MoveToOuterDisposeScope();
    }

    /// <summary>1 - CIoU of boxes side by side: Zheng et al. 2020. <c>torchvision.ops.complete_box_iou_loss</c></summary>
    /// <param name="boxes1">x1, y1, x2, y2: [N, 4] or [4].</param>
    /// <param name="boxes2">As many boxes.</param>
    /// <param name="reduction">"none", "mean" or "sum".</param>
    /// <param name="eps">Keeps divisors from being zero.</param>
    /// <exception cref="ArgumentException">The reduction doesn't exist.</exception>
    public static Tensor complete_box_iou_loss(Tensor boxes1, Tensor boxes2, string reduction = "none", double eps = 1e-7)
    {
        using var scope = NewDisposeScope();
        var pairs = Paired(boxes1, boxes2);
        var iou = pairs.Intersection / (pairs.Union + eps);
        var loss = 1 - iou + pairs.Distance(eps) + pairs.Proportion(iou, eps);
        return Reduced(loss, reduction).MoveToOuterDisposeScope();
    }

    private static BoxPairs Paired(Tensor boxes1, Tensor boxes2)
    {
        ArgumentNullException.ThrowIfNull(boxes1);
        ArgumentNullException.ThrowIfNull(boxes2);
        return new(Floating(boxes1), Floating(boxes2), paired: true);

        static Tensor Floating(Tensor boxes)
            => boxes.dtype is ScalarType.Float32 or ScalarType.Float64 ? boxes : boxes.to(ScalarType.Float32);
    }

    // The mean of nothing is 0, so that a batch without boxes trains.
    private static Tensor Reduced(Tensor loss, string reduction) => reduction switch
    {
        "none" => loss,
        "sum" => loss.sum(),
        "mean" => loss.numel() > 0 ? loss.mean() : loss.sum(),
        _ => throw new ArgumentException($"Losses are reduced by \"none\", \"mean\" or \"sum\"; there is no reduction \"{reduction}\".",
            nameof(reduction)),
    };
}
