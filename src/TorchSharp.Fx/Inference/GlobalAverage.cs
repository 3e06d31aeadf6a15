using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The average over all pixels: N×C×H×W to N×C×1×1.</summary>
internal sealed class GlobalAverage() : KernelModule("GlobalAverage", FusedActivation.None)
{
    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new GlobalAverage();

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => Dnnl.IsAvailable;

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
    {
        if (input.Length != 4 || input.Contains(0))
            return false;
        (result[0], result[1], result[2], result[3]) = (input[0], input[1], 1, 1);
        return true;
    }

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result, Residual residual)
    {
        var (source, output) = (Descriptor(type, input), Descriptor(type, result));
        var image = new ConvolutionGeometry([input[2], input[3]], [input[2], input[3]], [0, 0], [1, 1], 1);
        return new PrimitiveKernel(source, output, residual, Activation, attributes => Dnnl.Pooling(source, output, Dnnl.PoolingKind.Average, image, [0, 0], attributes), null);
    }

    /// <summary>A mean reads channels last in order.</summary>
    private protected override Tensor Plain(Tensor input) => input.mean([-2, -1], keepdim: true);
}
