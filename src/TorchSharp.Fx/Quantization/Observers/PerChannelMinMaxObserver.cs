using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Keeps the lowest and the highest value for each index along one dimension, e.g. for each output channel of a weight. Counterpart:
/// <c>torch.ao.quantization.PerChannelMinMaxObserver</c>.
/// </summary>
public class PerChannelMinMaxObserver : ObserverBase
{
    private float[] low = [];
    private float[] high = [];

    /// <summary>An observer.</summary>
    /// <param name="ch_axis">The dimension along which each index has its own scale.</param>
    /// <param name="dtype">The type of the quantised values: <c>ScalarType.Byte</c> (quint8) or <c>ScalarType.Int8</c> (qint8).</param>
    /// <param name="qscheme">How numbers are quantised.</param>
    /// <param name="quant_min">The lowest quantised value; the type's when null.</param>
    /// <param name="quant_max">The highest quantised value; the type's when null.</param>
    /// <param name="eps">The smallest scale.</param>
    /// <exception cref="ArgumentException">The scheme has one scale, or the type can't hold the quantised values.</exception>
    public PerChannelMinMaxObserver(long ch_axis = 0, ScalarType dtype = ScalarType.Byte, QScheme qscheme = QScheme.per_channel_affine,
        long? quant_min = null, long? quant_max = null, float eps = 1.1920929e-07f)
        : this(nameof(PerChannelMinMaxObserver), ch_axis, dtype, qscheme, quant_min, quant_max, eps) { }

    private protected PerChannelMinMaxObserver(
        string name, long ch_axis, ScalarType dtype, QScheme qscheme, long? quant_min, long? quant_max, float eps)
        : base(name, dtype, qscheme, quant_min, quant_max, eps)
    {
        if (!IsPerChannel)
            throw new ArgumentException(
                $"A {name} has many scales: take per_channel_affine or per_channel_symmetric, not {qscheme}.", nameof(qscheme));
        this.ch_axis = ch_axis;
    }

    /// <inheritdoc/>
    public override long ch_axis { get; }

    /// <summary>The lowest value of each index; empty before the first tensor.</summary>
    public IReadOnlyList<float> min_val => low;

    /// <summary>The highest value of each index; empty before the first tensor.</summary>
    public IReadOnlyList<float> max_val => high;

    /// <summary>Forgets what was observed.</summary>
    public void reset_min_max_vals() => (low, high) = ([], []);

    /// <inheritdoc/>
    internal override QParams Parameters => low.Length == 0 ? QParams.Default : Covering(low, high);

    /// <inheritdoc/>
    private protected override void Observe(Tensor x)
    {
        var (least, most) = aminmax(x.transpose(0, ch_axis).flatten(1), dim: 1);
        var (lows, highs) = (least.data<float>().ToArray(), most.data<float>().ToArray());
        if (low.Length > 0 && low.Length != lows.Length)
            throw new InvalidOperationException(
                $"A PerChannelMinMaxObserver saw tensors of {low.Length} channels, and is given one of {lows.Length}.");
        (low, high) = low.Length == 0 ? (lows, highs) : ([.. low.Zip(lows, Lower)], [.. high.Zip(highs, Higher)]);
    }

    /// <summary>The lowest value to keep, of the one so far and a new tensor's.</summary>
    private protected virtual float Lower(float before, float now) => MathF.Min(before, now);

    /// <summary>The highest value to keep, of the one so far and a new tensor's.</summary>
    private protected virtual float Higher(float before, float now) => MathF.Max(before, now);
}

/// <summary>
/// Keeps moving averages of the lowest and highest value for each index along one dimension, e.g. for a weight in training. Counterpart:
/// <c>torch.ao.quantization.MovingAveragePerChannelMinMaxObserver</c>.
/// </summary>
public sealed class MovingAveragePerChannelMinMaxObserver : PerChannelMinMaxObserver
{
    /// <summary>An observer.</summary>
    /// <param name="averaging_constant">The weight of a new tensor in the average, from 0 to 1.</param>
    /// <param name="ch_axis">The dimension along which each index has its own scale.</param>
    /// <param name="dtype">The type of the quantised values: <c>ScalarType.Byte</c> (quint8) or <c>ScalarType.Int8</c> (qint8).</param>
    /// <param name="qscheme">How numbers are quantised.</param>
    /// <param name="quant_min">The lowest quantised value; the type's when null.</param>
    /// <param name="quant_max">The highest quantised value; the type's when null.</param>
    /// <param name="eps">The smallest scale.</param>
    /// <exception cref="ArgumentException">The scheme has one scale, or the type can't hold the quantised values.</exception>
    public MovingAveragePerChannelMinMaxObserver(double averaging_constant = 0.01, long ch_axis = 0, ScalarType dtype = ScalarType.Byte,
        QScheme qscheme = QScheme.per_channel_affine, long? quant_min = null, long? quant_max = null, float eps = 1.1920929e-07f)
        : base(nameof(MovingAveragePerChannelMinMaxObserver), ch_axis, dtype, qscheme, quant_min, quant_max, eps)
        => this.averaging_constant = averaging_constant;

    /// <summary>The weight of a new tensor in the average.</summary>
    public double averaging_constant { get; }

    private protected override float Lower(float before, float now) => Average(before, now);

    private protected override float Higher(float before, float now) => Average(before, now);

    private float Average(float before, float now) => before + (float)averaging_constant * (now - before);
}
