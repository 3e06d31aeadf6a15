using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>
/// What libtorch computes by oneDNN's kernels that ask for the caches' sizes, on whatever machine the tests run. Where a virtual machine hides
/// them, it was wrong or the process ended.
/// </summary>
public sealed class ProcessorCachesTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable mode = no_grad();

    // The library is loaded with the first of its types that runs.
    public ProcessorCachesTests() => Assert.True(ProcessorCaches.AreKnown);

    public void Dispose()
    {
        mode.Dispose();
        scope.Dispose();
    }

    [Theory, InlineData(true), InlineData(false)]
    public void An_eager_lstm_computes_its_formula(bool bias)
    {
        var layer = LSTM(8, 6, bias: bias);
        layer.eval();
        var (x, h, c) = (rand(7, 3, 8), rand(1, 3, 6), rand(1, 3, 6));
        var (actual, _, _) = layer.call(x, (h, c));
        var state = layer.state_dict();
        Tensor? Of(string name) => state.TryGetValue(name + "_l0", out var tensor) ? tensor.to(ScalarType.Float64) : null;
        var (hidden, cell) = (h[0].to(ScalarType.Float64), c[0].to(ScalarType.Float64));
        for (var t = 0; t < 7; t++)
        {
            var gates = (functional.linear(x[t].to(ScalarType.Float64), Of("weight_ih")!, Of("bias_ih"))
                + functional.linear(hidden, Of("weight_hh")!, Of("bias_hh"))).chunk(4, 1);
            cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh();
            hidden = gates[3].sigmoid() * cell.tanh();
            Assert.InRange((actual[t] - hidden).abs().max().item<double>(), 0, 1e-5);
        }
    }

    [Theory]
    [InlineData(256, 512)]
    [InlineData(512, 1024)]
    public void An_eager_convolution_of_pixels_computes_products(long inputs, long outputs)
    {
        var (image, weight) = (rand(1, 14, 14, inputs), rand(outputs, inputs));
        var actual = functional.conv2d(image.permute(0, 3, 1, 2), weight.reshape(outputs, inputs, 1, 1), strides: [2, 2]);
        var every = TensorIndex.Slice(0, null, 2);
        var expected = image[0, every, every].to(ScalarType.Float64).matmul(weight.t().to(ScalarType.Float64));
        Assert.InRange((actual[0].permute(1, 2, 0) - expected).abs().max().item<double>(), 0, 1e-3);
    }
}
