using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Models that are a graph in one mode only, such as those that leave out layers at random in training.</summary>
public sealed class OneModeTests
{
    /// <summary>LayerDrop: in training each layer is left out now and then.</summary>
    private sealed class Dropping : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> first = Linear(4, 4), second = Linear(4, 4);
        private readonly bool dropsInTraining;

        public Dropping(bool dropsInTraining = true) : base(nameof(Dropping))
        {
            this.dropsInTraining = dropsInTraining;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in new[] { first, second })
                if (training != dropsInTraining || rand(1).item<float>() > 0.1f)
                    x = layer.call(x).relu();
            return x;
        }
    }

    private static TracerKwargs In(TraceModes modes) => new() { modes = modes };

    [Fact]
    public void Eval_alone_gives_features_in_eval_mode()
    {
        using var scope = NewDisposeScope();
        using var model = new Dropping();
        Assert.Equal("FX018", Assert.Throws<TraceException>(() => feature_extraction.create_feature_extractor(model, ["first"])).code);
        using var features = feature_extraction.create_feature_extractor(model, ["first", "relu_1"], tracer_kwargs: In(TraceModes.eval));
        features.eval();
        model.eval();
        var x = Traced.Sample(1, 2, 4);
        Traced.Same(model.call(x), features.call(x)["relu_1"]);
    }

    [Fact]
    public void The_other_mode_says_that_it_was_not_traced()
    {
        using var scope = NewDisposeScope();
        using var model = new Dropping();
        using var features = feature_extraction.create_feature_extractor(model, ["first"], tracer_kwargs: In(TraceModes.eval));
        features.train();
        var error = Assert.ThrowsAny<Exception>(() => features.call(ones(2, 4)));
        Assert.Contains("The model was traced in eval mode only, and this is train mode: call eval() first, or trace it in both (modes: TraceModes.both).",
            error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Train_alone_gives_features_in_train_mode()
    {
        using var scope = NewDisposeScope();
        using var model = new Dropping(dropsInTraining: false);
        Assert.Equal("FX018", Assert.Throws<TraceException>(() => feature_extraction.create_feature_extractor(model, ["first"])).code);
        using var features = feature_extraction.create_feature_extractor(model, ["relu_1"], tracer_kwargs: In(TraceModes.train));
        features.train();
        var x = Traced.Sample(1, 2, 4);
        Traced.Same(model.call(x), features.call(x)["relu_1"]);
        features.eval();
        Assert.Contains("The model was traced in train mode only, and this is eval mode: call train() first", Assert.ThrowsAny<Exception>(() => features.call(x)).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_are_those_of_the_mode()
    {
        using var model = new Dropping();
        var (train_nodes, eval_nodes) = feature_extraction.get_graph_node_names(model, In(TraceModes.eval));
        Assert.Empty(train_nodes);
        Assert.Equal(["x", "first", "relu", "second", "relu_1"], eval_nodes);
    }

    [Fact]
    public void A_file_of_it_keeps_the_mode()
    {
        using var scope = NewDisposeScope();
        using var model = new Dropping();
        using var features = feature_extraction.create_feature_extractor(model, ["first"], tracer_kwargs: In(TraceModes.eval));
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(features, path);
        using var loaded = (DualGraphModule<Tensor>)fx.load(path);
        File.Delete(path);
        loaded.eval();
        features.eval();
        var x = Traced.Sample(1, 2, 4);
        Traced.Same(features.call(x)["first"], loaded.call(x)["first"]);
        loaded.train();
        Assert.Contains("The model was traced in eval mode only", Assert.ThrowsAny<Exception>(() => loaded.call(x)).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_are_found_in_eval_mode()
    {
        using var scope = NewDisposeScope();
        using var model = new Dropping();
        Assert.NotNull(feature_extraction.feature_info(model, [ones(2, 4)]));
    }
}
