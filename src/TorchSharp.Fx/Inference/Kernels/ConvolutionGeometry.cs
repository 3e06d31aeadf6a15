using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// How the windows of a convolution or of pooling move over an input; each array has a value for each of its dimensions, as height and
/// width.
/// </summary>
internal sealed record ConvolutionGeometry(long[] Kernel, long[] Stride, long[] Padding, long[] Dilation, long Groups)
{
    /// <summary>How far a window reaches along one dimension.</summary>
    internal long Reach(int dimension) => Dilation[dimension] * (Kernel[dimension] - 1) + 1;

    /// <summary>The size of the result along one dimension of an input of a size; 0 where no window fits.</summary>
    internal long Output(int dimension, long input)
        => input + 2 * Padding[dimension] < Reach(dimension)
            ? 0 : (input + 2 * Padding[dimension] - Reach(dimension)) / Stride[dimension] + 1;

    /// <summary>Finds the sizes of a convolution's result; false for an input that doesn't fit.</summary>
    /// <param name="weight">The weight's sizes.</param>
    /// <param name="input">The input's sizes.</param>
    /// <param name="result">As many sizes as the input has, to be written.</param>
    internal bool TryResult(ReadOnlySpan<long> weight, ReadOnlySpan<long> input, Span<long> result)
    {
        if (input.Length != weight.Length || input[1] != weight[1] * Groups)
            return false;
        (result[0], result[1]) = (input[0], weight[0]);
        for (var dimension = 2; dimension < input.Length; dimension++)
            result[dimension] = Output(dimension - 2, input[dimension]);
        return !result.ContainsAnyInRange(long.MinValue, 0);
    }

    /// <summary>The convolution in TorchSharp's own operation.</summary>
    internal Tensor Convolve(Tensor input, Tensor weight, Tensor? bias) => weight.dim() switch
    {
        3 => nn.functional.conv1d(input, weight, bias, Stride[0], Padding[0], Dilation[0], Groups),
        4 => nn.functional.conv2d(input, weight, bias, Stride, Padding, Dilation, Groups),
        _ => nn.functional.conv3d(input, weight, bias, Stride, Padding, Dilation, Groups),
    };
}
