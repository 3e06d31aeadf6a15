using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// An observer with a fixed scale and zero point, for results whose range is known, e.g. of a sigmoid. Counterpart:
/// <c>torch.ao.quantization.FixedQParamsObserver</c>.
/// </summary>
public sealed class FixedQParamsObserver : ObserverBase
{
    /// <summary>An observer with a given scale and zero point.</summary>
    /// <param name="scale">The distance between two neighbouring quantised values.</param>
    /// <param name="zero_point">The quantised value that stands for 0.</param>
    /// <param name="dtype">The type of the quantised values.</param>
    public FixedQParamsObserver(float scale, long zero_point, ScalarType dtype = ScalarType.Byte)
        : base(nameof(FixedQParamsObserver), dtype, QScheme.per_tensor_affine) => (this.scale, this.zero_point) = (scale, zero_point);

    /// <summary>An answer fixed to another observer's scale of now.</summary>
    internal FixedQParamsObserver(ObserverBase observer)
        : base(nameof(FixedQParamsObserver), observer.dtype, observer.qscheme, observer.quant_min, observer.quant_max, observer.eps)
        => (scale, zero_point) = observer.Parameters is { Scale: [var first, ..], ZeroPoint: [var zero, ..] } ? (first, zero) : (1, 0);

    /// <summary>The distance between two neighbouring quantised values.</summary>
    public float scale { get; }

    /// <summary>The quantised value that stands for 0.</summary>
    public long zero_point { get; }

    /// <inheritdoc/>
    internal override QParams Parameters => new([scale], [zero_point]);

    /// <inheritdoc/>
    private protected override void Observe(Tensor x) { }
}

/// <summary>
/// Observes nothing and only names the quantised type. With <see cref="is_dynamic"/>, each input is quantised by its own range when the
/// model runs. Counterpart: <c>torch.ao.quantization.PlaceholderObserver</c>.
/// </summary>
/// <param name="dtype">The type of the quantised values.</param>
/// <param name="is_dynamic">Whether each input is quantised by its own range.</param>
/// <param name="quant_min">The lowest quantised value; the type's when null.</param>
/// <param name="quant_max">The highest quantised value; the type's when null.</param>
public sealed class PlaceholderObserver(
    ScalarType dtype = ScalarType.Byte, bool is_dynamic = true, long? quant_min = null, long? quant_max = null)
    : ObserverBase(nameof(PlaceholderObserver), dtype, QScheme.per_tensor_affine, quant_min, quant_max)
{
    /// <inheritdoc/>
    public override bool is_dynamic { get; } = is_dynamic;

    /// <inheritdoc/>
    internal override QParams Parameters => QParams.Default;

    /// <inheritdoc/>
    private protected override void Observe(Tensor x) { }
}
