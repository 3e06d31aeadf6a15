using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Whether inputs of one class have features that are alike: the class of the most similar inputs, nothing fitted. Wu et al.,
/// "Unsupervised Feature Learning via Non-Parametric Instance Discrimination" (2018), arXiv:1805.01978, section 3.4, as DINO measures it.
/// </summary>
public static class knn_probe
{
    private const long MostProducts = 16 << 20;

    /// <summary>The class of each input by its neighbours' votes, which weigh <c>exp(cosine / temperature)</c>.</summary>
    /// <param name="features">The features of n inputs whose class is known, [n, …].</param>
    /// <param name="labels">Their classes, int64 [n], from 0.</param>
    /// <param name="queries">The features of m others, [m, …].</param>
    /// <param name="k">How many neighbours vote; all where there are fewer.</param>
    /// <param name="temperature">How much more the nearest weigh.</param>
    /// <returns>int64 [m]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">There is not one label for each input.</exception>
    public static Tensor predict(Tensor features, Tensor labels, Tensor queries, long k = 20, double temperature = 0.07)
    {
        var classes = linear_probe.Classes(features, labels);
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        using var outer = NewDisposeScope();
        using var quiet = no_grad();
        var known = Directions(features);
        var found = Directions(queries).split(Math.Max(1, MostProducts / known.shape[0])).Select(some =>
        {
            using var scope = NewDisposeScope();
            var (similarities, nearest) = some.matmul(known.t()).topk((int)Math.Min(k, known.shape[0]));
            // Less 1, which changes no winner, so that small temperatures stay finite.
            var votes = zeros(some.shape[0], classes, device: some.device)
                .scatter_add_(1, labels[nearest], ((similarities - 1) / temperature).exp());
            return votes.argmax(1).MoveToOuterDisposeScope();
        });
        return cat([.. found]).MoveToOuterDisposeScope();
    }

    /// <summary>How often the neighbours are right on inputs of a part that the others vote for.</summary>
    /// <param name="features">A node's values of n inputs, [n, …].</param>
    /// <param name="labels">The class of each, int64 [n], from 0.</param>
    /// <param name="folds">How many parts the inputs are cut into, each with its share of every class.</param>
    /// <param name="seed">What the parts are drawn with; the same as <see cref="linear_probe.cross_validate"/>'s are the same
    /// parts.</param>
    /// <param name="k">How many neighbours vote.</param>
    /// <param name="temperature">How much more the nearest weigh.</param>
    /// <returns>The share that is right in each part, from 0 to 1.</returns>
    /// <exception cref="ArgumentException">There is not one label for each input, or no class has an input for each part.</exception>
    public static double[] cross_validate(Tensor features, Tensor labels, int folds = 5, int seed = 0, long k = 20,
        double temperature = 0.07)
    {
        linear_probe.Classes(features, labels);
        return StratifiedFolds.Scores(features.flatten(1), labels, folds, seed, (known, classes, tested, expected)
            => predict(known, classes, tested, k, temperature).eq(expected).to(ScalarType.Float64).mean().item<double>());
    }

    /// <summary>Of length 1; vectors of zeros stay so.</summary>
    private static Tensor Directions(Tensor features) => nn.functional.normalize(features.flatten(1).to(ScalarType.Float32), p: 2, dim: 1);
}
