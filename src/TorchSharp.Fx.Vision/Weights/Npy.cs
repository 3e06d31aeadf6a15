using System.Buffers.Binary;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Writes NumPy's .npy files, version 1.0.</summary>
public static class Npy
{
    private static readonly Dictionary<ScalarType, string> descriptions = new()
    {
        [ScalarType.Float16] = "<f2",
        [ScalarType.Float32] = "<f4",
        [ScalarType.Float64] = "<f8",
        [ScalarType.Int8] = "|i1",
        [ScalarType.Byte] = "|u1",
        [ScalarType.Int16] = "<i2",
        [ScalarType.Int32] = "<i4",
        [ScalarType.Int64] = "<i8",
        [ScalarType.Bool] = "|b1",
    };

    /// <summary>Writes one tensor; the file is replaced only when all is written. <c>numpy.save</c></summary>
    /// <remarks>NumPy has no bfloat16: such a tensor is written as float32, which holds its values exactly.</remarks>
    /// <exception cref="ArgumentException">The tensor is complex or quantised.</exception>
    public static void save(string path, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        if (tensor.dtype == ScalarType.BFloat16) tensor = tensor.to(ScalarType.Float32);
        if (!descriptions.TryGetValue(tensor.dtype, out var description)) throw new ArgumentException($"A tensor of the type {tensor.dtype} can't be written as .npy; convert it first.", nameof(tensor));
        var header = Header(description, tensor.shape);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            TensorBytes.Write(tensor, stream);
        });
    }

    private static byte[] Header(string description, long[] shape)
    {
        // Python's way to write a tuple of one has a comma.
        var tuple = shape.Length == 1 ? $"({shape[0]},)" : $"({string.Join(", ", shape)})";
        var dictionary = $"{{'descr': '{description}', 'fortran_order': False, 'shape': {tuple}, }}";
        // Magic, version and length take ten bytes; spaces and a line end align the data to 64.
        var padded = dictionary.PadRight((10 + dictionary.Length + 1 + 63) / 64 * 64 - 11) + '\n';
        var header = new byte[10 + padded.Length];
        header[0] = 0x93;
        "NUMPY\u0001\0"u8.CopyTo(header.AsSpan(1));
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)padded.Length);
        Encoding.ASCII.GetBytes(padded).CopyTo(header, 10);
        return header;
    }
}
