using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A layer of an optimised module: weight, bias, residual and activation in one kernel of oneDNN where there is one for the input, else in TorchSharp's own operations.
/// A kernel is made once for each shape of input, up to a bound; a kernel for a further shape lives for one call.
/// </summary>
internal abstract class FusedModule : nn.Module<Tensor, Tensor>, IOperation
{
    private const int MostKernels = 8;

    private readonly ConcurrentDictionary<KernelKey, LayerKernel> kernels = new();
    private readonly Lock making = new();

    private protected FusedModule(string name, LayerWeight weight, Tensor? bias, FusedActivation activation) : base(name)
    {
        Activation = activation;
        Weight = weight;
        Bias = bias?.detach().clone().DetachFromDisposeScope();
    }

    internal FusedActivation Activation { get; }

    // Not registered: layouts would not follow what load_state_dict writes into the weight.
    private protected LayerWeight Weight { get; private set; }

    private protected Tensor? Bias { get; private set; }

    /// <summary><c>activation(layer(input))</c></summary>
    public sealed override Tensor forward(Tensor input) => Compute(input, null, Residual.None);

    /// <summary><c>activation(layer(input) + other)</c></summary>
    public Tensor add(Tensor other, Tensor input) => Compute(input, other, Residual.Added);

    /// <summary><c>activation(layer(input) + other)</c>, written over <paramref name="other"/> where the kernel can.</summary>
    public Tensor add_(Tensor other, Tensor input) => Compute(input, other, Residual.Overwritten);

    /// <summary>The same layer with an activation of its result.</summary>
    internal abstract FusedModule With(FusedActivation next);

    /// <summary>Whether there is a kernel with this activation, of the layer alone or of its sum with another value.</summary>
    internal abstract bool CanApply(FusedActivation activation, bool isResidual);

    /// <inheritdoc/>
    public override string ToString() => Activation.IsNone ? GetName() : $"{GetName()}+{Activation.Name}";

    /// <summary>Finds the result's sizes; false for an input that the layer's kernels don't take.</summary>
    /// <param name="input">The input's sizes.</param>
    /// <param name="result">As many sizes as the input has, to be written.</param>
    private protected abstract bool TryResult(ReadOnlySpan<long> input, Span<long> result);

    /// <summary>The strides with which kernels want an input and a residual, and give a result.</summary>
    private protected abstract void Order(ReadOnlySpan<long> sizes, Span<long> strides);

    /// <summary>The sizes of an input that a kernel is made for.</summary>
    private protected abstract KernelShape ShapeOf(ReadOnlySpan<long> input);

    /// <summary>A kernel for inputs of a shape; null where libtorch's plain operations do as well.</summary>
    private protected abstract LayerKernel? MakeKernel(ReadOnlySpan<long> input, ReadOnlySpan<long> result, Residual residual);

    /// <summary>The layer without residual and activation, in TorchSharp's own operations.</summary>
    private protected abstract Tensor Plain(Tensor input, Tensor weight);

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Forget();
        using var weight = Weight.Dense();
        using var moved = weight.to(dtype ?? weight.dtype, device ?? weight.device);
        Weight.Dispose();
        Weight = Weight.Of(moved);
        Bias = Bias?.to(dtype ?? Bias.dtype, device ?? Bias.device, disposeAfter: true).DetachFromDisposeScope();
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

    private Tensor Compute(Tensor input, Tensor? other, Residual residual)
    {
        if (!HasKernel(input))
            return ComputePlain(input, other);
        var given = Shims.Sizes(input);
        Span<long> sizes = stackalloc long[given.Length], strides = stackalloc long[given.Length];
        if (!TryResult(given, sizes) || (other is not null && !Fits(other, input, sizes)))
            return ComputePlain(input, other);
        var key = new KernelKey(ShapeOf(given), get_num_threads(), residual);
        using var temporary = kernels.TryGetValue(key, out var kernel) ? null : Make(key, given, sizes, out kernel);
        if (kernel is null)
            return ComputePlain(input, other);
        Order(given, strides);
        using var ownedInput = MemoryFormat.Ordered(input, strides);
        Order(sizes, strides);
        using var ownedOther = other is null ? null : MemoryFormat.Ordered(other, strides);
        GC.KeepAlive(input);
        return kernel.Run(ownedInput ?? input, ownedOther ?? other, sizes, strides);
    }

    /// <summary>Makes the kernel for a shape.</summary>
    /// <returns>The kernel if it is for one call only.</returns>
    private LayerKernel? Make(KernelKey key, ReadOnlySpan<long> input, ReadOnlySpan<long> result, out LayerKernel? kernel)
    {
        lock (making)
        {
            if (kernels.TryGetValue(key, out kernel))
                return null;
            using var mode = no_grad();
            kernel = MakeKernel(input, result, key.Residual);
            if (kernel is not null && kernels.Count < MostKernels)
                kernels[key] = kernel;
            else
                return kernel;
            return null;
        }
    }

    private Tensor ComputePlain(Tensor input, Tensor? other)
    {
        using var weight = Weight.Dense();
        var result = Plain(input, weight);
        if (other is not null)
        {
            using var product = result;
            result = product + other;
        }
        Activation.Apply_(result);
        return result;
    }

    /// <summary>Whether a kernel may compute this: it knows no gradients, and only some kinds of numbers.</summary>
    private bool HasKernel(Tensor input)
        => input.device_type == DeviceType.CPU && Shims.Supports(input.dtype) && input.dtype == Weight.Type && !(is_grad_enabled() && input.requires_grad);

    /// <summary>Whether a residual can be added by the kernel: it isn't broadcast.</summary>
    private static bool Fits(Tensor other, Tensor input, ReadOnlySpan<long> result)
        => other.dtype == input.dtype && other.device_type == DeviceType.CPU && Shims.Sizes(other).SequenceEqual(result);

    private void Forget()
    {
        foreach (var kernel in kernels.Values)
            kernel.Dispose();
        kernels.Clear();
    }

    /// <summary>The sizes of an input that its kernel depends on.</summary>
    private protected readonly record struct KernelShape(long Batch, long Channels, long Depth, long Height, long Width);

    // oneDNN divides a kernel's work among the threads that there are when it is made.
    private readonly record struct KernelKey(KernelShape Shape, int Threads, Residual Residual);
}
