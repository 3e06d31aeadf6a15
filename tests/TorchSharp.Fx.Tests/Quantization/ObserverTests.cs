using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Quantization;

/// <summary>Scales and zero points of small cases, worked out by hand from the definitions in <c>torch.ao.quantization.observer</c>.</summary>
public sealed class ObserverTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void A_range_is_divided_by_the_steps_and_0_is_one_of_them()
    {
        using var observer = new MinMaxObserver();
        AssertParameters(observer, 1, 0);
        observer.call(tensor(new[] { -1f, 0, 2 }));
        observer.call(tensor(new[] { 4f, 0.5f }));
        // (4 + 1) / 255, and -1 is 51 steps below 0.
        AssertParameters(observer, 5f / 255, 51);
        observer.reset_min_max_vals();
        AssertParameters(observer, 1, 0);
    }

    [Theory]
    [InlineData(new[] { 1f, 3f }, 3f / 255, 0)]
    [InlineData(new[] { -3f, -1f }, 3f / 255, 255)]
    [InlineData(new[] { 0f, 0f }, 1.1920929e-07f, 0)]
    public void A_range_always_has_0(float[] values, float scale, long zero)
    {
        using var observer = new MinMaxObserver();
        observer.call(tensor(values));
        AssertParameters(observer, scale, zero);
    }

    [Theory]
    [InlineData(ScalarType.Int8, 0)]
    [InlineData(ScalarType.Byte, 128)]
    public void A_symmetric_scale_covers_the_larger_side(ScalarType type, long zero)
    {
        using var observer = new MinMaxObserver(type, QScheme.per_tensor_symmetric);
        observer.call(tensor(new[] { -3f, 1 }));
        AssertParameters(observer, 3f / 127.5f, zero);
    }

    [Fact]
    public void Fewer_steps_have_a_larger_scale()
    {
        using var observer = new MinMaxObserver(quant_min: 0, quant_max: 127);
        observer.call(tensor(new[] { -1f, 1 }));
        AssertParameters(observer, 2f / 127, 64);
    }

    [Fact]
    public void A_moving_average_follows_the_ranges()
    {
        using var observer = new MovingAverageMinMaxObserver(0.5);
        observer.call(tensor(new[] { 0f, 1 }));
        observer.call(tensor(new[] { -2f, 3 }));
        AssertParameters(observer, (2f + 1) / 255, 85);
    }

    [Fact]
    public void Each_channel_has_its_own_scale()
    {
        using var observer = new PerChannelMinMaxObserver(1, ScalarType.Int8, QScheme.per_channel_symmetric);
        observer.call(tensor(new float[,] { { 1, -4 }, { -2, 3 } }));
        AssertParameters(observer, [2f / 127.5f, 4f / 127.5f], [0, 0]);
        using var affine = new PerChannelMinMaxObserver();
        affine.call(tensor(new float[,] { { 1, -4 }, { 2, 3 } }));
        AssertParameters(affine, [5f / 255, 3f / 255], [204, 0]);
    }

    [Fact]
    public void A_histogram_leaves_out_what_is_rare()
    {
        using var observer = new HistogramObserver();
        // Values evenly from 0 to 1, and one far away: steps that cover it would cost the others more than cutting it off costs itself.
        observer.call(cat([linspace(0, 1, 1_000_000), tensor(new[] { 4f })]));
        var (scale, zero) = observer.calculate_qparams();
        Assert.InRange(scale.item<float>(), 0.99f / 255, 1.1f / 255);
        Assert.Equal(0, zero.item<long>());
    }

    [Fact]
    public void A_histogram_moves_to_a_wider_range()
    {
        using var observer = new HistogramObserver();
        observer.call(linspace(0, 4, 1000));
        observer.call(linspace(-8, 8, 1000));
        Assert.Equal((-8f, 8f), (observer.min_val, observer.max_val));
        var (scale, _) = observer.calculate_qparams();
        // The search leaves out an outer bin at least.
        Assert.InRange(scale.item<float>(), 15.9f / 255, 16f / 255);
        using var infinite = new HistogramObserver();
        infinite.call(tensor(new[] { float.PositiveInfinity, 1 }));
        Assert.Equal(1, infinite.max_val);
    }

    [Fact]
    public void What_cannot_be_observed_is_refused()
    {
        Assert.Equal("A MinMaxObserver has one scale: take per_tensor_affine or per_tensor_symmetric, not per_channel_affine. (Parameter 'qscheme')",
            Assert.Throws<ArgumentException>(() => new MinMaxObserver(qscheme: QScheme.per_channel_affine)).Message);
        Assert.Equal("Numbers are quantised to Byte (quint8) or Int8 (qint8), not to Float32. (Parameter 'type')",
            Assert.Throws<ArgumentException>(() => new MinMaxObserver(ScalarType.Float32)).Message);
        Assert.Equal("The range 0 to 300 must lie within Byte and contain 0. (Parameter 'min')",
            Assert.Throws<ArgumentException>(() => new MinMaxObserver(quant_min: 0, quant_max: 300)).Message);
    }

    [Fact]
    public void Fake_quantisation_rounds_and_passes_gradients_where_nothing_is_clamped()
    {
        using var fake = new FakeQuantize(new MinMaxObserver());
        fake.call(tensor(new[] { 0f, 2.55f }));
        fake.observer_enabled = false;
        var x = tensor(new[] { 0.014f, 1.006f, 3f, -1f }, requires_grad: true);
        var y = fake.call(x);
        Assert.Equal([0.01f, 1.01f, 2.55f, 0], y.data<float>().ToArray().Select(value => MathF.Round(value, 5)));
        y.sum().backward();
        Assert.Equal([1f, 1, 0, 0], x.grad!.data<float>().ToArray());
    }

    [Fact]
    public void Steps_round_half_to_even()
    {
        Assert.Equal([2, 4, 2, 0], quantized_decomposed.quantize_per_tensor(tensor(new[] { 2.5f, 3.5f, 1.5f, 0.5f }), 1, 0, 0, 255, ScalarType.Byte)
            .data<byte>().ToArray().Select(step => (int)step));
    }

    private static void AssertParameters(ObserverBase observer, float scale, long zero) => AssertParameters(observer, [scale], [zero]);

    private static void AssertParameters(ObserverBase observer, float[] scales, long[] zeros)
    {
        var (scale, zero) = observer.calculate_qparams();
        Assert.Equal(scales, scale.data<float>().ToArray());
        Assert.Equal(zeros, zero.data<long>().ToArray());
    }
}
