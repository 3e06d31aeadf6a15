using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The average over all pixels, in the steps that are given: N×C×H×W to N×C×1×1.</summary>
/// <param name="steps">What the steps stand for.</param>
/// <param name="pixels">The dimensions.</param>
internal sealed class Int8Average(Int8Steps steps, PixelDimensions pixels) : KernelModule("Int8Average", FusedActivation.None)
{
    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new Int8Average(steps, pixels);

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => type == steps.Type;

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result) => GlobalAverage.Result(input, result);

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
        => GlobalAverage.Kernel(Descriptor(type, input), Descriptor(type, result), input);

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input)
    {
        using var scope = NewDisposeScope();
        return steps.Of(pixels.Mean(steps.Numbers(input))).MoveToOuterDisposeScope();
    }
}
