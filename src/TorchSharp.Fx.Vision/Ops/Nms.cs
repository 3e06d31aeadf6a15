using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>Drops every box that overlaps a better one too much (non-maximum suppression). <c>torchvision.ops.nms</c></summary>
    /// <param name="boxes">x1, y1, x2, y2: [N, 4].</param>
    /// <param name="scores">How good each is: [N].</param>
    /// <param name="iou_threshold">The largest intersection over union that two boxes may have.</param>
    /// <returns>The indices of the boxes that stay, int64 [K], best first; of equal ones the first is better.</returns>
    /// <exception cref="ArgumentException">The shapes are others.</exception>
    public static Tensor nms(Tensor boxes, Tensor scores, double iou_threshold) => Suppressed(boxes, scores, null, iou_threshold);

    /// <summary>As <see cref="nms"/>, where only boxes of the same category compete. <c>torchvision.ops.batched_nms</c></summary>
    /// <param name="boxes">x1, y1, x2, y2: [N, 4].</param>
    /// <param name="scores">How good each is: [N].</param>
    /// <param name="idxs">Each box's category: [N].</param>
    /// <param name="iou_threshold">The largest intersection over union that two boxes of a category may have.</param>
    /// <returns>The indices of the boxes that stay, int64 [K], best first.</returns>
    /// <exception cref="ArgumentException">The shapes are others.</exception>
    public static Tensor batched_nms(Tensor boxes, Tensor scores, Tensor idxs, double iou_threshold)
    {
        ArgumentNullException.ThrowIfNull(idxs);
        return Suppressed(boxes, scores, idxs, iou_threshold);
    }

    private static Tensor Suppressed(Tensor boxes, Tensor scores, Tensor? idxs, double iou_threshold)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        ArgumentNullException.ThrowIfNull(scores);
        if (boxes.shape is not [var count, 4] || scores.shape is not [var scored] || scored != count || (idxs is not null && (idxs.shape is not [var categories] || categories != count)))
            throw new ArgumentException($"Suppression takes boxes [N, 4] and as many scores{(idxs is null ? "" : " and categories")}, not {Shape(boxes)}, {Shape(scores)}{(idxs is null ? "" : $", {Shape(idxs)}")}.");

        using var scope = NewDisposeScope();
        var order = Numbers<long>(torch.sort(scores, dim: 0, descending: true, stable: true).indices);
        var groups = idxs is null ? null : Numbers<long>(idxs.to(ScalarType.Int64));
        // In the boxes' own precision, which decides where an overlap is the threshold.
        var kept = boxes.dtype == ScalarType.Float64
            ? Kept(Numbers<double>(boxes), order, groups, iou_threshold)
            : Kept(Numbers<float>(boxes.to(ScalarType.Float32)), order, groups, iou_threshold);
        return torch.tensor(kept, device: boxes.device).MoveToOuterDisposeScope();
    }

    private static long[] Kept<T>(T[] boxes, long[] order, long[]? groups, double iou_threshold) where T : struct, IFloatingPointIeee754<T>
    {
        var kept = new List<long>();
        var suppressed = new bool[order.Length];
        for (var i = 0; i < order.Length; i++)
        {
            var best = order[i];
            if (suppressed[best]) continue;
            kept.Add(best);
            foreach (var other in order.AsSpan(i + 1))
                if (!suppressed[other] && (groups is null || groups[best] == groups[other]))
                    suppressed[other] = double.CreateTruncating(Overlap<T>(boxes.AsSpan((int)best * 4, 4), boxes.AsSpan((int)other * 4, 4))) > iou_threshold;
        }
        return [.. kept];
    }

    private static T Overlap<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b) where T : IFloatingPointIeee754<T>
    {
        var width = T.Max(T.Zero, T.Min(a[2], b[2]) - T.Max(a[0], b[0]));
        var height = T.Max(T.Zero, T.Min(a[3], b[3]) - T.Max(a[1], b[1]));
        var both = width * height;
        return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
    }

    internal static T[] Numbers<T>(Tensor tensor) where T : unmanaged => tensor.numel() == 0 ? [] : tensor.detach().cpu().contiguous().data<T>().ToArray();

    internal static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
