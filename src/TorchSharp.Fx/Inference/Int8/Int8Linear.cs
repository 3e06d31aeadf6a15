using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A linear layer of whole numbers.</summary>
/// <param name="content">Its weight, in×out, its bias, 1×out, and what the numbers stand for.</param>
internal sealed class Int8Linear(Int8Content content) : Int8Layer("Int8Linear", content, groups: 1, axis: 1)
{
    /// <inheritdoc/>
    private protected override Int8Layer Of(Int8Content content) => new Int8Linear(content);

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
        => LinearRows.TryResult(WeightSizes[0], WeightSizes[1], input, result);

    /// <inheritdoc/>
    private protected override void Order(ReadOnlySpan<long> sizes, Span<long> strides) => MemoryFormat.Contiguous(sizes, strides);

    /// <inheritdoc/>
    private protected override KernelShape ShapeOf(ReadOnlySpan<long> input) => new(LinearRows.Count(input), input[^1], 1, 1, 1);

    /// <inheritdoc/>
    private protected override DnnlHandle Look(ScalarType type, ReadOnlySpan<long> sizes)
        => Descriptor(type, [LinearRows.Count(sizes), sizes[^1]]);

    /// <inheritdoc/>
    private protected override DnnlHandle? Describe(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result,
        DnnlHandle attributes)
        => Dnnl.Product(source, weights, result, attributes, bias);

    /// <inheritdoc/>
    private protected override Tensor Apply(Tensor input, Tensor weight, Tensor? bias)
        => nn.functional.linear(input, weight.t(), bias?.squeeze(0));
}
