using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain.Tests;

public sealed class SimilarityTests
{
    [Fact]
    public void Cka_does_not_see_rotation_scale_and_shift()
    {
        var x = randn(20, 6, dtype: ScalarType.Float64);
        var (rotation, _) = linalg.qr(randn(6, 6, dtype: ScalarType.Float64));
        Assert.Equal(1, similarity.cka(x, x.matmul(rotation) * 3 + 5), 9);
        Assert.NotEqual(1, similarity.cka(x, x.matmul(randn(6, 6, dtype: ScalarType.Float64))), 3);
    }

    [Fact]
    public void Cka_of_single_features_is_their_squared_correlation()
    {
        double[] x = [1, 2, 3, 4, 6], y = [2, 1, 5, 3, 8];
        // Deviations from the means 3.2 and 3.8: Σxy = 18.2, Σx² = 14.8, Σy² = 30.8.
        Assert.Equal(18.2 * 18.2 / (14.8 * 30.8), similarity.cka(tensor(x).unsqueeze(1), tensor(y).unsqueeze(1)), 12);
        Assert.Equal(0, similarity.cka(tensor([1.0, -1, 0, 0]).unsqueeze(1), tensor([1.0, 1, -1, -1]).unsqueeze(1)), 12);
    }

    [Theory]
    [InlineData(8, 3, 2)]
    [InlineData(8, 30, 20)]
    public void Cka_is_the_alignment_of_centred_kernels(long n, long p, long q)
    {
        var (x, y) = (randn(n, p, dtype: ScalarType.Float64), randn(n, q, dtype: ScalarType.Float64));
        var centre = eye(n, dtype: ScalarType.Float64) - 1.0 / n;
        var (k, l) = (x.matmul(x.t()), y.matmul(y.t()));
        Assert.Equal(Hsic(k, l) / Math.Sqrt(Hsic(k, k) * Hsic(l, l)), similarity.cka(x.reshape(n, p, 1), y), 9);

        double Hsic(Tensor a, Tensor b) => a.matmul(centre).matmul(b).matmul(centre).trace().item<double>();
    }

    [Fact]
    public void Rsa_compares_the_order_of_dissimilarities()
    {
        var a = randn(6, 10);
        Assert.Equal(1, similarity.rsa(a, a * 2 + 1), 6);
        // 1 - r of the three pairs: a 0, 2, 2 (a tie); b 2, 0, 2.
        var first = tensor(new[,] { { 1.0, 2, 3 }, { 2, 3, 4 }, { 3, 2, 1 } });
        var second = tensor(new[,] { { 1.0, 2, 3 }, { 3, 2, 1 }, { 4, 5, 6 } });
        Assert.True(similarity.dissimilarity_matrix(first).allclose(tensor(new[,] { { 0.0, 0, 2 }, { 0, 0, 2 }, { 2, 2, 0 } })));
        // Ranks 1, 2½, 2½ and 2½, 1, 2½: Spearman −½.
        Assert.Equal(-0.5, similarity.rsa(first, second), 9);
    }

    [Fact]
    public void Features_of_different_inputs_are_refused()
        => Assert.Equal("The features of the same 2 inputs or more are compared, [n, …] each; these are [3, 2] and [4, 2].",
            Assert.Throws<ArgumentException>(() => similarity.cka(rand(3, 2), rand(4, 2))).Message);

    [Fact]
    public void A_probe_is_the_optimum_of_its_objective()
    {
        const double Decay = 0.05;
        var features = randn(60, 2, 2);
        var labels = (features[.., 0, 0] + 0.3 * randn(60)).gt(0).to(ScalarType.Int64) + features[.., 1, 1].gt(1).to(ScalarType.Int64);
        using var probe = linear_probe.fit(features, labels, Decay);
        // At the optimum the gradient (P − Y)ᵀX / n + λW is zero.
        var (x, weight) = (features.flatten(1), probe.weight.detach());
        var error = (x.matmul(weight.t()) + probe.bias!.detach()).softmax(1) - nn.functional.one_hot(labels, 3).to(ScalarType.Float32);
        Assert.True((error.t().matmul(x) / 60 + Decay * weight).abs().max().item<float>() < 1e-4);
        Assert.True(error.mean([0]).abs().max().item<float>() < 1e-4);
        Assert.Equal(probe.call(x).argmax(1).eq(labels).sum().item<long>() / 60.0, linear_probe.score(probe, features, labels), 12);
        Assert.StartsWith("A label (int64) is needed for each input;",
            Assert.Throws<ArgumentException>(() => linear_probe.fit(features, labels[..3])).Message);
    }
}
