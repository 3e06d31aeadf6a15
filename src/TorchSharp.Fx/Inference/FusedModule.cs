using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A layer of an optimised module: weight, bias and activation in one kernel of oneDNN where there is one for the input, else in TorchSharp's own operations.
/// The weight is laid out once for each shape of input, up to a bound; further shapes use the first layout, which is right for all and some per cent slower.
/// </summary>
internal abstract class FusedModule : nn.Module<Tensor, Tensor>, IOperation
{
    private const int MostLayouts = 4;
    private readonly ConcurrentDictionary<InputShape, Tensor> layouts = new();
    private readonly Lock packing = new();

    private protected FusedModule(string name, Tensor weight, Tensor? bias, FusedActivation activation) : base(name)
    {
        Activation = activation;
        Weight = weight.detach().clone().DetachFromDisposeScope();
        Bias = bias?.detach().clone().DetachFromDisposeScope();
    }

    internal FusedActivation Activation { get; }

    // Not registered: layouts would not follow what load_state_dict writes into the weight.
    private protected Tensor Weight { get; private set; }

    private protected Tensor? Bias { get; private set; }

    /// <summary><c>activation(layer(input) + other)</c></summary>
    public abstract Tensor add(Tensor other, Tensor input);

    /// <summary><c>activation(layer(input) + other)</c>, written over <paramref name="other"/> where the kernel can.</summary>
    public virtual Tensor add_(Tensor other, Tensor input) => add(other, input);

    /// <summary>The same layer with an activation of its result.</summary>
    internal abstract FusedModule With(FusedActivation next);

    /// <summary>Whether there is a kernel with this activation, of the layer alone or of its sum with another value.</summary>
    internal abstract bool CanApply(FusedActivation activation, bool isResidual);

    /// <inheritdoc/>
    public override string ToString() => Activation.IsNone ? GetName() : $"{GetName()}+{Activation.Name}";

    /// <summary>Whether a kernel may compute this: it knows no gradients, and only some kinds of numbers.</summary>
    private protected bool HasKernel(Tensor input)
        => input.device_type == DeviceType.CPU && OneDnn.Supports(input.dtype) && input.dtype == Weight.dtype && !(is_grad_enabled() && input.requires_grad);

    /// <summary>The weight, laid out for inputs of a shape.</summary>
    private protected Tensor LayoutFor(InputShape shape)
    {
        if (layouts.TryGetValue(shape, out var known))
            return known;
        lock (packing)
        {
            if (layouts.TryGetValue(shape, out known))
                return known;
            if (layouts.Count == MostLayouts)
                return layouts.First().Value;
            using var mode = no_grad();
            return layouts[shape] = Pack(Weight, shape).DetachFromDisposeScope();
        }
    }

    private protected abstract Tensor Pack(Tensor weight, InputShape shape);

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Forget();
        Weight = Moved(Weight, dtype, device);
        Bias = Bias is null ? null : Moved(Bias, dtype, device);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
            Weight.Dispose();
            Bias?.Dispose();
        }
        base.Dispose(disposing);
    }

    private static Tensor Moved(Tensor tensor, ScalarType? dtype, Device? device)
        => tensor.to(dtype ?? tensor.dtype, device ?? tensor.device, disposeAfter: true).DetachFromDisposeScope();

    private void Forget()
    {
        foreach (var layout in layouts.Values)
            layout.Dispose();
        layouts.Clear();
    }

    /// <summary>The sizes of an input that its layout depends on.</summary>
    private protected readonly record struct InputShape(long Batch, long Channels, long Height, long Width);
}
