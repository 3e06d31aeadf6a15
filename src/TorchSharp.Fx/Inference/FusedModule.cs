using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A layer with a weight: weight, bias, residual and activation in one kernel.</summary>
internal abstract class FusedModule : KernelModule
{
    private protected FusedModule(string name, LayerWeight weight, Tensor? bias, FusedActivation activation) : base(name, activation)
    {
        Weight = weight;
        this.bias = bias?.detach().clone().DetachFromDisposeScope();
    }

    // Not registered: layouts would not follow what load_state_dict writes into the weight.
    private protected LayerWeight Weight { get; private set; }

    // Its name is that of state_dict.
    private Tensor? bias;

    private protected Tensor? Bias => bias;

    /// <summary><c>activation(layer(input) + other)</c></summary>
    public Tensor add(Tensor other, Tensor input) => Compute(input, other, Residual.Added);

    /// <summary><c>activation(layer(input) + other)</c>, written over <paramref name="other"/> where the kernel can.</summary>
    public Tensor add_(Tensor other, Tensor input) => Compute(input, other, Residual.Overwritten);

    /// <summary>Gives the layer a weight of its own where it has the model's.</summary>
    internal void Own() => Weight.Own();

    /// <inheritdoc cref="LayerWeight.TakeOver"/>
    internal void TakeOver() => Weight.TakeOver();

    /// <summary>Whether another layer computes the same if its weight is the same.</summary>
    internal bool DiffersByWeightAtMost(FusedModule other)
        => GetType() == other.GetType() && Activation == other.Activation
            && (Bias is null ? other.Bias is null : other.Bias is not null && Bias.Equals(other.Bias));

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => type == Weight.Type;

    /// <summary>The layer without residual and activation, in TorchSharp's own operations.</summary>
    private protected abstract Tensor Plain(Tensor input, Tensor weight);

    /// <inheritdoc/>
    private protected sealed override Tensor Plain(Tensor input)
    {
        using var weight = Weight.Dense(keeps: true);
        return Plain(input, weight);
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Forget();
        using var weight = Weight.Dense();
        using var moved = weight.to(dtype ?? weight.dtype, device ?? weight.device);
        Weight.Own();
        var before = Weight;
        // What isn't moved is still the memory of copies of this layer.
        Weight = Weight.Of(moved, isAlone: false);
        before.Dispose();
        bias = Bias?.to(dtype ?? Bias.dtype, device ?? Bias.device, disposeAfter: true).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing)
            return;
        Weight.Dispose();
        Bias?.Dispose();
    }
}
