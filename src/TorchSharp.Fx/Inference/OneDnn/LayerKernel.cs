using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The primitive that computes a layer for inputs of one shape.</summary>
internal abstract class LayerKernel : IDisposable
{
    /// <summary>The layer's result.</summary>
    /// <param name="input">A tensor of the shape that the kernel was made for.</param>
    /// <param name="other">What is added to the sum before the activation; it has the result's shape and layout.</param>
    /// <param name="sizes">The result's sizes.</param>
    /// <param name="strides">The result's strides.</param>
    /// <param name="module">Whose kernel it is.</param>
    internal abstract Tensor Run(Tensor input, Tensor? other, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, KernelModule module);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A kernel that writes its result where it is told to: into new memory, or over what is added.</summary>
/// <param name="residual">What the sum is added to.</param>
internal abstract class WritingKernel(Residual residual) : LayerKernel
{
    /// <summary>What the sum is added to.</summary>
    private protected Residual Residual { get; } = residual;

    /// <inheritdoc/>
    internal sealed override Tensor Run(Tensor input, Tensor? other, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides,
        KernelModule module)
    {
        var result = Residual == Residual.Overwritten && other is not null
            ? Shims.Share(other) : module.Memory.Empty(module.ResultType(input.dtype), sizes, strides);
        try
        {
            Write(input, other, result);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
        finally
        {
            GC.KeepAlive(input);
            GC.KeepAlive(other);
            GC.KeepAlive(this);
        }
    }

    /// <summary>Computes the layer.</summary>
    /// <param name="input">A tensor of the shape that the kernel was made for.</param>
    /// <param name="other">What is added to the sum before the activation.</param>
    /// <param name="result">Where the result goes; it may have the memory of what is added.</param>
    private protected abstract void Write(Tensor input, Tensor? other, Tensor result);
}

/// <summary>The value that a layer's sum is added to, if any.</summary>
internal enum Residual
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>Another tensor, which stays as it is.</summary>
    Added,

    /// <summary>Another tensor, whose memory the result may take.</summary>
    Overwritten,
}
