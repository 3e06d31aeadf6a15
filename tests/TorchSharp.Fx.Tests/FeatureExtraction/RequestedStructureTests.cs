using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Requested values that hold views, and operations in place that come later.</summary>
public sealed class RequestedStructureTests
{
    private sealed record Parts(Tensor Left, Tensor Right);

    private sealed class Splitting(bool readsLater) : Module<Tensor, Tensor>(nameof(Splitting))
    {
        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            var parts = h.chunk(2, 0);
            h.add_(1);
            return readsLater ? parts[0] + parts[1] : h + 1;
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_list_of_views(bool readsLater)
    {
        using var extractor = feature_extraction.create_feature_extractor(new Splitting(readsLater), ["chunk", "add_", "add"]);
        using var x = ones(2, 2);
        using var features = extractor.call(x);
        Assert.Equal([2f, 2f], features.value<Tensor[]>("chunk").Select(part => part.mean().item<float>()));
        Assert.Equal((3f, readsLater ? 6f : 4f), (features["add_"].mean().item<float>(), features["add"].mean().item<float>()));
    }

    private sealed class Tuples() : Module<Tensor, (Tensor, int, Tensor)>(nameof(Tuples))
    {
        public override (Tensor, int, Tensor) forward(Tensor x) => (x[0], 7, x[1]);
    }

    private sealed class Dictionaries() : Module<Tensor, Dictionary<string, Tensor>>(nameof(Dictionaries))
    {
        public override Dictionary<string, Tensor> forward(Tensor x) => new() { ["a"] = x[0], ["b"] = x[1] };
    }

    private sealed class Lists() : Module<Tensor, List<(Tensor, Tensor)>>(nameof(Lists))
    {
        public override List<(Tensor, Tensor)> forward(Tensor x) => [(x[0], x[1])];
    }

    private sealed class Records() : Module<Tensor, Parts>(nameof(Records))
    {
        public override Parts forward(Tensor x) => new(x[0], x[1]);
    }

    private sealed class Writing<T> : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, T> inner;

        internal Writing(Module<Tensor, T> inner) : base("Writing")
        {
            this.inner = inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            inner.call(h);
            return h.add_(1) * 1;
        }
    }

    [Fact]
    public void A_tuple() => Check<(Tensor, int, Tensor)>(new Tuples(), given => [given.Item1, given.Item3]);

    [Fact]
    public void A_dictionary() => Check<Dictionary<string, Tensor>>(new Dictionaries(), given => given.Values);

    [Fact]
    public void A_list_of_tuples() => Check<List<(Tensor, Tensor)>>(new Lists(), given => [given[0].Item1, given[0].Item2]);

    [Fact]
    public void A_record() => Check<Parts>(new Records(), given => [given.Left, given.Right]);

    private static void Check<T>(Module<Tensor, T> leaf, Func<T, IEnumerable<Tensor>> tensors)
    {
        using var extractor = feature_extraction.create_feature_extractor(new Writing<T>(leaf), ["inner", "mul_1"], tracer_kwargs: new() { leaf_modules = [leaf.GetType()] });
        using var x = ones(2, 3);
        for (var i = 0; i < 2; i++)
        {
            using var features = extractor.call(x);
            Assert.Equal([2f, 2f], tensors(features.value<T>("inner")).Select(part => part.mean().item<float>()));
            Assert.Equal(3, features["mul_1"].mean().item<float>());
        }
    }
}
