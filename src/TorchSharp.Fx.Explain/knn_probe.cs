using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Measures whether inputs of a class have similar features: classifies each input by its most similar inputs, without fitting anything. Wu
/// et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination" (2018), arXiv:1805.01978, section 3.4, as DINO
/// measures it.
/// </summary>
public static class knn_probe
{
    private const long MostProducts = 16 << 20;

    /// <summary>Classifies each input by its neighbours' votes, with the weights <c>exp(cosine / temperature)</c>.</summary>
    /// <param name="features">The features of n inputs with known classes, [n, …].</param>
    /// <param name="labels">Their classes, int64 [n], from 0.</param>
    /// <param name="queries">The features of m inputs to classify, [m, …].</param>
    /// <param name="k">The number of neighbours that vote; all when there are fewer.</param>
    /// <param name="temperature">The temperature of the weights; smaller values favour the nearest neighbours.</param>
    /// <returns>int64 [m]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The number of labels is not that of the inputs.</exception>
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

    /// <summary>The cross-validated accuracy: each fold is classified by the votes of the others.</summary>
    /// <param name="features">A node's values for n inputs, [n, …].</param>
    /// <param name="labels">The class of each, int64 [n], from 0.</param>
    /// <param name="folds">The number of folds, each with its share of every class.</param>
    /// <param name="seed">The random seed of the folds. <see cref="linear_probe.cross_validate"/> with the same seed uses the same
    /// folds.</param>
    /// <param name="k">The number of neighbours that vote.</param>
    /// <param name="temperature">The temperature of the weights; smaller values favour the nearest neighbours.</param>
    /// <returns>The accuracy on each fold, from 0 to 1.</returns>
    /// <exception cref="ArgumentException">The number of labels is not that of the inputs, or no class has an input for each
    /// part.</exception>
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
