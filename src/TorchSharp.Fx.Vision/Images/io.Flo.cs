using System.Buffers.Binary;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class io
{
    /// <summary>Writes a flow in Middlebury's format, whole or not at all.</summary>
    /// <param name="flow">float32 [2, H, W]: pixels to the right and down.</param>
    /// <param name="filename">The file; an existing one is replaced.</param>
    /// <exception cref="ArgumentException">The flow has another shape or type.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static void write_flo(Tensor flow, string filename)
    {
        ArgumentNullException.ThrowIfNull(flow);
        ArgumentException.ThrowIfNullOrEmpty(filename);
        if (flow.dtype != ScalarType.Float32 || flow.shape is not [2, var height, var width])
            throw new ArgumentException($"A flow to write is float32 [2, H, W], not {flow.dtype} [{string.Join(", ", flow.shape)}].",
                nameof(flow));
        using var scope = NewDisposeScope();
        var values = flow.detach().cpu().permute(1, 2, 0).contiguous().data<float>().ToArray();
        var bytes = new byte[12 + 4 * values.Length];
        "PIEH"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), (int)width);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), (int)height);
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(12 + 4 * i), values[i]);
        AtomicFile.Write(filename, stream => stream.Write(bytes));
    }
}
