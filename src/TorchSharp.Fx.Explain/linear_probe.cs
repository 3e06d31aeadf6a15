using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Measures whether a node's value reveals a property of the input: fits a linear classifier on it, without changing the model. Alain and
/// Bengio, "Understanding intermediate layers using linear classifier probes" (2016), arXiv:1610.01644.
/// </summary>
public static class linear_probe
{
    /// <summary>Fits multinomial logistic regression: the least mean cross-entropy plus <c>½ weight_decay ‖W‖²</c>, by L-BFGS.</summary>
    /// <param name="features">A node's values for n inputs, [n, …]; all dimensions after the first form one vector.</param>
    /// <param name="labels">The class of each, int64 [n], from 0.</param>
    /// <param name="weight_decay">The weight decay. With 0, features that separate the classes perfectly have no optimal weights.</param>
    /// <param name="max_iter">The largest number of steps.</param>
    /// <returns>The classifier, from features [n, p] to scores [n, classes]. The caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of labels is not that of the inputs.</exception>
    public static TorchSharp.Modules.Linear fit(Tensor features, Tensor labels, double weight_decay = 1e-3, int max_iter = 200)
    {
        var (classes, inputs) = (Classes(features, labels), features.NumberOfElements / features.shape[0]);
        var probe = nn.Linear(inputs, classes, device: features.device);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // A column of ones for the bias.
        var given = nn.functional.pad(features.flatten(1).to(ScalarType.Float64), [0, 1], value: 1);
        var wanted = nn.functional.one_hot(labels, classes).to(ScalarType.Float64);
        var fitted = Lbfgs.Minimise(zeros(classes * (inputs + 1), ScalarType.Float64, features.device), Loss, max_iter,
            tolerance: 1e-7).reshape(classes, inputs + 1);
        probe.weight.copy_(fitted[.., ..(int)inputs]);
        probe.bias!.copy_(fitted[.., (int)inputs]);
        return probe;

        (double, Tensor) Loss(Tensor parameters)
        {
            var matrix = parameters.reshape(classes, inputs + 1);
            var decayed = matrix.clone();
            decayed[.., (int)inputs] = 0;
            var logits = given.matmul(matrix.t());
            var loss = (logits.logsumexp(1) - (logits * wanted).sum(1)).mean() + weight_decay / 2 * decayed.pow(2).sum();
            return (loss.item<double>(),
                ((logits.softmax(1) - wanted).t().matmul(given) / given.shape[0] + weight_decay * decayed).flatten());
        }
    }

    /// <summary>The accuracy of a probe, from 0 to 1.</summary>
    public static double score(TorchSharp.Modules.Linear probe, Tensor features, Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(probe);
        Classes(features, labels);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return probe.call(features.flatten(1).to(ScalarType.Float32)).argmax(1).eq(labels).to(ScalarType.Float64).mean().item<double>();
    }

    /// <summary>
    /// The cross-validated accuracy of probes. Each feature is standardised with the mean and deviation of the inputs that the probe is
    /// fitted on, so that <paramref name="weight_decay"/> has the same effect on all.
    /// </summary>
    /// <param name="features">A node's values of n inputs, [n, …].</param>
    /// <param name="labels">The class of each, int64 [n], from 0.</param>
    /// <param name="folds">The number of folds, each with its share of every class.</param>
    /// <param name="seed">The random seed of the folds.</param>
    /// <param name="weight_decay">The weight decay.</param>
    /// <returns>The accuracy on each fold, from 0 to 1.</returns>
    /// <exception cref="ArgumentException">The number of labels is not that of the inputs, or no class has an input for each
    /// part.</exception>
    public static double[] cross_validate(Tensor features, Tensor labels, int folds = 5, int seed = 0, double weight_decay = 1e-3)
    {
        Classes(features, labels);
        return StratifiedFolds.Scores(features.flatten(1), labels, folds, seed, (fitted, classes, tested, expected) =>
        {
            using var quiet = no_grad();
            var (mean, deviation) = (fitted.mean([0], type: ScalarType.Float64), fitted.to(ScalarType.Float64).std(0, unbiased: false));
            deviation = deviation.where(deviation > 0, ones_like(deviation));
            using var probe = fit((fitted - mean) / deviation, classes, weight_decay);
            return score(probe, (tested - mean) / deviation, expected);
        });
    }

    internal static long Classes(Tensor features, Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(labels);
        if (features.dim() < 2 || labels.dim() != 1 || labels.shape[0] != features.shape[0] || labels.dtype != ScalarType.Int64
            || labels.shape[0] == 0)
            throw new ArgumentException(
                $"A label (int64) is needed for each input; the features are [{string.Join(", ", features.shape)}] "
                + $"and the labels {labels.dtype} [{string.Join(", ", labels.shape)}].");
        using var scope = NewDisposeScope();
        return labels.max().item<long>() + 1;
    }
}
