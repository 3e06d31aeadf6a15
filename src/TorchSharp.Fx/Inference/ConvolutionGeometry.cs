namespace TorchSharp.Fx;

/// <summary>How the windows of a convolution or of pooling move over an input; each array has a value for each of its dimensions, as height and width.</summary>
internal sealed record ConvolutionGeometry(long[] Kernel, long[] Stride, long[] Padding, long[] Dilation, long Groups)
{
    /// <summary>How far a window reaches along one dimension.</summary>
    internal long Reach(int dimension) => Dilation[dimension] * (Kernel[dimension] - 1) + 1;

    /// <summary>The size of the result along one dimension of an input of a size; 0 where no window fits.</summary>
    internal long Output(int dimension, long input)
        => input + 2 * Padding[dimension] < Reach(dimension) ? 0 : (input + 2 * Padding[dimension] - Reach(dimension)) / Stride[dimension] + 1;
}
