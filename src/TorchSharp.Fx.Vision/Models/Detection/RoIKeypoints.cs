using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>The key points of <see cref="RoIHeads"/>: section 5 of He et al., "Mask R-CNN" (2017).</summary>
internal static class RoIKeypoints
{
    /// <summary>
    /// Where each heat map is hottest: [K, P, M, M] to x, y and 1 in pixels [L, P, 3], and how hot [L, P], for each image.
    /// </summary>
    public static List<(Tensor keypoints, Tensor scores)> Inference(Tensor logits, List<Tensor> boxes) =>
        [.. logits.split([.. boxes.Select(image => image.shape[0])]).Zip(boxes, heatmaps_to_keypoints)];

    /// <summary>How far the heat maps are from one that is hot at the target's place only.</summary>
    public static Tensor Loss(Tensor logits, List<SampledProposals> positive, List<Dictionary<string, Tensor>> targets)
    {
        var side = logits.shape[^1];
        var maps = positive.Zip(targets, (sample, target) =>
            Places(target["keypoints"].index_select(0, sample.matched_idxs), sample.boxes, side)).ToList();
        var valid = torch.cat([.. maps.Select(map => map.valid.flatten())]).nonzero().squeeze(1);
        if (valid.numel() == 0) return logits.sum() * 0;
        var places = torch.cat([.. maps.Select(map => map.places.flatten())]);
        return F.cross_entropy(logits.reshape(-1, side * side).index_select(0, valid), places.index_select(0, valid));
    }

    // A map is scaled to its box's pixels first; a pixel's centre is half a pixel from its corner.
    [FxLeaf(Always = true)]
    public static (Tensor keypoints, Tensor scores) heatmaps_to_keypoints(Tensor maps, Tensor boxes)
    {
        var count = maps.shape[1];
        var (points, scores) = (new List<Tensor>(), new List<Tensor>());
        foreach (var (i, box) in ops.Numbers<float>(boxes).Chunk(4).Index())
        {
            var (box_width, box_height) = (Math.Max(box[2] - box[0], 1), Math.Max(box[3] - box[1], 1));
            var (width, height) = ((long)Math.Ceiling(box_width), (long)Math.Ceiling(box_height));
            var map = F.interpolate(maps[i].unsqueeze(1), size: [height, width], mode: InterpolationMode.Bicubic, align_corners: false)
                .reshape(count, -1);
            var (hottest, at) = map.max(1);
            var x = (at.remainder(width).to(ScalarType.Float32) + 0.5) * (box_width / width) + box[0];
            var y = (at.floor_divide(width).to(ScalarType.Float32) + 0.5) * (box_height / height) + box[1];
            points.Add(torch.stack([x, y, torch.ones_like(x)], 1));
            scores.Add(hottest);
        }
        return points.Count == 0
            ? (torch.zeros([0, count, 3], device: maps.device), torch.zeros([0, count], device: maps.device))
            : (torch.stack(points), torch.stack(scores));
    }

    // Which of the grid's cells each key point is in, and whether it is in any and visible.
    private static (Tensor places, Tensor valid) Places(Tensor keypoints, Tensor boxes, long side)
    {
        var (x1, y1, x2, y2) = boxes.unsqueeze(1).unbind(-1);
        var x = Cell(keypoints[.., .., 0], x1, x2);
        var y = Cell(keypoints[.., .., 1], y1, y2);
        var valid = x.ge(0) & y.ge(0) & x.lt(side) & y.lt(side) & keypoints[.., .., 2].gt(0);
        return ((y * side + x) * valid, valid);

        // The box's far edge belongs to the last cell.
        Tensor Cell(Tensor at, Tensor start, Tensor end) => ((at - start) * (side / (end - start))).floor().to(ScalarType.Int64)
            .masked_fill(at.eq(end), side - 1);
    }
}
