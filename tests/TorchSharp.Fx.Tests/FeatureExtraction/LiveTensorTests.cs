using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Nothing is left behind, whenever the garbage collector runs.</summary>
[Collection(nameof(Alone))]
public sealed class LiveTensorTests
{
    private sealed class Mixed : Module<Tensor, Tensor>
    {
        private readonly Sequential stem = Sequential(Linear(4, 4), Dropout(), ReLU(inplace: true));
        private readonly Parameter scale = Parameter(ones(4));
        private readonly Tensor unregistered = ones(4).DetachFromDisposeScope();

        public Mixed() : base(nameof(Mixed)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var table = ones(4);
            var (q, k) = (stem.call(x) * scale, x + unregistered + table);
            using var both = cat([q, k], 1);
            var half = both.narrow(1, 0, 4);
            if (training)
                half.mul_(2);
            var parts = both.chunk(2, 1);
            return (parts[0] + parts[1]).relu_().reshape(x.shape[0], -1) * 0.5;
        }
    }

    private static readonly ReturnNodes Nodes = ["x", "stem.0", "stem", "scale", "cat", "chunk", "add", "relu_", "mul"];

    [Fact]
    public void A_thousand_calls_leave_no_tensor()
    {
        using var model = new Mixed();
        using var extractor = feature_extraction.create_feature_extractor(model, Nodes, suppress_diff_warning: true);
        using var x = rand(2, 4);
        LiveTensors.AssertStay(() =>
        {
            extractor.train(!extractor.training);
            using var features = extractor.call(x);
        }, 1_000);
    }

    [Fact]
    public void A_thousand_calls_that_throw_leave_no_tensor()
    {
        using var model = new Mixed();
        using var extractor = feature_extraction.create_feature_extractor(model, Nodes, suppress_diff_warning: true);
        // The linear layer takes it, the concatenation doesn't.
        using var bad = rand(4);
        LiveTensors.AssertStay(() => Assert.Throws<NodeExecutionException>(() => extractor.call(bad)), 100);
    }

    [Fact]
    public void A_hundred_traces_leave_no_tensor()
    {
        using var model = new Mixed();
        LiveTensors.AssertStay(() =>
        {
            feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
            feature_extraction.create_feature_extractor(model, Nodes, suppress_diff_warning: true).Dispose();
        }, 100);
    }

    private sealed class Keeping : Module<Tensor, Tensor>
    {
        private static readonly Tensor Shared = ones(2).DetachFromDisposeScope();
        private static readonly Lazy<Tensor> Late = new(() => ones(2));
        internal readonly List<Tensor> tables = [ones(2), ones(2)];
        private readonly Parameter scale = Parameter(ones(2));
        private readonly Linear fc = Linear(2, 2);

        public Keeping() : base(nameof(Keeping))
        {
            register_buffer("offset", ones(2));
            RegisterComponents();
        }

        internal IEnumerable<Tensor> Kept => [Shared, Late.Value, .. tables, scale, get_buffer("offset")!, fc.weight];

        public override Tensor forward(Tensor x) => x + Shared * Late.Value + tables[0].add_(0) + tables[1] * scale.alias() + get_buffer("offset")! + fc.weight[0].sum();
    }

    [Fact]
    public void What_the_model_keeps_outlives_what_a_trace_made_of_it()
    {
        var model = new Keeping();
        using var extractor = feature_extraction.create_feature_extractor(model, ["add_4"]);
        Assert.All(model.Kept, kept => Assert.False(kept.IsInvalid));
        using var features = extractor.call(ones(2));
        using var expected = model.call(ones(2));
        Extracted.AssertSame(expected, features["add_4"]);
    }

    [Fact]
    public void Refused_requests_leave_no_tensor()
    {
        using var model = new Mixed();
        LiveTensors.AssertStay(() => Assert.Throws<ArgumentException>(() => feature_extraction.create_feature_extractor(model, ["nowhere"], suppress_diff_warning: true)), 20);
    }

    [Fact]
    public void Ten_thousand_toggles_allocate_no_more_than_toggling_the_model()
    {
        using var model = new Mixed();
        using var extractor = feature_extraction.create_feature_extractor(model, Nodes, suppress_diff_warning: true);
        using var x = rand(2, 4);
        var beforeCompiling = GC.GetAllocatedBytesForCurrentThread();
        Toggle(extractor, 2, x);
        var ofCompiling = GC.GetAllocatedBytesForCurrentThread() - beforeCompiling;
        var ofModel = Allocated(() => Toggle(model, 10_000));
        LiveTensors.AssertStay(() =>
        {
            Assert.InRange(Allocated(() => Toggle(extractor, 10_000)), 0, ofModel);
            Assert.InRange(Allocated(() => Toggle(extractor, 2, x)), 0, ofCompiling / 10);
        }, 1);

        void Toggle(nn.Module module, int times, Tensor? input = null)
        {
            for (var i = 0; i < times; i++)
            {
                module.train(!module.training);
                if (input is not null)
                    extractor.call(input).Dispose();
            }
        }
    }

    private static long Allocated(Action work)
    {
        work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
