using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A convolution over one, two or three dimensions with its bias, a residual and an activation. Results are laid out channels last.
/// </summary>
internal sealed class FusedConvolution : FusedModule
{
    /// <summary>
    /// Below so many multiplications libtorch's plain kernel is done before its fused one begins; it has none for groups.
    /// </summary>
    private const long FewestMultiplications = 300_000;

    private readonly ConvolutionGeometry geometry;

    /// <summary>Whether a batch norm is part of it, which takes an input without a batch for one with.</summary>
    private bool hasNorm;

    // Made when images have had many sizes.
    private PixelPieces? pieces;

    internal FusedConvolution(LayerWeight weight, Tensor? bias, ConvolutionGeometry geometry, FusedActivation activation)
        : base("FusedConvolution", weight, bias, activation)
        => this.geometry = geometry;

    internal override KernelModule? With(FusedActivation next, bool isResidual)
        => isResidual && !Dnnl.IsAvailable && next != FusedActivation.Relu ? null : Copy(next);

    /// <inheritdoc/>
    internal override KernelModule? Around(long[] before, long[] after, double value)
        => value == 0 && geometry.Widened(before, after) is { } wider
            ? new FusedConvolution(Weight.Share(), Bias, wider, Activation) { hasNorm = hasNorm } : null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => Copy(Activation);

    /// <summary>This convolution and a batch norm of its result, in evaluation mode, as one convolution.</summary>
    internal FusedConvolution Then(BatchNorm norm)
    {
        using var scope = NewDisposeScope();
        var overwrites = Weight.IsAlone;
        var folded = optimization.Folded(Weight.Dense(), Bias, norm, overwrites: overwrites);
        return new(Weight.Of(folded.Weight, isAlone: true), folded.Bias, geometry, Activation) { hasNorm = true };
    }

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
        => geometry.TryResult(Weight.Sizes, input, result);

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
    {
        if (geometry.Groups == 1 && geometry.Kernel.All(size => size == 1) && !input[2..].ContainsAnyExcept(1)
            && !result[2..].ContainsAnyExcept(1) && RowKernel.Takes(type, input[0]))
            return new RowKernel(Weight, Bias, Activation, residual);
        if (!Dnnl.IsAvailable)
            return MakeShim(input, result, residual);
        if (WinogradKernel.Make(input, result, geometry, Weight, Bias, Activation, residual) is { } winograd)
            return winograd;
        using var weights = Weight.AnyLayout();
        using var bias = Bias is null ? null : Dnnl.Constants(Bias);
        var (source, output) = (Descriptor(type, input), Descriptor(type, result));
        return new PrimitiveKernel(source, output, residual, Activation,
            attributes => Dnnl.Convolution(source, weights, bias, output, geometry, attributes), Weight, (Dnnl.Bias, Bias));
    }

    /// <inheritdoc/>
    private protected override LayerKernel? MakePassing(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
        => Dnnl.IsAvailable && PixelPieces.Takes(geometry) && result[2] * result[3] > 1
            ? (pieces ??= new(Weight, Bias, Activation, geometry)).For(type, result[0] * result[2] * result[3], residual)
            : MakeKernel(type, input, result, residual);

    /// <inheritdoc/>
    private protected override void Forget()
    {
        base.Forget();
        pieces?.Dispose();
        pieces = null;
    }

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input, Tensor weight) => hasNorm && input.dim() != weight.dim()
        ? throw new GraphAssertionException(
            $"a batch norm was folded into this convolution for inputs of {weight.dim()} dimensions, but this one has {input.dim()}")
        : geometry.Convolve(input, weight, Bias);

    private FusedConvolution Copy(FusedActivation activation) => new(Weight.Share(), Bias, geometry, activation) { hasNorm = hasNorm };

    private ShimKernel? MakeShim(ReadOnlySpan<long> input, ReadOnlySpan<long> result, Residual residual)
    {
        var multiplications = Weight.Sizes.Aggregate(1L, (product, size) => product * size) * result[0];
        foreach (var size in result[2..])
            multiplications *= size;
        if (input.Length != 4 || !geometry.IsEven || (geometry.Groups == 1 && multiplications < FewestMultiplications))
            return null;
        using var weight = Weight.Dense();
        return new(Shims.Pack(weight, geometry, input), (given, other, packed) => other is null
            ? Shims.Convolution(given, packed, Bias, geometry, Activation)
            : Shims.ConvolutionAdd(other, given, packed, Bias, geometry, Activation, residual == Residual.Overwritten));
    }
}
