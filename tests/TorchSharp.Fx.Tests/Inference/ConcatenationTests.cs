using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Kernels that read the parts of a concatenation, against the module itself.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they set the number of threads
public sealed class ConcatenationTests
{
    private static bool HasBatchNormKernel => Dnnl.IsAvailable;

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 2)]
    public void A_batch_norm_reads_the_parts_of_a_concatenation_where_they_are(bool relu, int threads)
        => InThreads(threads, () =>
        {
            using var model = new Dense(relu, keeps: false);
            AssertSame(model, "cat", HasBatchNormKernel ? 0 : 1, rand(3, 5, 7, 9), rand(1, 5, 40, 41), rand([2, 9, 11, 5]).permute(0, 3, 1, 2), rand(1, 5, 1, 1));
        });

    [Fact]
    public void A_concatenation_that_something_else_reads_is_made()
    {
        using var model = new Dense(relu: true, keeps: true);
        AssertSame(model, "cat", 1, rand(2, 5, 8, 8));
    }

    [Theory]
    [InlineData(ScalarType.Float64, 1e-6)]
    [InlineData(ScalarType.BFloat16, 0.1)]
    public void Other_numbers_than_single_precision_are_joined_first(ScalarType type, double tolerance)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var model = new Dense(relu: true, keeps: false);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        var x = rand(2, 5, 9, 9);
        var expected = model.call(x);
        using var optimised = type == ScalarType.BFloat16 ? traced.optimize_for_inference(type) : traced.optimize_for_inference();
        if (type == ScalarType.Float64)
            optimised.to(type);
        AssertClose(expected, optimised.call(type == ScalarType.Float64 ? x.to(type) : x).to(ScalarType.Float32), tolerance);
    }

    [Fact]
    public void A_gradient_goes_through_the_parts()
    {
        using var scope = NewDisposeScope();
        using var model = new Dense(relu: false, keeps: false);
        using var traced = fx.symbolic_trace<Tensor, Tensor>(model);
        using var optimised = traced.optimize_for_inference();
        Tensor Gradient(Module<Tensor, Tensor> of)
        {
            manual_seed(3);
            var x = rand([2, 5, 6, 6], requires_grad: true);
            of.call(x).pow(2).sum().backward();
            return x.grad!;
        }
        AssertClose(Gradient(model), Gradient(optimised), 1e-4);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(29, 2)]
    [InlineData(58, 1)]
    [InlineData(58, 2)]
    [InlineData(64, 2)]
    public void Channels_of_two_tensors_in_turns_are_one_node(int channels, int threads)
        => InThreads(threads, () =>
        {
            using var whole = new Shuffle(channels, halves: false);
            AssertSame(whole, "transpose", 0, rand(3, channels, 7, 9), rand(1, channels, 40, 41), rand([2, 9, 11, channels]).permute(0, 3, 1, 2));
            using var halves = new Shuffle(channels, halves: true);
            AssertSame(halves, "chunk", 0, rand(3, channels, 7, 9), rand(1, channels, 40, 41), rand([2, 9, 11, channels]).permute(0, 3, 1, 2));
        });

    [Fact]
    public void Channels_in_turns_keep_half_the_bits()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var shuffle = new FusedShuffle();
        foreach (var type in new[] { ScalarType.BFloat16, ScalarType.Float64 })
        {
            var (one, other) = (randn(2, 46, 5, 7).to(type), randn(2, 46, 5, 7).to(type));
            var expected = stack([one, other], 2).reshape(2, 92, 5, 7);
            Assert.True(expected.Equals(shuffle.whole(one, other)));
            var halves = shuffle.halves(one, other);
            Assert.True(expected.Equals(cat(halves, 1)));
        }
    }

    [Fact]
    public void A_shuffle_in_three_groups_stays_as_it_is()
    {
        using var model = new Shuffle(6, halves: false, groups: 3);
        AssertSame(model, "transpose", 1, rand(2, 6, 5, 5));
    }

    private static void InThreads(int threads, Action run)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            run();
        }
        finally
        {
            set_num_threads(before);
        }
    }

    /// <summary>The same values for all inputs, and so many nodes with a name that begins so.</summary>
    private static void AssertSame(Module<Tensor, Tensor> model, string name, int count, params Tensor[] inputs)
    {
        using var mode = no_grad();
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        Assert.Equal(count, optimised.graph.nodes.Count(node => node.target.name == name));
        foreach (var input in inputs)
            using (input)
            {
                using var expected = model.call(input);
                using var actual = optimised.call(input);
                AssertClose(expected, actual, 1e-5);
            }
    }

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().to(ScalarType.Float64).item<double>(), 0, tolerance);
    }

    /// <summary>Two layers as a DenseNet has them, with numbers of channels that no vector divides.</summary>
    private sealed class Dense : Module<Tensor, Tensor>
    {
        private readonly Conv2d first = Conv2d(5, 33, 3, padding: 1);
        private readonly Conv2d second = Conv2d(5, 67, 1);
        private readonly BatchNorm2d norm = BatchNorm2d(105);
        private readonly Conv2d last = Conv2d(105, 8, 1);
        private readonly bool relu, keeps;

        internal Dense(bool relu, bool keeps) : base(nameof(Dense))
        {
            (this.relu, this.keeps) = (relu, keeps);
            RegisterComponents();
            manual_seed(11);
            init.normal_(norm.running_mean!, 0, 0.3);
            init.uniform_(norm.running_var!, 0.5, 2);
            init.uniform_(norm.weight!, 0.5, 1.5);
            init.normal_(norm.bias!, 0, 0.3);
            eval();
        }

        public override Tensor forward(Tensor x)
        {
            var joined = cat([first.call(x), x, second.call(x)], 1);
            var normal = norm.call(joined);
            var result = last.call(relu ? functional.relu(normal) : normal);
            return keeps ? result.sum(1) + joined.sum(1) : result;
        }
    }

    /// <summary>A shuffle as ShuffleNet has it.</summary>
    private sealed class Shuffle(int channels, bool halves, long groups = 2) : Module<Tensor, Tensor>(nameof(Shuffle))
    {
        public override Tensor forward(Tensor x)
        {
            var joined = cat([x * 2, x.tanh()], 1);
            var size = joined.size();
            var shuffled = transpose(joined.view(size[0], groups, size[1] / groups, size[2], size[3]), 1, 2).contiguous().view(size[0], -1, size[2], size[3]);
            if (!halves)
                return shuffled + channels;
            var parts = shuffled.chunk(2, 1);
            return parts[0] - parts[1] * 3;
        }
    }
}
