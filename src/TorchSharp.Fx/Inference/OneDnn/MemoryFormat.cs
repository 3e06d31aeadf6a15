using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The orders in which the elements of a tensor may lie in memory. Counterpart: <c>torch.memory_format</c>.</summary>
internal static class MemoryFormat
{
    /// <summary>The last dimension's elements side by side.</summary>
    internal static void Contiguous(ReadOnlySpan<long> sizes, Span<long> strides)
    {
        var step = 1L;
        for (var dimension = sizes.Length - 1; dimension >= 0; dimension--)
        {
            strides[dimension] = step;
            step *= sizes[dimension];
        }
    }

    /// <summary>The channels of a pixel side by side: N×C×… with the strides of N×…×C. Counterpart: <c>torch.channels_last</c>.</summary>
    internal static void ChannelsLast(ReadOnlySpan<long> sizes, Span<long> strides)
    {
        var step = sizes[1];
        for (var dimension = sizes.Length - 1; dimension > 1; dimension--)
        {
            strides[dimension] = step;
            step *= sizes[dimension];
        }
        (strides[0], strides[1]) = (step, 1);
    }

    /// <summary>A copy with the given strides, to be disposed by the caller; null for a tensor that has them.</summary>
    internal static Tensor? Ordered(Tensor tensor, ReadOnlySpan<long> strides)
    {
        var sizes = Shims.Sizes(tensor);
        if (Has(sizes, Shims.Strides(tensor), strides))
            return null;
        var copy = Shims.Empty(tensor.dtype, sizes, strides);
        copy.copy_(tensor);
        GC.KeepAlive(tensor);
        return copy;
    }

    /// <summary>
    /// Whether each element has memory of its own, without gaps between: so a new tensor lies in memory, in whatever order.
    /// </summary>
    internal static bool IsDense(Tensor tensor)
    {
        var (span, numel) = (1L, 1L);
        for (var dimension = 0; dimension < tensor.dim(); dimension++)
        {
            var (size, stride) = (tensor.size(dimension), tensor.stride(dimension));
            if (size > 1 && stride == 0)
                return false;
            (span, numel) = (span + (size - 1) * stride, numel * size);
        }
        return span == numel || numel == 0;
    }

    /// <summary>Whether strides are as wanted; that of a dimension of one element says nothing.</summary>
    private static bool Has(ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, ReadOnlySpan<long> wanted)
    {
        for (var dimension = 0; dimension < sizes.Length; dimension++)
            if (sizes[dimension] != 1 && strides[dimension] != wanted[dimension])
                return false;
        return true;
    }
}
