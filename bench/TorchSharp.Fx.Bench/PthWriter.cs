using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>Writes float32 and int64 tensors as <c>torch.save(model.state_dict(), path)</c> does: a zip of a pickle and an entry for each tensor.</summary>
internal static class PthWriter
{
    internal static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        using (var pickle = zip.CreateEntry("archive/data.pkl", CompressionLevel.NoCompression).Open())
            pickle.Write(Pickle(tensors));
        foreach (var (index, (_, tensor)) in tensors.Index())
        {
            using var storage = zip.CreateEntry($"archive/data/{index}", CompressionLevel.NoCompression).Open();
            storage.Write(tensor.bytes);
        }
    }

    /// <summary>Protocol 2: a dictionary of calls of <c>_rebuild_tensor_v2</c>.</summary>
    private static byte[] Pickle(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer);
        writer.Write([0x80, 2, (byte)'}', (byte)'(']);
        foreach (var (index, (name, tensor)) in tensors.Index())
        {
            Text(writer, name);
            writer.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
            Text(writer, "storage");
            writer.Write(tensor.dtype == ScalarType.Float32 ? "ctorch\nFloatStorage\n"u8 : "ctorch\nLongStorage\n"u8);
            Text(writer, $"{index}");
            Text(writer, "cpu");
            Number(writer, tensor.numel());
            writer.Write("tQ"u8);
            Number(writer, 0);
            Tuple(writer, tensor.shape);
            Tuple(writer, tensor.stride());
            writer.Write([0x89]);
            writer.Write("ccollections\nOrderedDict\n)RtR"u8);
        }
        writer.Write("u."u8);
        return buffer.ToArray();
    }

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((byte)'X');
        writer.Write(Encoding.UTF8.GetByteCount(text));
        writer.Write(Encoding.UTF8.GetBytes(text));
    }

    private static void Number(BinaryWriter writer, long number)
    {
        writer.Write((byte)'J');
        writer.Write(checked((int)number));
    }

    private static void Tuple(BinaryWriter writer, long[] numbers)
    {
        writer.Write((byte)'(');
        foreach (var number in numbers)
            Number(writer, number);
        writer.Write((byte)'t');
    }
}
