using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A convolution of whole numbers over one, two or three dimensions.</summary>
/// <param name="content">Its weight and what the numbers stand for.</param>
/// <param name="geometry">How its windows lie.</param>
internal sealed class Int8Convolution(Int8Content content, ConvolutionGeometry geometry)
    : Int8Layer("Int8Convolution", content, geometry.Groups, axis: 0)
{
    /// <inheritdoc/>
    private protected override Int8Layer Of(Int8Content content) => new Int8Convolution(content, geometry);

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
        => geometry.TryResult(WeightSizes, input, result);

    /// <inheritdoc/>
    private protected override DnnlHandle? Describe(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result,
        DnnlHandle attributes)
        => Dnnl.Int8Convolution(source, weights, bias, result, geometry, attributes);

    /// <inheritdoc/>
    private protected override Tensor Apply(Tensor input, Tensor weight, Tensor? bias) => geometry.Convolve(input, weight, bias);
}
