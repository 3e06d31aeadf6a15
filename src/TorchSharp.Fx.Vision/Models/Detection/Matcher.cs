using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Matches each prediction to the target that it fits best, if it fits well enough. <c>torchvision.models.detection._utils.Matcher</c>
/// </summary>
/// <param name="high_threshold">The lowest quality at which a prediction is matched to its target.</param>
/// <param name="low_threshold">Below this quality, it is background; between the two it is neither.</param>
/// <param name="allow_low_quality_matches">Whether the best predictions of each target are matched to it whatever their quality.</param>
public class Matcher(double high_threshold, double low_threshold, bool allow_low_quality_matches = false)
{
    /// <summary>The index of a prediction that is background.</summary>
    public const long BELOW_LOW_THRESHOLD = -1;

    /// <summary>The index of a prediction that is neither background nor good enough.</summary>
    public const long BETWEEN_THRESHOLDS = -2;

    /// <summary>Matches predictions to targets.</summary>
    /// <param name="match_quality_matrix">How well each target fits each prediction: [M, N], neither of them 0.</param>
    /// <returns>
    /// For each prediction its target's index, <see cref="BELOW_LOW_THRESHOLD"/> or <see cref="BETWEEN_THRESHOLDS"/>: int64 [N].
    /// </returns>
    /// <exception cref="ArgumentException">There are no targets or no predictions.</exception>
    public virtual Tensor call(Tensor match_quality_matrix)
    {
        ArgumentNullException.ThrowIfNull(match_quality_matrix);
        if (match_quality_matrix.numel() == 0)
            throw new ArgumentException(
                $"No {(match_quality_matrix.shape[0] == 0 ? "ground-truth" : "proposal")} boxes are available for one of the images "
                + "during training.",
                nameof(match_quality_matrix));
        using var scope = NewDisposeScope();
        var (matched_vals, all_matches) = match_quality_matrix.max(0);
        var between = matched_vals.ge(low_threshold) & matched_vals.lt(high_threshold);
        var matches = all_matches.masked_fill(matched_vals.lt(low_threshold), BELOW_LOW_THRESHOLD).masked_fill(between, BETWEEN_THRESHOLDS);
        if (allow_low_quality_matches)
        {
            var best = match_quality_matrix.eq(match_quality_matrix.amax([1], keepdim: true)).any(0);
            matches = torch.where(best, all_matches, matches);
        }
        return matches.MoveToOuterDisposeScope();
    }

    /// <summary>Matches boxes to an image's targets by their overlap; where there are none, every box is background.</summary>
    internal Tensor Match(Tensor targets, Tensor boxes)
    {
        if (targets.numel() == 0) return torch.full([boxes.shape[0]], BELOW_LOW_THRESHOLD, dtype: ScalarType.Int64, device: boxes.device);
        using var overlaps = ops.box_iou(targets, boxes);
        return call(overlaps);
    }
}

/// <summary>
/// Like <see cref="Matcher"/>, but each target's best prediction is always matched to it.
/// <c>torchvision.models.detection._utils.SSDMatcher</c>
/// </summary>
/// <param name="threshold">The lowest quality at which a prediction is matched to its target; below this it is background.</param>
public sealed class SSDMatcher(double threshold) : Matcher(threshold, threshold)
{
    /// <inheritdoc/>
    public override Tensor call(Tensor match_quality_matrix)
    {
        var matches = base.call(match_quality_matrix);
        using var scope = NewDisposeScope();
        var best = match_quality_matrix.max(1).indexes;
        matches.index_put_(torch.arange(best.shape[0], dtype: ScalarType.Int64, device: matches.device), best);
        return matches;
    }
}

/// <summary>
/// Draws a batch of positive and negative examples, the positive ones up to a share.
/// <c>torchvision.models.detection._utils.BalancedPositiveNegativeSampler</c>
/// </summary>
/// <param name="batch_size_per_image">The number of examples to draw per image, if there are enough.</param>
/// <param name="positive_fraction">The largest share of positive ones, between 0 and 1.</param>
public sealed class BalancedPositiveNegativeSampler(long batch_size_per_image, double positive_fraction)
{
    /// <summary>Draws the examples of one image.</summary>
    /// <param name="labels">Above 0 for positive examples, 0 for negative ones, below 0 for those to ignore: [N].</param>
    /// <returns>The indices that were drawn, in ascending order: two int64 tensors.</returns>
    public (Tensor positive, Tensor negative) call(Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        using var scope = NewDisposeScope();
        var positive = labels.ge(1).nonzero().squeeze(1);
        var negative = labels.eq(0).nonzero().squeeze(1);
        var num_pos = Math.Min(positive.numel(), (long)(batch_size_per_image * positive_fraction));
        var num_neg = Math.Min(negative.numel(), batch_size_per_image - num_pos);
        return (Drawn(positive, num_pos).MoveToOuterDisposeScope(), Drawn(negative, num_neg).MoveToOuterDisposeScope());
    }

    private static Tensor Drawn(Tensor from, long count) =>
        from.index_select(0, torch.randperm(from.numel(), dtype: ScalarType.Int64, device: from.device)[..(int)count]).sort().Values;
}
