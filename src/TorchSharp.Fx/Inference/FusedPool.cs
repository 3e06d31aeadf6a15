using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A maximum or an average over windows of two dimensions.</summary>
/// <param name="kind">What is computed of a window.</param>
/// <param name="windows">How the windows lie.</param>
/// <param name="isCovered">Whether windows go on until all of the input is in one (<c>ceil_mode</c>).</param>
internal sealed class FusedPool(Dnnl.PoolingKind kind, ConvolutionGeometry windows, bool isCovered)
    : KernelModule("FusedPool", FusedActivation.None)
{
    /// <summary>The same pooling; null for a module that is none or that has settings which the kernels lack.</summary>
    internal static FusedPool? Of(nn.Module module) => module switch
    {
        MaxPool2d pool =>
            new(Dnnl.PoolingKind.Maximum, Windows(pool.kernel_size, pool.stride, pool.padding, pool.dilation), pool.ceil_mode),
        AvgPool2d { ceil_mode: false, divisor_override: null } pool
            => new(pool.count_include_pad ? Dnnl.PoolingKind.AverageWithPadding : Dnnl.PoolingKind.Average,
                Windows(pool.kernel_size, pool.stride, pool.padding, null), false),
        _ => null,
    };

    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual) => null;

    /// <inheritdoc/>
    internal override KernelModule? Around(long[] before, long[] after, double value)
        => kind == Dnnl.PoolingKind.Maximum && double.IsNegativeInfinity(value) && !isCovered && windows.Widened(before, after) is { } wider
            ? new FusedPool(kind, wider, isCovered) : null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => new FusedPool(kind, windows, isCovered);

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => Dnnl.IsAvailable;

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
    {
        if (input.Length != 4)
            return false;
        input[..2].CopyTo(result);
        for (var dimension = 0; dimension < 2; dimension++)
            result[dimension + 2] = Output(dimension, input[dimension + 2]);
        return !result.ContainsAnyInRange(long.MinValue, 0);
    }

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
    {
        var (source, output) = (Descriptor(type, input), Descriptor(type, result));
        var after = new long[2];
        for (var dimension = 0; dimension < 2; dimension++)
            after[dimension] = (result[dimension + 2] - 1) * windows.Stride[dimension]
                + windows.Reach(dimension) - input[dimension + 2] - windows.Padding[dimension];
        return new PrimitiveKernel(source, output, residual, Activation,
            attributes => Dnnl.Pooling(source, output, kind, windows, after, attributes), null);
    }

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input)
    {
        if (!windows.IsEven)
        {
            var (whole, inner) = windows.WrittenOut(input, double.NegativeInfinity);
            using var _ = whole;
            return nn.functional.max_pool2d(whole, inner.Kernel, inner.Stride, inner.Padding, inner.Dilation, isCovered);
        }
        return kind == Dnnl.PoolingKind.Maximum
            ? nn.functional.max_pool2d(input, windows.Kernel, windows.Stride, windows.Padding, windows.Dilation, isCovered)
            : nn.functional.avg_pool2d(input, windows.Kernel, windows.Stride, windows.Padding, isCovered,
                kind == Dnnl.PoolingKind.AverageWithPadding);
    }

    private long Output(int dimension, long input)
    {
        var whole = windows.Output(dimension, input);
        // A last window that begins inside the input, or in the padding before it, may end outside.
        return isCovered && (whole - 1) * windows.Stride[dimension] + windows.Reach(dimension) < windows.Whole(dimension, input)
            && whole * windows.Stride[dimension] < input + windows.Padding[dimension]
            ? whole + 1
            : whole;
    }

    private static ConvolutionGeometry Windows(long[] size, long[]? stride, long[]? padding, long[]? dilation)
        => new(Two(size, 1), Two(stride is { Length: > 0 } ? stride : size, 1), Two(padding, 0), Two(dilation, 1), 1);

    private static long[] Two(long[]? values, long otherwise) => values switch
    {
        null or [] => [otherwise, otherwise],
        [var both] => [both, both],
        _ => values,
    };
}
