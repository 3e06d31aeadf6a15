using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Observes a tensor, and quantises and dequantises it, so that a model trains with the error of quantisation. Gradients pass where no
/// value is clamped. Counterpart: <c>torch.ao.quantization.FakeQuantize</c>.
/// </summary>
public sealed class FakeQuantize : ObserverBase
{
    private readonly ObserverBase observer;

    /// <summary>Fake quantisation with the scale and zero point of an observer.</summary>
    /// <param name="observer">The observer that computes the scale and zero point.</param>
    public FakeQuantize(ObserverBase observer) : base(nameof(FakeQuantize), Checked(observer).dtype, observer.qscheme, observer.quant_min,
        observer.quant_max, observer.eps) => this.observer = observer;

    /// <summary>Whether the observer sees the tensors.</summary>
    public bool observer_enabled { get; set; } = true;

    /// <summary>Whether tensors are quantised and dequantised.</summary>
    public bool fake_quant_enabled { get; set; } = true;

    /// <inheritdoc/>
    public override long ch_axis => observer.ch_axis;

    /// <inheritdoc/>
    internal override QParams Parameters => observer.Parameters;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (IsOther(input))
            return input;
        if (observer_enabled)
            observer.forward(input);
        if (!fake_quant_enabled)
            return input;
        using var scope = NewDisposeScope();
        var (kept, rounded) = Rounded(input);
        if (!is_grad_enabled() || !input.requires_grad)
            return rounded.MoveToOuterDisposeScope();
        // The value is the rounded one, the gradient that of what is not clamped.
        var through = input.mul(kept);
        return through.add(rounded.sub(through.detach())).MoveToOuterDisposeScope();
    }

    /// <summary>Where nothing is clamped, and the numbers that steps stand for.</summary>
    private (Tensor Kept, Tensor Rounded) Rounded(Tensor input)
    {
        using var mode = no_grad();
        var (scale, zero) = Along(Parameters, input);
        var steps = input.detach().mul(scale.reciprocal()).round().add_(zero);
        var kept = steps.ge(quant_min).logical_and_(steps.le(quant_max)).to(input.dtype);
        return (kept, steps.clamp_(quant_min, quant_max).sub_(zero).mul_(scale));
    }

    /// <inheritdoc/>
    private protected override void Observe(Tensor x) => observer.forward(x);

    private (Tensor Scale, Tensor Zero) Along(QParams parameters, Tensor input)
    {
        var (scale, zero) = parameters.Tensors();
        return IsPerChannel
            ? (quantized_decomposed.Along(scale, ch_axis, input), quantized_decomposed.Along(zero, ch_axis, input)) : (scale, zero);
    }

    private static ObserverBase Checked(ObserverBase observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return observer;
    }
}
