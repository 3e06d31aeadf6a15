using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A linear layer with its bias, a residual and an activation.</summary>
/// <param name="weight">out×in; owned.</param>
/// <param name="bias">out; copied.</param>
/// <param name="activation">What is done with the result.</param>
internal sealed class FusedLinear(LayerWeight weight, Tensor? bias, FusedActivation activation)
    : FusedModule("FusedLinear", weight, bias, activation)
{
    /// <summary>Below so many multiplications libtorch's plain kernel is done before its fused one begins.</summary>
    private const long FewestMultiplications = 300_000;

    internal override KernelModule? With(FusedActivation next, bool isResidual) => isResidual && !Dnnl.IsAvailable ? null : Copy(next);

    /// <inheritdoc/>
    private protected override KernelModule Copy() => Copy(Activation);

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
        => LinearRows.TryResult(Weight.Sizes[1], Weight.Sizes[0], input, result);

    /// <inheritdoc/>
    private protected override void Order(ReadOnlySpan<long> sizes, Span<long> strides) => MemoryFormat.Contiguous(sizes, strides);

    /// <inheritdoc/>
    private protected override KernelShape ShapeOf(ReadOnlySpan<long> input) => new(LinearRows.Count(input), input[^1], 1, 1, 1);

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
    {
        var rows = LinearRows.Count(input);
        if (RowKernel.Takes(type, rows))
            return new RowKernel(Weight, Bias, Activation, residual);
        if (!Dnnl.IsAvailable)
            return MakeShim(rows, residual);
        using var weights = Weight.AnyLayout();
        using var bias = Bias is null ? null : Dnnl.Constants(Bias);
        var (source, output) = (Descriptor(type, [rows, input[^1]]), Descriptor(type, [rows, result[^1]]));
        return new PrimitiveKernel(source, output, residual, Activation,
            attributes => Dnnl.Linear(source, weights, bias, output, attributes), Weight, (Dnnl.Bias, Bias));
    }

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input, Tensor weight) => nn.functional.linear(input, weight, Bias);

    private FusedLinear Copy(FusedActivation activation) => new(Weight.Share(), Bias, activation);

    private ShimKernel? MakeShim(long rows, Residual residual)
    {
        if (rows == 1 || rows * Weight.Sizes[0] * Weight.Sizes[1] < FewestMultiplications)
            return null;
        using var dense = Weight.Dense();
        return new(Shims.Pack(dense, rows), (given, other, packed) => residual == Residual.None
            ? Shims.Linear(given, packed, Bias, Activation)
            : Shims.LinearAdd(other!, given, packed, Bias));
    }
}
