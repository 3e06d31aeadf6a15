using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>The masks of <see cref="RoIHeads"/>: He et al., "Mask R-CNN" (2017).</summary>
internal static class RoIMasks
{
    // A border of nothing, so that a mask's edge is interpolated too.
    private const int padding = 1;

    /// <summary>
    /// Of each detection the mask of its class: logits [K, num_classes, M, M] to probabilities [L, 1, M, M] for each image.
    /// </summary>
    public static Tensor[] Inference(Tensor logits, List<Tensor> labels)
    {
        var classes = torch.cat(labels);
        var masks = logits.sigmoid().index(torch.arange(classes.shape[0], dtype: ScalarType.Int64, device: classes.device), classes)
            .unsqueeze(1);
        return masks.split([.. labels.Select(label => label.shape[0])]);
    }

    /// <summary>How far the masks of the targets' classes are from the targets, on the regions' own grids.</summary>
    public static Tensor Loss(Tensor logits, List<SampledProposals> positive, List<Dictionary<string, Tensor>> targets)
    {
        if (logits.shape[0] == 0) return logits.sum() * 0;
        var side = logits.shape[^1];
        var labels = torch.cat([.. positive.Select(sample => sample.labels)]);
        var masks = torch.cat([.. positive.Zip(targets, (sample, target) => ops.roi_align(
            target["masks"].unsqueeze(1).to(sample.boxes.dtype),
            torch.cat([sample.matched_idxs.unsqueeze(1).to(sample.boxes.dtype), sample.boxes], 1), (side, side)).squeeze(1))]);
        return F.binary_cross_entropy_with_logits(
            logits.index(torch.arange(labels.shape[0], dtype: ScalarType.Int64, device: labels.device), labels), masks);
    }

    /// <summary>
    /// Masks [L, 1, M, M] at their boxes' places in the image: [L, 1, height, width].
    /// <c>torchvision.models.detection.roi_heads.paste_masks_in_image</c>
    /// </summary>
    public static Tensor Pasted(Tensor masks, Tensor boxes, (long height, long width) size)
    {
        var side = masks.shape[^1];
        var padded = F.pad(masks, [padding, padding, padding, padding]);
        var (x1, y1, x2, y2) = Expanded(boxes, (double)(side + 2 * padding) / side).to(ScalarType.Int64).to(masks.dtype).unsqueeze(2)
            .unbind(1);
        // Interpolation is linear in each direction, so a pasted mask is rows × mask × columns.
        return Spread(y1, y2, size.height).matmul(padded.squeeze(1)).matmul(Spread(x1, x2, size.width).transpose(1, 2)).unsqueeze(1);

        // How much of each of a mask's pixels is in each of the image's: [L, 1] twice to [L, pixels, M].
        Tensor Spread(Tensor first, Tensor last, long pixels)
        {
            var at = torch.arange(pixels, dtype: masks.dtype, device: masks.device).unsqueeze(0);
            var count = side + 2 * padding;
            var from = (((at - first + 0.5) * (count / (last - first + 1).clamp(min: 1)) - 0.5).clamp(0, count - 1)).unsqueeze(2);
            var near = (1 - (from - torch.arange(count, dtype: masks.dtype, device: masks.device)).abs()).clamp(min: 0);
            return near * (at.ge(first) & at.le(last)).unsqueeze(2);
        }
    }

    private static Tensor Expanded(Tensor boxes, double scale)
    {
        var (x1, y1, x2, y2) = boxes.unbind(1);
        var (half_w, half_h) = ((x2 - x1) * 0.5 * scale, (y2 - y1) * 0.5 * scale);
        var (x, y) = ((x2 + x1) * 0.5, (y2 + y1) * 0.5);
        return torch.stack([x - half_w, y - half_h, x + half_w, y + half_h], 1);
    }
}
