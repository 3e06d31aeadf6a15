using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>A tensor's elements as bytes, row by row.</summary>
internal static class TensorBytes
{
    public static void Write(Tensor tensor, Stream stream)
    {
        if (tensor.numel() == 0) return;
        using var scope = NewDisposeScope();
        stream.Write(tensor.detach().cpu().contiguous().bytes);
    }
}
