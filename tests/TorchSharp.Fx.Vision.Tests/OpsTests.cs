using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The operations that the models share.</summary>
public sealed class OpsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    public void Stochastic_depth_drops_samples_and_scales_the_others(int rank)
    {
        long[] shape = [400, .. Enumerable.Repeat(3L, rank - 1)];
        var x = torch.rand(shape) + 1;
        var y = ops.stochastic_depth(x, p: 0.2, mode: "row");
        Assert.Equal(shape, y.shape);
        var factors = (y / x).reshape(400, -1);
        Assert.True(factors.max(1).values.allclose(factors.min(1).values, atol: 1e-6));
        var kept = factors[TensorIndex.Colon, 0];
        Assert.True(((kept == 0) | (kept - 1.25).abs().less(1e-6)).all().item<bool>());
        // Four deviations of 400 draws.
        Assert.InRange(kept.ne(0).to(ScalarType.Float32).mean().item<float>(), 0.72, 0.88);
    }

    [Fact]
    public void Stochastic_depth_by_batch_drops_all_or_none()
    {
        var x = torch.ones(3, 2, 2);
        var sums = Enumerable.Range(0, 100).Select(_ => ops.stochastic_depth(x, 0.5, "batch").sum().item<float>()).ToHashSet();
        Assert.Equal([0, 24], sums.Order());
    }

    [Fact]
    public void Stochastic_depth_of_certainty_is_zero_and_not_nan() => Assert.Equal(0, ops.stochastic_depth(torch.rand(4, 3), 1, "row").abs().sum().item<float>());

    [Fact]
    public void Stochastic_depth_is_the_identity_outside_of_training()
    {
        var x = torch.rand(4, 3);
        Assert.Same(x, ops.stochastic_depth(x, 0.9, "row", training: false));
        Assert.Same(x, ops.stochastic_depth(x, 0, "row"));
        var module = new StochasticDepth(0.9, "row");
        module.eval();
        Assert.Same(x, module.call(x));
    }

    [Fact]
    public void Stochastic_depths_arguments_are_checked_when_the_module_is_built()
    {
        Assert.StartsWith("The probability of dropping a sample is between 0 and 1.", Assert.Throws<ArgumentOutOfRangeException>(() => new StochasticDepth(1.5, "row")).Message, StringComparison.Ordinal);
        Assert.StartsWith("Stochastic depth drops by \"row\" or by \"batch\"; there is no mode \"column\".",
            Assert.Throws<ArgumentException>(() => new StochasticDepth(0.5, "column")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Convolution_keeps_the_resolution_and_has_a_bias_only_without_norm()
    {
        var bare = new Conv2dNormActivation(3, 8, norm_layer: null, activation_layer: null, kernel_size: 5, dilation: 2);
        Assert.Equal(["0.weight", "0.bias"], bare.state_dict().Keys);
        Assert.Equal([1, 8, 9, 9], bare.call(torch.rand(1, 3, 9, 9)).shape);
        Assert.Equal(8, bare.out_channels);

        var full = new Conv2dNormActivation(3, 8, features => BatchNorm2d(features), SiLU, stride: 2, groups: 1);
        Assert.Equal(["Conv2d", "BatchNorm2d", "SiLU"], full.children().Select(child => child.GetType().Name));
        Assert.DoesNotContain("0.bias", full.state_dict().Keys);
        Assert.Equal([1, 8, 5, 5], full.call(torch.rand(1, 3, 9, 9)).shape);
    }

    [Fact]
    public void Squeeze_and_excitation_weighs_each_channel_by_its_means()
    {
        var block = new SqueezeExcitation(4, 2);
        var (fc1, fc2) = (block.children().OfType<Conv2d>().First(), block.children().OfType<Conv2d>().Last());
        var x = torch.rand(2, 4, 3, 3);
        var means = x.mean([2, 3]);
        var hidden = functional.relu(functional.linear(means, fc1.weight!.reshape(2, 4), fc1.bias));
        var weights = torch.sigmoid(functional.linear(hidden, fc2.weight!.reshape(4, 2), fc2.bias));
        Assert.True(block.call(x).allclose(x * weights.reshape(2, 4, 1, 1), atol: 1e-6));
    }

    [Fact]
    public void Permute_reorders_dimensions() => Assert.Equal([2, 4, 5, 3], new Permute(0, 2, 3, 1).call(torch.rand(2, 3, 4, 5)).shape);

    [Fact]
    public void Operations_are_one_node_in_feature_extraction_only()
    {
        var model = new MBConv(new MBConvConfig(6, 3, 1, 8, 8, 1), stochastic_depth_prob: 0.5, features => BatchNorm2d(features));
        var (train, eval) = feature_extraction.get_graph_node_names(model);
        Assert.Equal(["input", "block.0", "block.1", "block.2", "block.3", "stochastic_depth", "add"], train);
        Assert.Equal(train, eval);

        model.eval();
        var graph = fx.symbolic_trace(model);
        Assert.Contains("block_2_fc1", graph.graph.nodes.Select(node => node.name));
        var x = torch.rand(2, 8, 6, 6);
        Assert.True(graph.call(x).allclose(model.call(x)));
    }

    [Fact]
    public void Stochastic_depth_can_be_traced_through_in_training()
    {
        var module = new StochasticDepth(1, "row");
        var graph = fx.symbolic_trace(module);
        Assert.Contains("bernoulli_", graph.graph.nodes.Select(node => node.name));
        Assert.Equal(0, graph.call(torch.rand(5, 2, 2)).abs().sum().item<float>());
    }
}
