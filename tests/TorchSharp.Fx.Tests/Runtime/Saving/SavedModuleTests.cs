using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>TorchSharp's own modules come back with the settings they were made with, in both modes.</summary>
[Collection(nameof(Alone))]
public sealed class SavedModuleTests : IDisposable
{
    private readonly SavedFile file = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        file.Dispose();
    }

    private sealed class Around(nn.Module<Tensor, Tensor> inner) : nn.Module<Tensor, Tensor>(nameof(Around))
    {
        private readonly nn.Module<Tensor, Tensor> inner = inner;

        public override Tensor forward(Tensor x) => inner.call(x);
    }

    public static TheoryData<Func<nn.Module<Tensor, Tensor>>, long[]> Settings => new()
    {
        { () => Conv1d(4, 6, 3, stride: 2, padding: 1, dilation: 2, bias: false), [2, 4, 8] },
        { () => Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), groups: 2), [2, 4, 8, 8] },
        { () => Conv2d(4, 6, 3, padding: Padding.Same), [2, 4, 8, 8] },
        { () => Conv2d(4, 6, 3, padding: 2, padding_mode: PaddingModes.Reflect), [2, 4, 8, 8] },
        { () => Conv3d(4, 6, (1, 2, 3), padding: (0, 1, 1)), [2, 4, 4, 8, 8] },
        { () => ConvTranspose1d(4, 6, 3, stride: 2, output_padding: 1), [2, 4, 8] },
        { () => ConvTranspose2d(4, 6, (3, 2), (2, 3), output_padding: (1, 2), bias: false), [2, 4, 8, 8] },
        { () => BatchNorm1d(4, eps: 0.1, momentum: 0.3), [3, 4] },
        { () => BatchNorm2d(4, affine: false), [2, 4, 8, 8] },
        { () => BatchNorm3d(4, track_running_stats: false), [2, 4, 4, 8, 8] },
        { () => InstanceNorm2d(4, affine: true), [2, 4, 8, 8] },
        { () => GroupNorm(2, 4, eps: 0.1), [2, 4, 8, 8] },
        { () => GroupNorm(2, 4, affine: false), [2, 4, 8, 8] },
        { () => LayerNorm([4, 8], eps: 0.1), [2, 4, 8] },
        { () => LayerNorm(8, elementwise_affine: false), [2, 4, 8] },
        { () => LocalResponseNorm(2, 0.1, 0.5, 2), [2, 4, 8, 8] },
        { () => Linear(8, 3), [2, 8] },
        { () => Linear(8, 3, hasBias: false), [2, 8] },
        { () => Dropout(0.3), [2, 8] },
        { () => Dropout2d(0.3), [2, 8, 4, 4] },
        { () => AlphaDropout(0.2), [2, 8] },
        { () => ReLU(inplace: true), [2, 8] },
        { () => LeakyReLU(0.2), [2, 8] },
        { () => ELU(0.5), [2, 8] },
        { () => Hardtanh(-0.5, 0.25), [2, 8] },
        { () => Softplus(2, 10), [2, 8] },
        { () => Threshold(0.1, 7), [2, 8] },
        { () => PReLU(8, 0.1), [2, 8] },
        { () => RReLU(0.1, 0.2), [2, 8] },
        { () => GELU(), [2, 8] },
        { () => Softmax(1), [2, 8] },
        { () => MaxPool2d((3, 2), (2, 1), (1, 0), ceil_mode: true), [2, 4, 8, 8] },
        { () => MaxPool1d(2), [2, 4, 8] },
        { () => AvgPool2d(3, padding: 1, count_include_pad: false, divisor_override: 5), [2, 4, 8, 8] },
        { () => AdaptiveAvgPool2d((3, 1)), [2, 4, 8, 8] },
        { () => LPPool2d(2, 2), [2, 4, 8, 8] },
        { () => Upsample(scale_factor: [2.0, 1.5], mode: UpsampleMode.Bilinear, align_corners: true), [2, 4, 8, 8] },
        { () => ConstantPad2d((1, 2, 3, 4), 0.5), [2, 4, 8, 8] },
        { () => ReflectionPad2d(2), [2, 4, 8, 8] },
        { () => ZeroPad2d((1, 0, 2, 0)), [2, 4, 8, 8] },
        { () => PixelShuffle(2), [2, 4, 8, 8] },
        { () => ChannelShuffle(2), [2, 4, 8, 8] },
        { () => Unfold((3, 2), padding: (1, 1)), [2, 4, 8, 8] },
        { () => Flatten(1, 2), [2, 4, 8, 8] },
        { () => Unflatten(1, [2, 2]), [2, 4, 8] },
        { () => Identity(), [2, 4] },
    };

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Settings))]
    public void A_module_gives_the_same_bits_as_the_one_that_was_saved(Func<nn.Module<Tensor, Tensor>> make, long[] shape)
    {
        using var traced = fx.symbolic_trace(new Around(make()));
        using var loaded = Assert.IsType<GraphModule<Tensor, Tensor>>(file.Through(traced));
        Assert.Equal(traced.graph.ToString(), loaded.graph.ToString());
        Assert.Equal(traced.named_parameters().Select(entry => entry.name), loaded.named_parameters().Select(entry => entry.name));
        foreach (var training in new[] { true, false })
        {
            traced.train(training);
            loaded.train(training);
            // The second run reads the statistics that the first one wrote.
            for (var i = 0; i < 2; i++)
                Traced.Same(Run(traced, shape), Run(loaded, shape));
        }
    }

    [Fact]
    public void Types_frozen_parameters_and_the_mode_come_back()
    {
        var linear = Linear(4, 4).to(float64);
        linear.weight.requires_grad = false;
        var source = Sequential(("fc", linear), ("drop", Dropout(0.5)), ("norm", BatchNorm1d(4)));
        source.eval();
        using var traced = fx.symbolic_trace(source);
        using var loaded = (GraphModule<Tensor, Tensor>)file.Through(traced);
        Assert.False(loaded.training);
        Assert.Equal(traced.named_parameters().Select(entry => (entry.name, entry.parameter.dtype, entry.parameter.requires_grad)), loaded.named_parameters().Select(entry => (entry.name, entry.parameter.dtype, entry.parameter.requires_grad)));
        loaded.train();
        Assert.All(loaded.named_modules(), entry => Assert.True(entry.module.training, entry.name));
    }

    [Fact]
    public void A_module_with_hooks_is_refused()
    {
        var linear = Linear(4, 4);
        linear.register_forward_hook((_, _, output) => output * 2);
        using var traced = fx.symbolic_trace(new Around(linear));
        Assert.Equal("Module 'inner' can't be saved: it has hooks, and those are code. Remove them first.", Assert.Throws<NotSupportedException>(() => fx.save(traced, file.Path)).Message);
    }

    [Fact]
    public void An_optimised_copy_is_refused_and_the_graph_it_was_made_of_is_not()
    {
        using var traced = fx.symbolic_trace(Sequential(Conv2d(3, 4, 3), ReLU()));
        traced.eval();
        using var fast = traced.optimize_for_inference();
        var refused = Assert.Throws<NotSupportedException>(() => fx.save(fast, file.Path));
        Assert.EndsWith("can't be saved: the graph is an optimised copy, made for this machine: save the graph module that it was made of, "
            + "and call optimize_for_inference on what is loaded.", refused.Message, StringComparison.Ordinal);
        using var loaded = (GraphModule<Tensor, Tensor>)file.Through(traced);
        using var again = loaded.optimize_for_inference();
        Assert.True(allclose(Run(fast, [1, 3, 8, 8]), Run(again, [1, 3, 8, 8]), 1e-5, 1e-5));
    }

    private static Tensor Run(nn.Module<Tensor, Tensor> module, long[] shape)
    {
        var input = Traced.Sample(1, shape);
        manual_seed(3);
        return module.call(input);
    }
}
