using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A layer as one of the functions that libtorch exports for its compiled models.</summary>
/// <param name="packed">The weight as the function wants it; owned.</param>
/// <param name="run">Calls the function with an input, what is added, and the weight.</param>
internal sealed class ShimKernel(Tensor packed, Func<Tensor, Tensor?, Tensor, Tensor> run) : LayerKernel
{
    // Kernels outlive the scope of the call that made them.
    private readonly Tensor weight = packed.DetachFromDisposeScope();

    /// <inheritdoc/>
    internal override Tensor Run(Tensor input, Tensor? other, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, KernelModule module)
        => run(input, other, weight);

    /// <inheritdoc/>
    public override void Dispose() => weight.Dispose();
}
