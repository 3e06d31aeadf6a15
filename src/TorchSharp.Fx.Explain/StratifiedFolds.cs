using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>Inputs in parts that each have their share of every class: what is fitted on all parts but one is tried on that one.</summary>
internal static class StratifiedFolds
{
    /// <summary>The part of each input. The shares of a class differ by one input at most, and so do the sizes of the parts.</summary>
    internal static int[] Of(ReadOnlySpan<long> labels, int folds, int seed)
    {
        var classes = labels.ToArray().Index().GroupBy(input => input.Item, input => input.Index).OrderBy(group => group.Key)
            .Select(group => group.ToArray()).ToArray();
        if (folds < 2 || classes.All(members => members.Length < folds))
            throw new ArgumentException(
                "Inputs are cut into 2 parts or more, and no more than the largest class has inputs "
                    + $"({classes.Max(members => members.Length)}); these are {folds}.", nameof(folds));
        var (random, parts, next) = (new Random(seed), new int[labels.Length], 0);
        foreach (var members in classes)
        {
            random.Shuffle(members);
            foreach (var member in members)
                parts[member] = next++ % folds;
        }
        return parts;
    }

    /// <summary>A score for each part.</summary>
    /// <param name="features">[n, p]</param>
    /// <param name="labels">int64 [n]</param>
    /// <param name="folds">How many parts.</param>
    /// <param name="seed">What they are drawn with.</param>
    /// <param name="score">From the features and labels of the other parts and those of one to the score of that one.</param>
    internal static double[] Scores(Tensor features, Tensor labels, int folds, int seed, Func<Tensor, Tensor, Tensor, Tensor, double> score)
    {
        using var outer = NewDisposeScope();
        var parts = tensor(Of(labels.cpu().contiguous().data<long>().ToArray(), folds, seed), device: features.device);
        return [.. Enumerable.Range(0, folds).Select(fold =>
        {
            using var scope = NewDisposeScope();
            var (others, one) = (parts.ne(fold), parts.eq(fold));
            return score(features[others], labels[others], features[one], labels[one]);
        })];
    }
}
