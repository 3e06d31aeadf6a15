using TorchSharp.Fx.Tests.FeatureExtraction;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>Graphs of thousands of nodes, whose time must be linear; how long they take is measured in bench.</summary>
[Collection(nameof(Alone))]
public sealed class ManyNodesTests
{
    /// <summary>A leaf of the user's that may return what it is given, or what it keeps.</summary>
    private sealed class Passing(int number) : Module<Tensor, Tensor>(nameof(Passing))
    {
        private readonly List<Tensor> seen = [];
        private Tensor? table;

        internal IReadOnlyList<Tensor> Seen => seen;

        public override Tensor forward(Tensor x)
        {
            switch (number % 5)
            {
                case 0: return x;
                case 1: return x + 1;
                case 2: return (table ??= zeros(1).DetachFromDisposeScope()) + x;
                case 3: return x.view(-1);
                default:
                    seen.ForEach(old => old.Dispose());
                    seen.Clear();
                    seen.Add(x);
                    return x * 1;
            }
        }
    }

    private sealed class Chain : Module<Tensor, Tensor>
    {
        internal readonly TorchSharp.Modules.ModuleList<Passing> parts = new([.. Enumerable.Range(0, 100).Select(number => new Passing(number))]);

        public Chain() : base(nameof(Chain)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            foreach (var part in parts)
                x = part.call(x);
            return x;
        }
    }

    [Fact]
    public void A_hundred_leaves_that_pass_on_keep_and_view_leave_no_tensor_and_lose_none()
    {
        using var model = new Chain();
        using var extractor = feature_extraction.create_feature_extractor(model, ["parts.99", "parts.50", "parts.3"], tracer_kwargs: new() { leaf_modules = [typeof(Passing)] });
        using var x = zeros(3);
        void Run()
        {
            using var features = extractor.call(x);
            Assert.Equal((20f, 10f, 1f), (features["parts.99"][0].item<float>(), features["parts.50"][0].item<float>(), features["parts.3"][0].item<float>()));
        }

        Run();
        Assert.All(model.parts.SelectMany(part => part.Seen), kept => Assert.False(kept.IsInvalid));
        Assert.False(x.IsInvalid);
    }

    private sealed class InPlace(int length) : Module<Tensor, Tensor>(nameof(InPlace))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.clone();
            for (var i = 0; i < length; i++)
                y = i % 3 == 0 ? y.add_(x) : y.view(-1).mul_(0.75);
            return y;
        }
    }

    [Fact]
    public void A_chain_in_place_of_thousands_of_nodes_gives_what_eager_gives()
    {
        using var model = new InPlace(2000);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        using var x = rand(2);
        using var expected = model.call(x);
        Assert.Equal(expected.data<float>().ToArray(), traced.call(x).data<float>().ToArray());
        Assert.False(traced.graph.eliminate_dead_code(traced));
        traced.graph.eliminate_common_subexpressions(traced);
        traced.recompile();
        Assert.Equal(expected.data<float>().ToArray(), traced.call(x).data<float>().ToArray());
    }

    private sealed class Wide(int width) : Module<Tensor, Tensor[]>(nameof(Wide))
    {
        public override Tensor[] forward(Tensor x)
        {
            var views = new Tensor[width];
            for (var i = 0; i < width; i++)
                views[i] = x.view(-1)[i % 3] + x.view(-1)[i % 2];
            return views;
        }
    }

    [Fact]
    public void A_value_with_thousands_of_readers_and_a_result_of_thousands()
    {
        using var model = new Wide(1000);
        using var traced = fx.symbolic_trace<Tensor, Tensor[]>(model);
        traced.graph.lint();
        using var x = rand(3);
        var expected = model.call(x).Select(value => value.item<float>()).ToArray();
        Assert.Equal(expected, traced.call(x).Select(value => value.item<float>()));
        Assert.True(traced.graph.eliminate_common_subexpressions(traced));
        // A view, an element for each of three, a sum for each of six.
        Assert.Equal(2 + 1 + 3 + 6, traced.graph.Count);
        traced.recompile();
        Assert.Equal(expected, traced.call(x).Select(value => value.item<float>()));
    }

    [Fact]
    public void Live_tensors_stay_flat()
    {
        using var model = new Chain();
        using var extractor = feature_extraction.create_feature_extractor(model, ["parts.99"], tracer_kwargs: new() { leaf_modules = [typeof(Passing)] });
        using var x = zeros(3);
        for (var i = 0; i < 2; i++)
            extractor.call(x).Dispose();
        LiveTensors.AssertStay(() => extractor.call(x).Dispose(), 5);
    }
}
