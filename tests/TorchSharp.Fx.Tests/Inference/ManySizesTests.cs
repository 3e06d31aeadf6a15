using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Images of ever new sizes: after the first eight, convolutions of single pixels are computed in pieces that come again.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they set the number of threads
public sealed class ManySizesTests : KernelTests
{
    private sealed class Pixels(long stride, bool bias, string then) : Module<Tensor, Tensor>("pixels")
    {
        private readonly Conv2d before = Conv2d(3, 24, 3, padding: 1), conv = Conv2d(24, 40, 1, stride: stride, bias: bias), side = Conv2d(24, 40, 1, stride: stride);

        public override Tensor forward(Tensor x)
        {
            var given = before.call(x);
            return then switch
            {
                "relu" => conv.call(given).relu(),
                "silu" => functional.silu(conv.call(given)),
                "added" => conv.call(given) + side.call(given).relu(),
                "written" => (side.call(given).relu() * 2 + conv.call(given)).relu(),
                "kept" => Kept(given),
                _ => conv.call(given),
            };
        }

        /// <summary>The other summand is needed again, so that it stays as it is.</summary>
        private Tensor Kept(Tensor given)
        {
            var other = side.call(given);
            return (conv.call(given) + other).relu() - other;
        }

        internal Pixels Registered()
        {
            RegisterComponents();
            eval();
            return this;
        }
    }

    private static GraphModule<Tensor, Tensor> Optimised(Module<Tensor, Tensor> module, ScalarType? type = null)
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(module);
        return traced.optimize_for_inference(type);
    }

    [Theory]
    [InlineData(1, true, "relu", 1)]
    [InlineData(1, false, "silu", 2)]
    [InlineData(2, true, "", 1)]
    [InlineData(1, true, "added", 1)]
    [InlineData(1, true, "written", 2)]
    [InlineData(2, false, "kept", 1)]
    public void They_give_what_the_module_gives(long stride, bool bias, string then, int threads)
    {
        set_num_threads(threads);
        using var module = new Pixels(stride, bias, then).Registered();
        using var optimised = Optimised(module);
        using var exact = new Pixels(stride, bias, then).Registered();
        exact.load_state_dict(module.state_dict());
        exact.to(ScalarType.Float64);
        // Twice: the first eight have kernels of their own, and keep them.
        foreach (var size in Enumerable.Range(0, 24).Concat(Enumerable.Range(0, 24)))
        {
            using var turn = NewDisposeScope();
            var x = randn(1 + size % 3, 3, 1 + size * 3, 2 + size * 5 % 37);
            var (expected, actual) = (exact.call(x.to(ScalarType.Float64)), optimised.call(x));
            Assert.Equal(expected.shape, actual.shape);
            Assert.InRange((expected - actual).abs().max().item<double>(), 0, 1e-5 * Math.Max(1, expected.abs().max().item<double>()));
        }
    }

    [Fact]
    public void Types_and_numbers_of_threads_have_pieces_of_their_own()
    {
        using var module = new Pixels(1, true, "relu").Registered();
        using var optimised = Optimised(module);
        using var half = Optimised(module, ScalarType.BFloat16);
        for (var size = 4; size < 30; size++)
        {
            using var turn = NewDisposeScope();
            var x = randn(1, 3, size, 2 * size);
            var expected = module.call(x);
            foreach (var threads in new[] { 1, 2 })
            {
                set_num_threads(threads);
                Assert.True(expected.allclose(optimised.call(x), 1e-4, 1e-5));
                Assert.True(expected.allclose(half.call(x), 0.05, 0.05));
            }
        }
    }

    /// <summary>What pieces were made of is gone after a move, which rounds the weights here.</summary>
    [Fact]
    public void Pieces_follow_a_move()
    {
        using var module = new Pixels(1, true, "relu").Registered();
        using var optimised = Optimised(module);
        for (var turn = 0; turn < 2; turn++)
        {
            for (var size = 4; size < 30; size++)
            {
                var x = randn(1, 3, size, 2 * size);
                Assert.True(module.call(x).allclose(optimised.call(x), 1e-4, 1e-5));
            }
            module.to(ScalarType.BFloat16).to(ScalarType.Float32);
            optimised.to(ScalarType.BFloat16).to(ScalarType.Float32);
        }
    }

    [Fact]
    public void Every_number_of_pixels_is_the_sum_of_few_that_come_again()
    {
        var met = new HashSet<long>();
        for (var pixels = 1L; pixels < 200_000; pixels += 1 + pixels / 50)
        {
            var (rest, count) = (pixels, 0);
            for (; rest > 0; rest -= PixelPieces.Largest(rest), count++)
                met.Add(PixelPieces.Largest(rest));
            Assert.Equal(0, rest);
            Assert.InRange(count, 1, 7);
        }
        Assert.InRange(met.Count, 1, 90);
    }

    /// <summary>A quarter more than is needed at most, and few sizes, so that memory of one image fits the next.</summary>
    [Fact]
    public void Memory_is_taken_in_few_sizes()
    {
        var met = new HashSet<long>();
        for (var size = BufferPool.Smallest; size < 100_000_000; size += 1 + size / 100)
        {
            var taken = BufferPool.RoundedUp(size);
            Assert.InRange(taken, size, size + size / 4 + 64);
            Assert.Equal(taken, BufferPool.RoundedUp(taken));
            met.Add(taken);
        }
        Assert.InRange(met.Count, 1, 48);
    }

    [Fact]
    public void The_pool_does_not_grow_with_the_number_of_sizes()
    {
        using var module = new Pixels(1, true, "relu").Registered();
        using var optimised = Optimised(module);
        var layer = optimised.modules().OfType<KernelModule>().First();
        var counts = new List<int>();
        for (var size = 0; size < 120; size++)
        {
            using var turn = NewDisposeScope();
            optimised.call(randn(1, 3, 100 + size * 7 % 60, 100 + size * 11 % 60));
            counts.Add(layer.Memory.Pool!.Count);
        }
        Assert.InRange(counts[^1], Dnnl.IsAvailable ? 1 : 0, counts[59] + 1);
        Assert.InRange(counts[^1], 0, 12);
    }
}
