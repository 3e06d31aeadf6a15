using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain.Tests;

[Collection(nameof(Alone))]
public sealed class ProbeTests
{
    // Ten inputs of each of two classes, clearly apart, and one of a third, which no probe can know where it is tried.
    private static (Tensor Features, Tensor Labels) Apart()
    {
        var labels = cat([zeros(10, ScalarType.Int64), ones(10, ScalarType.Int64), tensor([2L])]);
        return (nn.functional.one_hot(labels, 3).to(ScalarType.Float32) * 5 + 0.1 * rand(21, 3), labels);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Only_the_input_whose_class_is_there_once_is_wrong(int seed)
    {
        var (features, labels) = Apart();
        foreach (var parts in new[] { linear_probe.cross_validate(features, labels, 5, seed),
            knn_probe.cross_validate(features, labels, 5, seed, k: 3) })
        {
            // Each part has two of each class, so 4 or, one of them, 5 inputs.
            Assert.Equal([0.8, 1, 1, 1, 1], parts.Order());
            Assert.Equal(5, parts.Length);
        }
    }

    [Fact]
    public void Parts_are_the_seeds()
    {
        manual_seed(1);
        var (features, labels) = (randn(100, 4), randint(0, 2, 100, dtype: ScalarType.Int64));
        var first = knn_probe.cross_validate(features, labels, seed: 1);
        Assert.Equal(first, knn_probe.cross_validate(features, labels, seed: 1));
        Assert.NotEqual(first, knn_probe.cross_validate(features, labels, seed: 2));
    }

    [Fact]
    public void Labels_that_features_do_not_tell_are_guessed_though_they_can_be_learnt_by_heart()
    {
        manual_seed(3);
        var (features, labels) = (randn(200, 400), arange(200) % 2);
        using var learnt = linear_probe.fit(features, labels);
        Assert.Equal(1, linear_probe.score(learnt, features, labels));
        Assert.InRange(linear_probe.cross_validate(features, labels).Average(), 0.35, 0.65);
        Assert.InRange(knn_probe.cross_validate(features, labels).Average(), 0.35, 0.65);
    }

    [Fact]
    public void The_scale_of_a_feature_does_not_matter_to_the_cross_validated_probe()
    {
        manual_seed(4);
        var features = randn(60, 3, dtype: ScalarType.Float64);
        var labels = (features[.., 0] + 0.5 * randn(60)).gt(0).to(ScalarType.Int64);
        Assert.Equal(linear_probe.cross_validate(features, labels, weight_decay: 0.1),
            linear_probe.cross_validate(features * tensor([1000.0, 0.001, 1]) + tensor([5.0, 0, 0]), labels, weight_decay: 0.1));
    }

    [Fact]
    public void Neighbours_vote_with_the_exponential_of_their_cosine()
    {
        manual_seed(5);
        var (known, queries, labels) = (randn(40, 3), randn(30, 3), arange(40) % 4);
        var (a, b) = (Vectors(known), Vectors(queries));
        var expected = b.Select(query => a.Select((row, i) => (Class: i % 4, Cosine: Cosine(row, query)))
            .OrderByDescending(one => one.Cosine).Take(7).GroupBy(one => one.Class)
            .MaxBy(votes => votes.Sum(one => Math.Exp(one.Cosine / 0.1)))!.Key);
        Assert.Equal(expected, knn_probe.predict(known, labels, queries, 7, 0.1).data<long>().Select(one => (int)one));

        static float[][] Vectors(Tensor rows) => [.. rows.data<float>().ToArray().Chunk(3)];

        static double Cosine(float[] x, float[] y) => x.Zip(y, (p, q) => (double)p * q).Sum()
            / Math.Sqrt(x.Sum(p => (double)p * p) * y.Sum(p => (double)p * p));
    }

    [Fact]
    public void More_parts_than_any_class_has_inputs_are_refused()
    {
        var (features, labels) = Apart();
        Assert.StartsWith("Inputs are cut into 2 parts or more, and no more than the largest class has inputs (10); these are 11.",
            Assert.Throws<ArgumentException>(() => knn_probe.cross_validate(features, labels, 11)).Message);
        Assert.StartsWith("A label (int64) is needed for each input;",
            Assert.Throws<ArgumentException>(() => linear_probe.cross_validate(features, labels[..3])).Message);
    }
}
