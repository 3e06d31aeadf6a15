using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Convolutions over 3 × 3 with fewer products, against TorchSharp's own in double precision.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they set the number of threads
public sealed class WinogradTests : KernelTests
{
    private sealed class Block(long inputs, long outputs, long padding, bool bias, string then) : Module<Tensor, Tensor, Tensor>("block")
    {
        private readonly Conv2d conv = Conv2d(inputs, outputs, 3, padding: padding, bias: bias);

        public override Tensor forward(Tensor x, Tensor other) => then switch
        {
            "relu" => conv.call(x).relu(),
            "silu" => functional.silu(conv.call(x)),
            "add" => conv.call(x) + other,
            "add relu" => (conv.call(x) + other).relu(),
            "added" => (other.relu() + conv.call(x)).relu(),
            _ => conv.call(x),
        };

        internal Block Registered()
        {
            RegisterComponents();
            eval();
            return this;
        }
    }

    /// <summary>Whether it would be used, so that the tests compare what they mean to.</summary>
    private static bool IsUsed(long inputs, long outputs, long[] size)
    {
        using var weight = new LayerWeight(zeros(outputs, inputs, 3, 3));
        using var kernel = WinogradKernel.Make([size[0], inputs, size[1], size[2]], [size[0], outputs, size[1], size[2]],
            new([3, 3], [1, 1], [1, 1], [1, 1], 1), weight, null, FusedActivation.None, Residual.None);
        return kernel is not null;
    }

    [Theory]
    [InlineData(32, 64, 1, true, "relu", 2)]
    [InlineData(64, 32, 1, false, "", 1)]
    [InlineData(64, 64, 0, true, "silu", 2)]
    [InlineData(40, 48, 2, true, "add", 1)]
    [InlineData(64, 64, 1, false, "add relu", 2)]
    [InlineData(128, 256, 1, true, "added", 2)]
    public void It_is_the_convolution(long inputs, long outputs, long padding, bool bias, string then, int threads)
    {
        set_num_threads(threads);
        Assert.True(!Dnnl.IsAvailable || !OpenMp.IsAvailable || IsUsed(inputs, outputs, [1, 20, 20]));
        using var block = new Block(inputs, outputs, padding, bias, then).Registered();
        using var traced = fx.symbolic_trace<Tensor, Tensor, Tensor>(block);
        using var optimised = traced.optimize_for_inference();
        using var copy = optimised.clone();
        using var exact = new Block(inputs, outputs, padding, bias, then).Registered();
        exact.load_state_dict(block.state_dict());
        exact.to(ScalarType.Float64);
        foreach (var (batch, height, width) in new[] { (1L, 20L, 20L), (2, 17, 15), (3, 9, 24), (1, 56, 56), (1, 4, 5), (1, 20, 20) })
        {
            var (x, other) = (randn(batch, inputs, height, width), randn(batch, outputs, height + 2 * padding - 2, width + 2 * padding - 2));
            var expected = exact.call(x.to(ScalarType.Float64), other.to(ScalarType.Float64));
            var before = other.clone();
            foreach (var module in new[] { optimised, copy })
                Assert.InRange((expected - module.call(x, other)).abs().max().item<double>() / expected.std().item<double>(), 0, 2e-5);
            Assert.True(before.Equals(other));
            // Channels last comes in as it is.
            Assert.InRange((expected - optimised.call(x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), other)).abs().max().item<double>()
                / expected.std().item<double>(), 0, 2e-5);
        }
    }

    [Fact]
    public void A_padding_on_one_side_is_part_of_it()
    {
        var conv = Conv2d(64, 64, 3);
        using var traced = fx.symbolic_trace((Tensor x) => conv.call(functional.pad(x, [0, 1, 2, 0])));
        using var optimised = traced.optimize_for_inference();
        var x = randn(1, 64, 24, 25);
        Assert.True(traced.call(x).allclose(optimised.call(x), 1e-4, 1e-5));
    }

    [Fact]
    public void Several_threads_run_it_at_once()
    {
        set_num_threads(1);
        var conv = Conv2d(64, 64, 3, padding: 1);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Sequential(conv, ReLU(), Conv2d(64, 64, 3, padding: 1)));
        using var optimised = traced.optimize_for_inference();
        var inputs = Enumerable.Range(0, 8).Select(i => randn(1, 64, 20 + i % 3, 20)).ToArray();
        var expected = Array.ConvertAll(inputs, input => traced.call(input));
        Parallel.For(0, 64, i =>
        {
            using var quiet = no_grad();
            using var actual = optimised.call(inputs[i % 8]);
            Assert.True(expected[i % 8].allclose(actual, 1e-4, 1e-5));
        });
    }

    [Fact]
    public void It_follows_a_move_to_another_precision_and_back()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Sequential(Conv2d(64, 64, 3, padding: 1)));
        using var optimised = traced.optimize_for_inference();
        var x = randn(1, 64, 24, 24);
        var expected = traced.call(x);
        Assert.True(expected.allclose(optimised.call(x), 1e-4, 1e-5));
        optimised.to(ScalarType.Float64);
        Assert.True(expected.allclose(optimised.call(x.to(ScalarType.Float64)).to(ScalarType.Float32), 1e-4, 1e-5));
        optimised.to(ScalarType.Float32);
        Assert.True(expected.allclose(optimised.call(x), 1e-4, 1e-5));
    }
}
