using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Linear layers of few rows and convolutions of single pixels, against the modules themselves.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they set the number of threads
public sealed class RowKernelTests
{
    [Theory]
    [InlineData(1, 1, 1, true, 1)]
    [InlineData(1, 96, 160, true, 2)]
    [InlineData(3, 37, 1001, false, 2)]
    [InlineData(4, 1283, 41, true, 1)]
    [InlineData(5, 64, 48, true, 2)]
    public void A_linear_layer_of_few_rows_is_the_same(int rows, int inputs, int outputs, bool bias, int threads)
        => InThreads(threads, () =>
        {
            using var model = Sequential(("fc", Linear(inputs, outputs, bias)), ("act", GELU()), ("last", Linear(outputs, 7)));
            AssertSame(model, randn(rows, inputs), randn(1, rows, inputs), randn(inputs, rows).t(), randn(inputs));
        });

    [Theory]
    [InlineData(1, 24, 10)]
    [InlineData(2, 37, 1157)]
    [InlineData(9, 24, 10)]
    public void A_convolution_of_single_pixels_is_the_same(int batch, int inputs, int outputs)
        => InThreads(2, () =>
        {
            using var model = Sequential(("squeeze", Conv2d(inputs, outputs, 1)), ("act", SiLU()), ("excite", Conv2d(outputs, inputs, 1)), ("gate", Sigmoid()));
            AssertSame(model, rand(batch, inputs, 1, 1), rand(batch, inputs, 3, 2), rand(batch, 1, 1, inputs).permute(0, 3, 1, 2));
        });

    [Fact]
    public void A_sum_after_it_writes_over_the_other_value()
    {
        using var model = new Residual();
        AssertSame(model, randn(2, 48), randn(11, 48));
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

    private static void AssertSame(Module<Tensor, Tensor> model, params Tensor[] inputs)
    {
        using var mode = no_grad();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var optimised = traced.optimize_for_inference();
        foreach (var input in inputs)
            using (input)
            {
                using var scope = NewDisposeScope();
                var (given, expected, actual) = (input.clone(), model.call(input), optimised.call(input));
                Assert.Equal(expected.shape, actual.shape);
                Assert.InRange((expected - actual).abs().max().item<float>(), 0, 2e-5f);
                Assert.True(given.Equals(input));
            }
    }

    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear first = Linear(48, 48), second = Linear(48, 48);

        internal Residual() : base(nameof(Residual)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var kept = first.call(x);
            return kept.tanh() + second.call(kept);
        }
    }
}
