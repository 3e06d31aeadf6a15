using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The memory format in which the channels of a pixel lie side by side. Counterpart: <c>torch.channels_last</c>.</summary>
internal static class ChannelsLast
{
    /// <summary>A tensor N×C×H×W with this memory format: itself, or a copy.</summary>
    /// <param name="tensor">Any tensor of four dimensions.</param>
    /// <param name="prepared">The same values with this memory format.</param>
    /// <returns>The copy, to be disposed by the caller; null for none.</returns>
    internal static Tensor? Of(Tensor tensor, out Tensor prepared)
    {
        if (Is(tensor))
        {
            prepared = tensor;
            return null;
        }
        using var last = tensor.permute(0, 2, 3, 1);
        using var copy = last.contiguous();
        return prepared = copy.permute(0, 3, 1, 2);
    }

    private static bool Is(Tensor tensor)
    {
        var (channels, width) = (tensor.size(1), tensor.size(3));
        return tensor.stride(1) == 1 && tensor.stride(3) == channels && tensor.stride(2) == channels * width && tensor.stride(0) == channels * width * tensor.size(2);
    }
}
