namespace TorchSharp.Fx;

/// <summary>How a two-dimensional convolution moves over its input; each array has a value for the height and one for the width.</summary>
internal sealed record ConvolutionGeometry(long[] Kernel, long[] Stride, long[] Padding, long[] Dilation, long Groups)
{
    /// <summary>The size of the result along one dimension (0: height, 1: width) of an input of a size.</summary>
    internal long Output(int dimension, long input)
        => (input + 2 * Padding[dimension] - Dilation[dimension] * (Kernel[dimension] - 1) - 1) / Stride[dimension] + 1;
}
