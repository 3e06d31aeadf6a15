using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The average over all pixels, in the steps that are given: N×C×H×W to N×C×1×1.</summary>
/// <param name="steps">What the steps stand for.</param>
internal sealed class Int8Average(Int8Steps steps) : KernelModule("Int8Average", FusedActivation.None)
{
    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new Int8Average(steps);

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
        return steps.Of(steps.Numbers(input).mean([-2, -1], keepdim: true)).MoveToOuterDisposeScope();
    }
}
