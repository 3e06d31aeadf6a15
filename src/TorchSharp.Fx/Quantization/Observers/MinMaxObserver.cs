using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Keeps the lowest and the highest value of all tensors. Counterpart: <c>torch.ao.quantization.MinMaxObserver</c>.</summary>
public class MinMaxObserver : ObserverBase
{
    /// <inheritdoc cref="ObserverBase(string, ScalarType, QScheme, long?, long?, float)"/>
    /// <exception cref="ArgumentException">The scheme has several scales, or the type can't hold the quantised values.</exception>
    public MinMaxObserver(ScalarType dtype = ScalarType.Byte, QScheme qscheme = QScheme.per_tensor_affine, long? quant_min = null,
        long? quant_max = null, float eps = 1.1920929e-07f) : this(nameof(MinMaxObserver), dtype, qscheme, quant_min, quant_max, eps) { }

    private protected MinMaxObserver(string name, ScalarType dtype, QScheme qscheme, long? quant_min, long? quant_max, float eps)
        : base(name, dtype, qscheme, quant_min, quant_max, eps)
    {
        if (IsPerChannel)
            throw new ArgumentException($"A {name} has one scale: take per_tensor_affine or per_tensor_symmetric, not {qscheme}.",
                nameof(qscheme));
    }

    /// <summary>The lowest value; infinity before the first tensor.</summary>
    public float min_val { get; private protected set; } = float.PositiveInfinity;

    /// <summary>The highest value; negative infinity before the first tensor.</summary>
    public float max_val { get; private protected set; } = float.NegativeInfinity;

    /// <summary>Forgets what was observed.</summary>
    public virtual void reset_min_max_vals() => (min_val, max_val) = (float.PositiveInfinity, float.NegativeInfinity);

    /// <inheritdoc/>
    internal override QParams Parameters => Covering([min_val], [max_val]);

    /// <inheritdoc/>
    private protected override void Observe(Tensor x)
    {
        var (low, high) = Range(x);
        (min_val, max_val) = (MathF.Min(min_val, low), MathF.Max(max_val, high));
    }

    private protected bool SawNothing => min_val == float.PositiveInfinity && max_val == float.NegativeInfinity;

    /// <summary>
    /// The lowest and highest value. Infinite ones count only where all are: they are clamped later, and a range that has them is of no
    /// use. PyTorch's observers by lowest and highest values take them, and have no scale then.
    /// </summary>
    private protected static (float Low, float High) Range(Tensor x)
    {
        var (low, high) = aminmax(x);
        var range = (Low: low.item<float>(), High: high.item<float>());
        if (float.IsFinite(range.Low) && float.IsFinite(range.High))
            return range;
        var finite = x[x.isfinite()];
        return finite.numel() == 0 ? range : Range(finite);
    }
}

/// <summary>
/// Keeps a moving average of the tensors' lowest and highest values. Counterpart:
/// <c>torch.ao.quantization.MovingAverageMinMaxObserver</c>.
/// </summary>
public sealed class MovingAverageMinMaxObserver : MinMaxObserver
{
    /// <summary>An observer.</summary>
    /// <param name="averaging_constant">The weight of a new tensor in the average, from 0 to 1.</param>
    /// <param name="dtype">The type of the quantised values: <c>ScalarType.Byte</c> (quint8) or <c>ScalarType.Int8</c> (qint8).</param>
    /// <param name="qscheme">How numbers are quantised.</param>
    /// <param name="quant_min">The lowest quantised value; the type's when null.</param>
    /// <param name="quant_max">The highest quantised value; the type's when null.</param>
    /// <param name="eps">The smallest scale.</param>
    public MovingAverageMinMaxObserver(double averaging_constant = 0.01, ScalarType dtype = ScalarType.Byte,
        QScheme qscheme = QScheme.per_tensor_affine, long? quant_min = null, long? quant_max = null, float eps = 1.1920929e-07f)
        : base(nameof(MovingAverageMinMaxObserver), dtype, qscheme, quant_min, quant_max, eps)
        => this.averaging_constant = averaging_constant;

    /// <summary>The weight of a new tensor in the average.</summary>
    public double averaging_constant { get; }

    /// <inheritdoc/>
    private protected override void Observe(Tensor x)
    {
        var (low, high) = Range(x);
        var weight = (float)averaging_constant;
        (min_val, max_val) = SawNothing ? (low, high) : (min_val + weight * (low - min_val), max_val + weight * (high - max_val));
    }
}
