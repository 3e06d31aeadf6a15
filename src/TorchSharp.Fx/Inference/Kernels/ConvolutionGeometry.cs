using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// How the windows of a convolution or of pooling move over an input; each array has a value for each of its dimensions, as height and
/// width.
/// </summary>
internal sealed record ConvolutionGeometry(long[] Kernel, long[] Stride, long[] Padding, long[] Dilation, long Groups)
{
    /// <summary>The padding behind the input, where it differs from the one before it.</summary>
    internal long[] PaddingAfter { get; init; } = Padding;

    /// <summary>Whether as much is added behind the input as before it, which TorchSharp's own operations do.</summary>
    internal bool IsEven => Padding.AsSpan().SequenceEqual(PaddingAfter);

    /// <summary>The same with more around the input; null where a window could then lie in that alone.</summary>
    /// <param name="before">How much before it, along the last of the windows' dimensions.</param>
    /// <param name="after">How much behind it.</param>
    internal ConvolutionGeometry? Widened(long[] before, long[] after)
    {
        if (before.Length > Padding.Length)
            return null;
        long[] others = [.. Padding[before.Length..].Select(_ => 0L)];
        (before, after) = ([.. others, .. before], [.. others, .. after]);
        var wider = this with { Padding = Sum(Padding, before), PaddingAfter = Sum(PaddingAfter, after) };
        return Enumerable.Range(0, before.Length).All(i => Math.Max(wider.Padding[i], wider.PaddingAfter[i]) < Reach(i)) ? wider : null;

        static long[] Sum(long[] own, long[] more) => [.. own.Zip(more, (one, other) => one + other)];
    }

    /// <summary>The input with what is around it, and the windows over that.</summary>
    internal (Tensor Input, ConvolutionGeometry Windows) WrittenOut(Tensor input, double value)
    {
        long[] none = [.. Padding.Select(_ => 0L)];
        // The last dimension comes first.
        long[] around = [.. Padding.Zip(PaddingAfter).Reverse().SelectMany(pair => new[] { pair.First, pair.Second })];
        return (nn.functional.pad(input, around, PaddingModes.Constant, value), this with { Padding = none, PaddingAfter = none });
    }

    /// <summary>How far a window reaches along one dimension.</summary>
    internal long Reach(int dimension) => Dilation[dimension] * (Kernel[dimension] - 1) + 1;

    /// <summary>The size of the result along one dimension of an input of a size; 0 where no window fits.</summary>
    internal long Output(int dimension, long input)
        => Whole(dimension, input) < Reach(dimension) ? 0 : (Whole(dimension, input) - Reach(dimension)) / Stride[dimension] + 1;

    /// <summary>The size of an input along one dimension with what is around it.</summary>
    internal long Whole(int dimension, long input) => input + Padding[dimension] + PaddingAfter[dimension];

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
    internal Tensor Convolve(Tensor input, Tensor weight, Tensor? bias)
    {
        if (!IsEven)
        {
            var (whole, windows) = WrittenOut(input, 0);
            using var _ = whole;
            return windows.Convolve(whole, weight, bias);
        }
        return weight.dim() switch
        {
            3 => nn.functional.conv1d(input, weight, bias, Stride[0], Padding[0], Dilation[0], Groups),
            4 => nn.functional.conv2d(input, weight, bias, Stride, Padding, Dilation, Groups),
            _ => nn.functional.conv3d(input, weight, bias, Stride, Padding, Dilation, Groups),
        };
    }
}
