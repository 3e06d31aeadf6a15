using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class ops
{
    /// <summary>Drops every box that overlaps a better one too much (non-maximum suppression). <c>torchvision.ops.nms</c></summary>
    /// <param name="boxes">x1, y1, x2, y2: [N, 4].</param>
    /// <param name="scores">The score of each box: [N].</param>
    /// <param name="iou_threshold">The largest intersection over union that two boxes may have.</param>
    /// <returns>The indices of the boxes that are kept, int64 [K], best first; of equal ones the first is better.</returns>
    /// <exception cref="ArgumentException">The shapes are wrong.</exception>
    [FxLeaf(Always = true, ShapedByElements = true)]
    public static Tensor nms(Tensor boxes, Tensor scores, double iou_threshold) => Suppressed(boxes, scores, null, iou_threshold);

    /// <summary>As <see cref="nms"/>, where only boxes of the same category compete. <c>torchvision.ops.batched_nms</c></summary>
    /// <param name="boxes">x1, y1, x2, y2: [N, 4].</param>
    /// <param name="scores">The score of each box: [N].</param>
    /// <param name="idxs">Each box's category: [N].</param>
    /// <param name="iou_threshold">The largest intersection over union that two boxes of a category may have.</param>
    /// <returns>The indices of the boxes that are kept, int64 [K], best first.</returns>
    /// <exception cref="ArgumentException">The shapes are wrong.</exception>
    [FxLeaf(Always = true, ShapedByElements = true)]
    public static Tensor batched_nms(Tensor boxes, Tensor scores, Tensor idxs, double iou_threshold)
    {
        ArgumentNullException.ThrowIfNull(idxs);
        return Suppressed(boxes, scores, idxs, iou_threshold);
    }

    private static Tensor Suppressed(Tensor boxes, Tensor scores, Tensor? idxs, double iou_threshold)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        ArgumentNullException.ThrowIfNull(scores);
        if (boxes.shape is not [var count, 4] || scores.shape is not [var scored] || scored != count
            || (idxs is not null && (idxs.shape is not [var categories] || categories != count)))
            throw new ArgumentException(
                $"Suppression takes boxes [N, 4] and as many scores{(idxs is null ? "" : " and categories")}, not {Shape(boxes)}, "
                    + $"{Shape(scores)}{(idxs is null ? "" : $", {Shape(idxs)}")}.");

        using var scope = NewDisposeScope();
        var order = Numbers<long>(torch.sort(scores, dim: 0, descending: true, stable: true).indices);
        var groups = idxs is null ? null : Numbers<long>(idxs.to(ScalarType.Int64));
        // In the boxes' own precision, which decides where an overlap is the threshold.
        var kept = boxes.dtype == ScalarType.Float64
            ? Kept(Numbers<double>(boxes), order, groups, iou_threshold)
            : Kept(Numbers<float>(boxes.to(ScalarType.Float32)), order, groups, iou_threshold);
        return torch.tensor(kept, device: boxes.device).MoveToOuterDisposeScope();
    }

    // Only boxes of one category compete, so categories are independent of each other.
    private static long[] Kept<T>(T[] boxes, long[] order, long[]? groups, double iou_threshold) where T : struct, IFloatingPointIeee754<T>
    {
        var least = LeastAbove<T>(iou_threshold);
        var ranks = Enumerable.Range(0, order.Length);
        var competitions = groups is null ? [[.. ranks]] : ranks.GroupBy(rank => groups[order[rank]]).Select(group => group.ToArray());
        return [.. competitions.AsParallel().WithDegreeOfParallelism(Math.Clamp(get_num_threads(), 1, 64)).SelectMany(group =>
            new Competition<T>(boxes, order, group).Winners(least)).Order().Select(rank => order[rank])];
    }

    // Overlaps are compared in the boxes' precision; the threshold may lie between two of its numbers.
    private static T LeastAbove<T>(double threshold) where T : struct, IFloatingPointIeee754<T>
    {
        var nearest = T.CreateTruncating(threshold);
        return double.CreateTruncating(nearest) > threshold ? nearest : T.BitIncrement(nearest);
    }

    internal static T[] Numbers<T>(Tensor tensor) where T : unmanaged => tensor.numel() == 0 ? []
        : tensor.detach().cpu().contiguous().data<T>().ToArray();

    internal static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}

/// <summary>Boxes that suppress each other, best first, one array for each coordinate so that several are compared at once.</summary>
internal sealed class Competition<T> where T : struct, IFloatingPointIeee754<T>
{
    private readonly int[] ranks;
    private readonly T[] x1, y1, x2, y2, areas;

    public Competition(T[] boxes, long[] order, int[] ranks)
    {
        this.ranks = ranks;
        (x1, y1, x2, y2, areas) = (Column(), Column(), Column(), Column(), Column());
        for (var i = 0; i < ranks.Length; i++)
        {
            var box = boxes.AsSpan((int)order[ranks[i]] * 4, 4);
            (x1[i], y1[i], x2[i], y2[i]) = (box[0], box[1], box[2], box[3]);
            areas[i] = (box[2] - box[0]) * (box[3] - box[1]);
        }

        // A whole number of vectors.
        T[] Column() => new T[(ranks.Length + Vector<T>.Count - 1) / Vector<T>.Count * Vector<T>.Count];
    }

    /// <summary>The ranks of the boxes that no better one overlaps by <paramref name="least"/> or more.</summary>
    public List<int> Winners(T least)
    {
        var winners = new List<int>();
        // What is surely below the threshold isn't divided, which takes most of the time.
        var near = new Vector<T>(least * T.CreateTruncating(0.999));
        // A comparison of vectors fills the elements where it holds with ones, which is no number.
        var suppressed = new T[x1.Length];
        for (var i = 0; i < ranks.Length; i++)
        {
            if (T.IsNaN(suppressed[i])) continue;
            winners.Add(ranks[i]);
            // Marks on those before it come too late to count.
            for (var j = (i + 1) / Vector<T>.Count * Vector<T>.Count; j < x1.Length; j += Vector<T>.Count)
            {
                var (both, either) = Overlaps(i, j);
                if (!Vector.LessThanAll(both, either * near))
                    (new Vector<T>(suppressed, j) | Vector.GreaterThanOrEqual(both / either, new Vector<T>(least))).CopyTo(suppressed, j);
            }
        }
        return winners;
    }

    // Of box i with a vector of boxes from j on: the area that both cover, and that which either does.
    private (Vector<T> Both, Vector<T> Either) Overlaps(int i, int j)
    {
        var width = Side(new(x1[i]), new(x2[i]), new(x1, j), new(x2, j));
        var height = Side(new(y1[i]), new(y2[i]), new(y1, j), new(y2, j));
        var both = width * height;
        return (both, new Vector<T>(areas[i]) + new Vector<T>(areas, j) - both);
    }

    private static Vector<T> Side(Vector<T> start, Vector<T> end, Vector<T> other_start, Vector<T> other_end) =>
        Vector.Max(Vector<T>.Zero, Vector.Min(end, other_end) - Vector.Max(start, other_start));
}
