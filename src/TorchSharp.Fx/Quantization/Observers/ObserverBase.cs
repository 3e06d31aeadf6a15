using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A module that returns its input, and keeps the statistics from which a scale and zero point are computed. Counterpart:
/// <c>torch.ao.quantization.ObserverBase</c>.
/// </summary>
public abstract class ObserverBase : nn.Module<Tensor, Tensor>
{
    private readonly QRange range;

    /// <summary>An observer.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="dtype">The type of the quantised values: <c>ScalarType.Byte</c> (quint8) or <c>ScalarType.Int8</c> (qint8).</param>
    /// <param name="qscheme">How numbers are quantised.</param>
    /// <param name="quant_min">The lowest quantised value; the type's when null.</param>
    /// <param name="quant_max">The highest quantised value; the type's when null.</param>
    /// <param name="eps">The smallest scale.</param>
    /// <exception cref="ArgumentException">The type isn't one of these, or can't hold the quantised values.</exception>
    protected ObserverBase(string name, ScalarType dtype, QScheme qscheme, long? quant_min = null, long? quant_max = null,
        float eps = 1.1920929e-07f) : base(name)
    {
        range = QRange.Of(dtype, quant_min, quant_max);
        (this.qscheme, this.eps) = (qscheme, eps);
    }

    /// <summary>The type of the quantised values: <c>Byte</c> (quint8) or <c>Int8</c> (qint8).</summary>
    public ScalarType dtype => range.Type;

    /// <summary>How numbers are quantised.</summary>
    public QScheme qscheme { get; }

    /// <summary>The lowest quantised value.</summary>
    public long quant_min => range.Min;

    /// <summary>The highest quantised value.</summary>
    public long quant_max => range.Max;

    /// <summary>The smallest scale.</summary>
    public float eps { get; }

    /// <summary>Whether each input is quantised by its own range when the model runs, not by what was observed.</summary>
    public virtual bool is_dynamic => false;

    /// <summary>The dimension along which each index has its own scale; 0 where there is one scale.</summary>
    public virtual long ch_axis => 0;

    /// <summary>
    /// Computes the scale and zero point from the observed tensors: tensors of one element, or of one element per channel. Counterpart:
    /// <c>calculate_qparams</c>.
    /// </summary>
    public (Tensor scale, Tensor zero_point) calculate_qparams() => Parameters.Tensors();

    /// <summary>The same as numbers.</summary>
    internal abstract QParams Parameters { get; }

    /// <summary>Whether the middle of the steps stands for 0.</summary>
    private protected bool IsSymmetric => qscheme is QScheme.per_tensor_symmetric or QScheme.per_channel_symmetric;

    private protected bool IsPerChannel => qscheme is QScheme.per_channel_affine or QScheme.per_channel_symmetric;

    /// <summary>The parameters that cover ranges.</summary>
    private protected QParams Covering(ReadOnlySpan<float> low, ReadOnlySpan<float> high)
        => QParams.Covering(low, high, range, IsSymmetric, eps);

    /// <summary>Whether it was shown integers, bools or complex numbers. Those are not quantised.</summary>
    internal bool SeesOthers { get; private set; }

    /// <summary>Notes where a tensor is one of those.</summary>
    private protected bool IsOther(Tensor input) => !input.is_floating_point() && (SeesOthers = true);

    /// <summary>Looks at a tensor. It is the model's own.</summary>
    private protected abstract void Observe(Tensor x);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.numel() == 0 || IsOther(input))
            return input;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        Observe(input.detach().to(ScalarType.Float32));
        return input;
    }
}
