using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Measures how similar the values of two nodes are for the same inputs, in one model or in two.</summary>
public static class similarity
{
    /// <summary>
    /// Linear centred kernel alignment: 1 where the features are the same up to a rotation, a scale and a shift, 0 where they have nothing
    /// in common. <c>‖YᵀX‖²F / (‖XᵀX‖F ‖YᵀY‖F)</c> of centred features. Kornblith et al., "Similarity of Neural Network Representations
    /// Revisited" (2019), arXiv:1905.00414.
    /// </summary>
    /// <param name="features_a">The features of n inputs, [n, …]; all dimensions after the first form one vector.</param>
    /// <param name="features_b">Another node's features of the same inputs, in the same order.</param>
    /// <exception cref="ArgumentException">The numbers of inputs differ, or are less than 2.</exception>
    public static double cka(Tensor features_a, Tensor features_b)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (a, b) = Vectors(features_a, features_b, 2);
        var (x, y) = (a - a.mean([0], keepdim: true), b - b.mean([0], keepdim: true));
        // ⟨XXᵀ, YYᵀ⟩ is ‖YᵀX‖²: by whichever is smaller.
        return Alignment(x, y) / Math.Sqrt(Alignment(x, x) * Alignment(y, y));
    }

    /// <summary>
    /// Representational similarity analysis: whether both sets of features rate the same inputs as similar. Spearman's correlation between
    /// the dissimilarities <c>1 − r</c> (Pearson) of all pairs of inputs. Kriegeskorte et al., "Representational similarity analysis"
    /// (2008), Frontiers in Systems Neuroscience 2:4.
    /// </summary>
    /// <param name="features_a">The features of n inputs, [n, …].</param>
    /// <param name="features_b">Another node's features of the same inputs, in the same order.</param>
    /// <returns>From −1 to 1.</returns>
    /// <exception cref="ArgumentException">The numbers of inputs differ, or are less than 3.</exception>
    public static double rsa(Tensor features_a, Tensor features_b)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (a, b) = Vectors(features_a, features_b, 3);
        return Pearson(Ranks(Dissimilarities(a)), Ranks(Dissimilarities(b)));
    }

    /// <summary>
    /// The representational dissimilarity matrix, [n, n]: 1 minus Pearson's correlation between the features of each two inputs.
    /// </summary>
    public static Tensor dissimilarity_matrix(Tensor features)
    {
        ArgumentNullException.ThrowIfNull(features);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var vectors = features.to(ScalarType.Float64).flatten(1);
        var centred = vectors - vectors.mean([1], keepdim: true);
        var normal = centred / centred.norm(1, keepdim: true);
        return (1 - normal.matmul(normal.t())).MoveToOuterDisposeScope();
    }

    private static double Alignment(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        return x.shape[1] + y.shape[1] < x.shape[0]
            ? x.t().matmul(y).pow(2).sum().item<double>()
            : (x.matmul(x.t()) * y.matmul(y.t())).sum().item<double>();
    }

    private static (Tensor A, Tensor B) Vectors(Tensor a, Tensor b, int least)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.dim() < 2 || b.dim() < 2 || a.shape[0] != b.shape[0] || a.shape[0] < least)
            throw new ArgumentException(
                $"The features of the same {least} inputs or more are compared, [n, …] each; "
                + $"these are [{string.Join(", ", a.shape)}] and [{string.Join(", ", b.shape)}].");
        return (a.to(ScalarType.Float64).cpu().flatten(1), b.to(ScalarType.Float64).cpu().flatten(1));
    }

    /// <summary>The elements above the matrix's diagonal.</summary>
    private static double[] Dissimilarities(Tensor features)
    {
        var (all, n) = (dissimilarity_matrix(features).data<double>().ToArray(), (int)features.shape[0]);
        return [.. Enumerable.Range(0, n).SelectMany(i => Enumerable.Range(i + 1, n - i - 1).Select(j => all[i * n + j]))];
    }

    /// <summary>Equal values share the mean of their ranks.</summary>
    private static double[] Ranks(double[] values)
    {
        var ranks = new double[values.Length];
        var first = 0;
        foreach (var same in values.Index().GroupBy(entry => entry.Item).OrderBy(group => group.Key))
        {
            var members = same.ToArray();
            foreach (var (index, _) in members)
                ranks[index] = first + (members.Length - 1) / 2.0;
            first += members.Length;
        }
        return ranks;
    }

    private static double Pearson(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        var both = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return both / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }
}
