using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>Intersection over union of every pair: [N, 4] and [M, 4] to [N, M]. <c>torchvision.ops.box_iou</c></summary>
    /// <param name="boxes1">x1, y1, x2, y2.</param>
    /// <param name="boxes2">x1, y1, x2, y2.</param>
    public static Tensor box_iou(Tensor boxes1, Tensor boxes2)
    {
        using var scope = NewDisposeScope();
        return new BoxPairs(boxes1, boxes2).Iou.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Generalised IoU: IoU minus the share of the enclosing box that neither box of a pair covers: Rezatofighi et al. 2019. [N, 4] and [M,
    /// 4] to [N, M]. <c>torchvision.ops.generalized_box_iou</c>
    /// </summary>
    /// <param name="boxes1">x1, y1, x2, y2.</param>
    /// <param name="boxes2">x1, y1, x2, y2.</param>
    public static Tensor generalized_box_iou(Tensor boxes1, Tensor boxes2)
    {
        using var scope = NewDisposeScope();
        var pairs = new BoxPairs(boxes1, boxes2);
        var (width, height) = pairs.Enclosing;
        var area = width * height;
        return (pairs.Iou - (area - pairs.Union) / area).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Distance IoU: IoU minus the normalised distance of a pair's centres: Zheng et al. 2020. [N, 4] and [M, 4] to [N, M].
    /// <c>torchvision.ops.distance_box_iou</c>
    /// </summary>
    /// <param name="boxes1">x1, y1, x2, y2.</param>
    /// <param name="boxes2">x1, y1, x2, y2.</param>
    /// <param name="eps">Keeps divisors from being zero.</param>
    public static Tensor distance_box_iou(Tensor boxes1, Tensor boxes2, double eps = 1e-7)
    {
        using var scope = NewDisposeScope();
        var pairs = new BoxPairs(boxes1, boxes2);
        return (pairs.Iou - pairs.Distance(eps)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Complete IoU: IoU minus the normalised distance of a pair's centres and the difference of their proportions: Zheng et al. 2020. [N,
    /// 4] and [M, 4] to [N, M]. <c>torchvision.ops.complete_box_iou</c>
    /// </summary>
    /// <param name="boxes1">x1, y1, x2, y2.</param>
    /// <param name="boxes2">x1, y1, x2, y2.</param>
    /// <param name="eps">Keeps divisors from being zero.</param>
    public static Tensor complete_box_iou(Tensor boxes1, Tensor boxes2, double eps = 1e-7)
    {
        using var scope = NewDisposeScope();
        var pairs = new BoxPairs(boxes1, boxes2);
        var iou = pairs.Iou;
        return (iou - pairs.Distance(eps) - pairs.Proportion(iou, eps)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The numbers that overlaps are computed from: for every two boxes, or for two lists side by side, whatever their last dimension is
    /// stripped to.
    /// </summary>
    private sealed class BoxPairs
    {
        private readonly Tensor x1, y1, x2, y2, x1g, y1g, x2g, y2g;

        public BoxPairs(Tensor boxes1, Tensor boxes2, bool paired = false)
        {
            ArgumentNullException.ThrowIfNull(boxes1);
            ArgumentNullException.ThrowIfNull(boxes2);
            (x1, y1, x2, y2) = (paired ? boxes1 : Wide(boxes1).unsqueeze(1)).unbind(-1);
            (x1g, y1g, x2g, y2g) = (paired ? boxes2 : Wide(boxes2)).unbind(-1);
            Intersection =
                (torch.minimum(x2, x2g) - torch.maximum(x1, x1g)).clamp(min: 0) * (torch.minimum(y2, y2g) - torch.maximum(y1, y1g)).clamp(
                    min: 0);
            Union = (x2 - x1) * (y2 - y1) + (x2g - x1g) * (y2g - y1g) - Intersection;
        }

        public Tensor Intersection { get; }

        public Tensor Union { get; }

        public Tensor Iou => Intersection / Union;

        /// <summary>Width and height of the smallest box around both.</summary>
        public (Tensor width, Tensor height) Enclosing
            => (torch.maximum(x2, x2g) - torch.minimum(x1, x1g), torch.maximum(y2, y2g) - torch.minimum(y1, y1g));

        /// <summary>The centres' squared distance over the enclosing box's squared diagonal.</summary>
        public Tensor Distance(double eps)
        {
            var (width, height) = Enclosing;
            var (dx, dy) = ((x1 + x2) / 2 - (x1g + x2g) / 2, (y1 + y2) / 2 - (y1g + y2g) / 2);
            return (dx.square() + dy.square()) / (width.square() + height.square() + eps);
        }

        /// <summary>How differently the two are proportioned, weighed by their overlap; the weight has no gradient.</summary>
        public Tensor Proportion(Tensor iou, double eps)
        {
            var angle = torch.atan((x2g - x1g) / (y2g - y1g)) - torch.atan((x2 - x1) / (y2 - y1));
            var v = 4 / (Math.PI * Math.PI) * angle.square();
            var alpha = (v / (1 - iou + v + eps)).detach();
            return alpha * v;
        }
    }
}
