using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

[Collection("Tensor counts")]
public sealed class DualGraphModuleTests
{
    [Fact]
    public void The_mode_picks_the_graph_and_the_keys_keep_their_order()
    {
        using var module = Relu_in_training_neg_and_size_in_evaluation();
        using var x = randn(2, 6);
        module.train();
        using (var features = module.call(x))
            Assert.Equal(["relu"], features.Keys);
        Assert.Same(module.train_graph, module.graph);
        module.eval();
        using (var features = module.call(x))
        {
            Assert.Equal(["neg", "rows", "input"], features.Keys);
            Assert.Equal(EvaluatorTests.Flatten(-x), EvaluatorTests.Flatten(features["neg"]));
            Assert.Equal(2L, features.value<long>("rows"));
        }
        Assert.Same(module.eval_graph, module.graph);
    }

    [Fact]
    public void Disposing_features_disposes_the_results_but_no_input()
    {
        using var module = Relu_in_training_neg_and_size_in_evaluation();
        module.eval();
        using var x = randn(2, 6);
        var features = module.call(x);
        var neg = features["neg"];
        features.Dispose();
        Assert.True(neg.IsInvalid);
        Assert.False(x.IsInvalid);
    }

    [Fact]
    public void Ten_thousand_toggles_cost_no_tensor_and_compile_nothing()
    {
        using var module = Relu_in_training_neg_and_size_in_evaluation();
        using var x = randn(2, 6);
        Toggle(module, x, 2);
        var methods = System.Runtime.JitInfo.GetCompiledMethodCount();
        LiveTensors.AssertStay(() => Toggle(module, x, 5_000), 2);
        // The runtime itself may recompile hot methods at a higher tier, not thousands of new ones.
        Assert.InRange(System.Runtime.JitInfo.GetCompiledMethodCount() - methods, 0, 1000);
    }

    [Fact]
    public void An_unknown_feature_is_refused_with_the_nearest_names()
    {
        using var features = new Features(["layer1", "layer2", "layer3", "flatten", "size"], [zeros(1), zeros(1), zeros(1), zeros(1), 3L], []);
        Assert.Equal("There is no feature 'layer4'. The nearest names are 'layer1', 'layer2', 'layer3'.", Assert.Throws<KeyNotFoundException>(() => features["layer4"]).Message);
        Assert.Equal("The feature 'size' is a Int64, not a tensor: read it with value<T>(\"size\").", Assert.Throws<InvalidOperationException>(() => features["size"]).Message);
        Assert.Equal("The feature 'size' is a Int64, not a tensor: read it with value<T>(\"size\").", Assert.Throws<InvalidOperationException>(() => features.ToList()).Message);
        Assert.Equal("The feature 'size' is a Int64, not a String.", Assert.Throws<InvalidOperationException>(() => features.value<string>("size")).Message);
        Assert.False(features.TryGetValue("layer4", out _));
        Assert.True(features.ContainsKey("layer1"));
    }

    [Fact]
    public void A_source_without_input_types_has_an_untyped_form()
    {
        using var typed = Relu_in_training_neg_and_size_in_evaluation();
        using var module = new DualGraphModule(new Nothing(), typed.train_graph, typed.eval_graph);
        using var x = randn(2, 6);
        using Features features = module.call(x);
        Assert.Equal(EvaluatorTests.Flatten(x.relu()), EvaluatorTests.Flatten(features["relu"]));
    }

    private static void Toggle(DualGraphModule<Tensor> module, Tensor x, int times)
    {
        for (var i = 0; i < times; i++)
        {
            module.train(i % 2 == 0);
            module.call(x).Dispose();
        }
    }

    private static DualGraphModule<Tensor> Relu_in_training_neg_and_size_in_evaluation()
    {
        var (train, eval) = (new Graph(), new Graph());
        Returning(train, ("relu", train.call(t => t.relu(), train.Input())));
        var x = eval.Input();
        Returning(eval, ("neg", eval.call(t => t.neg(), x)), ("rows", eval.call(t => t.size(0), x, Value(0))), ("input", x));
        return new DualGraphModule<Tensor>(new Nothing(), train, eval);
    }

    private static void Returning(Graph graph, params (string Key, Node Value)[] features)
        => graph.Returning(new DictArgument([.. features.Select(feature => new KeyValuePair<Argument, Argument>(Value(feature.Key), feature.Value))], typeof(Dictionary<string, object>)), typeof(Features));
}
