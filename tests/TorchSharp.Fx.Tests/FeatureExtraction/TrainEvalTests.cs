using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Train and eval mode. Mirrors torchvision's test_train_eval, and has what goes beyond it.</summary>
public sealed class TrainEvalTests
{
    private sealed class TestModule : Module<Tensor, Tensor>
    {
        private readonly Dropout dropout = Dropout(1);

        public TestModule() : base(nameof(TestModule)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = functional.dropout(x, 1, training: training);
            x = dropout.call(x);
            return x;
        }
    }

    private sealed class Branching : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(2, 2);

        public Branching() : base(nameof(Branching)) => RegisterComponents();

        public override Tensor forward(Tensor x) => training ? fc.call(x).relu() : fc.call(x).sigmoid();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dropout_follows_the_mode_from_either_start(bool startInTraining)
    {
        var model = new TestModule();
        model.train(startInTraining);
        using var extractor = feature_extraction.create_feature_extractor(model, ["dropout_1"]);
        Assert.Equal(startInTraining, extractor.training);
        using var x = ones(2);
        foreach (var training in (bool[])[startInTraining, !startInTraining, startInTraining])
        {
            extractor.train(training);
            using var features = extractor.call(x);
            Assert.Equal(training ? [0f, 0f] : [1f, 1f], features["dropout_1"].Numbers());
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_branch_on_the_mode_follows_it_from_either_start(bool startInTraining)
    {
        var model = new Branching();
        model.train(startInTraining);
        using var extractor = feature_extraction.create_feature_extractor(model, train_return_nodes: new() { ["relu"] = "y" }, eval_return_nodes: new() { ["sigmoid"] = "y" }, suppress_diff_warning: true);
        using var x = randn(3, 2);
        foreach (var training in (bool[])[startInTraining, !startInTraining, startInTraining])
        {
            extractor.train(training);
            model.train(training);
            using var features = extractor.call(x);
            Extracted.AssertSame(model.call(x), features["y"]);
        }
        Assert.Equal("fc relu", extractor.train_graph.Steps());
        Assert.Equal("fc sigmoid", extractor.eval_graph.Steps());
    }

    private sealed class PartlyFrozen : Module<Tensor, Tensor>
    {
        internal readonly Sequential stem = Sequential(("fc", Linear(2, 2)), ("drop", Dropout()));
        internal readonly Linear head = Linear(2, 2);

        public PartlyFrozen() : base(nameof(PartlyFrozen)) => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call(stem.call(x));
    }

    private sealed class Untraceable : Module<Tensor, Tensor>
    {
        private readonly PartlyFrozen inner = new();

        public Untraceable() : base(nameof(Untraceable)) => RegisterComponents();

        public override Tensor forward(Tensor x) => training ? inner.call(x) : x.sum().item<float>() > 0 ? x : inner.call(x);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_submodules_own_flag_is_restored(bool training)
    {
        var model = new PartlyFrozen();
        Mix(model, training);
        var before = Flags(model);
        feature_extraction.get_graph_node_names(model);
        Assert.Equal(before, Flags(model));
        using var extractor = feature_extraction.create_feature_extractor(model, ["head"]);
        Assert.Equal(before, Flags(model));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_submodules_own_flag_is_restored_when_tracing_throws(bool training)
    {
        var model = new Untraceable();
        Mix(model, training);
        var before = Flags(model);
        Assert.Throws<TraceException>(() => feature_extraction.get_graph_node_names(model));
        Assert.Equal(before, Flags(model));
        Assert.Throws<TraceException>(() => feature_extraction.create_feature_extractor(model, ["x"]));
        Assert.Equal(before, Flags(model));
    }

    /// <summary>Every other module the other way round.</summary>
    private static void Mix(nn.Module model, bool training)
    {
        model.train(training);
        foreach (var (_, child) in model.named_modules())
            if (child is Linear)
                child.train(!training);
    }

    private static bool[] Flags(nn.Module model) => [model.training, .. model.named_modules().Select(item => item.module.training)];

    [Fact]
    public void Concrete_arguments_are_fixed_and_held_to()
    {
        var model = new Scaled();
        Dictionary<string, object?> fixedArgs = new() { ["twice"] = true };
        var (_, eval) = feature_extraction.get_graph_node_names(model, concrete_args: fixedArgs);
        Assert.Equal("x twice eq _assert mul", string.Join(' ', eval));
        using var extractor = feature_extraction.create_feature_extractor(model, ["mul"], concrete_args: fixedArgs);
        using var features = extractor.call(ones(1), true);
        Assert.Equal([2f], features["mul"].Numbers());
        Assert.Throws<GraphAssertionException>(() => extractor.call(ones(1), false));
        Assert.Equal([new("twice", true)], fixedArgs);
    }

    private sealed class Scaled() : Module<Tensor, bool, Tensor>(nameof(Scaled))
    {
        public override Tensor forward(Tensor x, bool twice) => twice ? x * 2 : x;
    }
}
