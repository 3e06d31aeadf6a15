using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A module of an optimised graph: one kernel of oneDNN where there is one for the input, else TorchSharp's own operations. A kernel is
/// made once for each shape of input, up to a bound; a kernel for a further shape lives for one call.
/// </summary>
internal abstract class KernelModule(string name, FusedActivation activation)
    : nn.Module<Tensor, Tensor>(name), IOperation, IHasResultMemory, ICloneable
{
    private const int MostKernels = 8;

    private readonly ConcurrentDictionary<KernelKey, LayerKernel> kernels = new();
    private readonly Lock making = new();

    /// <summary>The activation of the result.</summary>
    internal FusedActivation Activation { get; } = activation;

    /// <inheritdoc/>
    public ResultMemory Memory { get; } = new();

    /// <summary><c>activation(module(input))</c></summary>
    public sealed override Tensor forward(Tensor input) => Compute(input, null, Residual.None);

    /// <summary>
    /// The same module with an activation of its result, or of its sum with another value; null where there is no kernel for that.
    /// </summary>
    internal abstract KernelModule? With(FusedActivation next, bool isResidual);

    /// <summary>The same module of an input that has a value around it; null where there is no kernel for that.</summary>
    /// <param name="before">How often before the input, along the last of the windows' dimensions.</param>
    /// <param name="after">How often behind it.</param>
    /// <param name="value">The value.</param>
    internal virtual KernelModule? Around(long[] before, long[] after, double value) => null;

    /// <summary>A module that computes the same, with a weight and kernels of its own.</summary>
    public object Clone()
    {
        var copy = Copy();
        copy.Memory.Join(Memory);
        return copy;
    }

    /// <inheritdoc/>
    public override string ToString() => Activation.IsNone ? GetName() : $"{GetName()}+{Activation.Name}";

    /// <summary>The type of a result's numbers.</summary>
    internal virtual ScalarType ResultType(ScalarType input) => input;

    private protected abstract KernelModule Copy();

    /// <summary>Whether there may be a kernel for such numbers.</summary>
    private protected abstract bool Takes(ScalarType type);

    /// <summary>Finds the result's sizes; false for an input that the module's kernels don't take.</summary>
    /// <param name="input">The input's sizes.</param>
    /// <param name="result">As many sizes as the input has, to be written.</param>
    private protected abstract bool TryResult(ReadOnlySpan<long> input, Span<long> result);

    /// <summary>The strides with which kernels want an input and a residual, and give a result.</summary>
    private protected virtual void Order(ReadOnlySpan<long> sizes, Span<long> strides) => MemoryFormat.ChannelsLast(sizes, strides);

    /// <summary>The sizes of an input that a kernel is made for.</summary>
    private protected virtual KernelShape ShapeOf(ReadOnlySpan<long> input)
        => new(input[0], input[1], input.Length > 4 ? input[^3] : 1, input.Length > 3 ? input[^2] : 1, input[^1]);

    /// <summary>A kernel for inputs of a shape; null where TorchSharp's operations do as well.</summary>
    private protected abstract LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual);

    /// <summary>A kernel for one call, which should take less to make than to run.</summary>
    private protected virtual LayerKernel? MakePassing(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
        => MakeKernel(type, input, result, residual);

    /// <summary>The result without a residual, in TorchSharp's own operations; the activation is applied by the caller.</summary>
    private protected abstract Tensor Plain(Tensor input);

    /// <summary>The layout that a kernel wants for a tensor of these sizes.</summary>
    private protected DnnlHandle Descriptor(ScalarType type, ReadOnlySpan<long> sizes)
    {
        Span<long> strides = stackalloc long[sizes.Length];
        Order(sizes, strides);
        return Dnnl.Descriptor(type, sizes, strides);
    }

    private protected Tensor Compute(Tensor input, Tensor? other, Residual residual)
    {
        if (!HasKernel(input))
            return ComputePlain(input, other);
        var given = Shims.Sizes(input);
        Span<long> sizes = stackalloc long[given.Length], strides = stackalloc long[given.Length];
        if (!TryResult(given, sizes) || (other is not null && !Fits(other, input, sizes)))
            return ComputePlain(input, other);
        var key = new KernelKey(ShapeOf(given), input.dtype, get_num_threads(), residual);
        using var temporary = kernels.TryGetValue(key, out var kernel) ? null : Make(key, given, sizes, out kernel);
        if (kernel is null)
            return ComputePlain(input, other);
        Order(given, strides);
        using var ownedInput = MemoryFormat.Ordered(input, strides);
        Order(sizes, strides);
        using var ownedOther = other is null ? null : MemoryFormat.Ordered(other, strides);
        GC.KeepAlive(input);
        return kernel.Run(ownedInput ?? input, ownedOther ?? other, sizes, strides, this);
    }

    /// <summary>Frees the kernels, as what they were made of changes.</summary>
    private protected virtual void Forget()
    {
        foreach (var kernel in kernels.Values)
            kernel.Dispose();
        kernels.Clear();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
            Memory.Pool = null;
        }
        base.Dispose(disposing);
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
            if (kernels.Count >= MostKernels)
                return kernel = MakePassing(key.Type, input, result, key.Residual);
            kernel = MakeKernel(key.Type, input, result, key.Residual);
            if (kernel is null)
                return null;
            kernels[key] = kernel;
            return null;
        }
    }

    private protected virtual Tensor ComputePlain(Tensor input, Tensor? other)
    {
        var result = Plain(input);
        if (other is not null)
        {
            using var alone = result;
            result = alone + other;
        }
        Activation.Apply_(result);
        return result;
    }

    /// <summary>Whether a kernel may compute this: it knows no gradients, and only some kinds of numbers.</summary>
    private bool HasKernel(Tensor input)
        => input.device_type == DeviceType.CPU && Shims.Supports(input.dtype) && Takes(input.dtype)
            && !(is_grad_enabled() && input.requires_grad);

    /// <summary>Whether a residual can be added by the kernel: it isn't broadcast.</summary>
    private bool Fits(Tensor other, Tensor input, ReadOnlySpan<long> result)
        => other.dtype == ResultType(input.dtype) && other.device_type == DeviceType.CPU && Shims.Sizes(other).SequenceEqual(result);

    /// <summary>The sizes of an input that its kernel depends on.</summary>
    private protected readonly record struct KernelShape(long Batch, long Channels, long Depth, long Height, long Width);

    // oneDNN divides a kernel's work among the threads that there are when it is made.
    private readonly record struct KernelKey(KernelShape Shape, ScalarType Type, int Threads, Residual Residual);
}
