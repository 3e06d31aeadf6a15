using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>The best of boxes that overlap.</summary>
internal static class Suppression
{
    // Each is some nodes of the graph, and all are compared with all.
    private const long MostBoxes = 2048;

    internal static void AddTo(OperatorTable table) => table.Add("NonMaxSuppression", Select);

    private static TensorValue Select(OnnxNode node)
    {
        var byCenter = node.Attributes.Flag("center_point_box");
        if (node.Shape()?[1] is not (<= MostBoxes and { } count))
            throw new NotSupportedException($"how many boxes it is given must be known, and can be {MostBoxes}");
        var (hasOverlap, hasScore) = (node.Optional(3) is not null, node.Optional(4) is not null);
        Argument most = node.Optional(2) is null ? 0L : node.Numbers(2)[0];
        return node.Make((Tensor boxes, Tensor scores, long limit, Tensor overlap, Tensor score) =>
            Selected(boxes, scores, limit, hasOverlap ? overlap : null, hasScore ? score : null, byCenter, (int)count),
            ScalarType.Int64, [null, 3], node.Tensor(), node.Tensor(1), most, node.TensorOrNull(3), node.TensorOrNull(4));
    }

    private static Tensor Selected(Tensor boxes, Tensor scores, long limit, Tensor? overlap, Tensor? score, bool byCenter, int count)
    {
        var (sorted, order) = scores.sort(-1, true);
        var corners = (byCenter ? FromCenter(boxes) : Ordered(boxes)).index(arange(boxes.shape[0], ScalarType.Int64).reshape(-1, 1, 1),
            order);
        var shared = Overlaps(corners);
        var over = overlap is null ? shared.gt(0) : shared.gt(overlap);
        var open = score is null ? ones_like(sorted, ScalarType.Bool) : sorted.gt(score);
        var kept = new Tensor[count];
        for (var i = 0; i < count; i++)
        {
            kept[i] = open.select(-1, i);
            open = open.logical_and(kept[i].unsqueeze(-1).logical_and(over.select(-2, i)).logical_not());
        }
        var chosen = stack(kept, -1);
        var found = chosen.logical_and(chosen.to(ScalarType.Int64).cumsum(-1).le(limit)).nonzero();
        var (batch, label, place) = (found.select(1, 0), found.select(1, 1), found.select(1, 2));
        return stack([batch, label, order.index(batch, label, place)], 1);
    }

    private static Tensor FromCenter(Tensor boxes)
    {
        var (x, y, w, h) = (boxes.select(-1, 0), boxes.select(-1, 1), boxes.select(-1, 2).div(2), boxes.select(-1, 3).div(2));
        return stack([y.sub(h), x.sub(w), y.add(h), x.add(w)], -1);
    }

    /// <summary>Any two corners that lie across from each other may be given.</summary>
    private static Tensor Ordered(Tensor boxes)
    {
        var (a, b) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2));
        return cat([a.minimum(b), a.maximum(b)], -1);
    }

    /// <summary>The area that each two boxes share, by the area that they cover.</summary>
    private static Tensor Overlaps(Tensor boxes)
    {
        var (low, high) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2));
        var sides = high.unsqueeze(-2).minimum(high.unsqueeze(-3)).sub(low.unsqueeze(-2).maximum(low.unsqueeze(-3))).clamp(min: 0);
        var shared = sides.select(-1, 0).mul(sides.select(-1, 1));
        var size = high.sub(low);
        var area = size.select(-1, 0).mul(size.select(-1, 1));
        return shared.div(area.unsqueeze(-1).add(area.unsqueeze(-2)).sub(shared));
    }
}
