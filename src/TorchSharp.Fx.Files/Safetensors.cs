using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Reads and writes safetensors files. <c>safetensors.torch</c></summary>
/// <remarks>
/// A damaged file throws an <see cref="InvalidDataException"/> that names the file and the tensor, before memory is allocated for it.
/// </remarks>
public static class Safetensors
{
    private static readonly JsonWriterOptions json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads every tensor. <c>safetensors.torch.load_file</c></summary>
    /// <param name="filename">The file.</param>
    /// <param name="device">The device of the tensors; the CPU when null.</param>
    /// <exception cref="InvalidDataException">The file violates the format.</exception>
    public static Dictionary<string, Tensor> load_file(string filename, Device? device = null)
    {
        using var file = File.OpenRead(filename);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in SafetensorsHeader.Read(file).Entries)
        {
            var tensor = Read(file, entry);
            tensors.Add(entry.name, device is null ? tensor : tensor.to(device, disposeAfter: true));
        }
        return tensors;
    }

    /// <summary>Reads one tensor of a file whose header was read.</summary>
    internal static Tensor Read(FileStream file, SafetensorsEntry entry)
    {
        var tensor = torch.empty([.. entry.shape], dtype: entry.dtype, device: CPU);
        file.Position = entry.offset;
        if (entry.length > 0)
        {
            LargePages.AdviseFor(tensor.bytes);
            file.ReadExactly(tensor.bytes);
        }
        return tensor;
    }

    /// <summary>The entries of a file, in its order, without reading the tensors.</summary>
    /// <exception cref="InvalidDataException">The file violates the format.</exception>
    public static IReadOnlyList<SafetensorsEntry> list(string filename)
    {
        using var file = File.OpenRead(filename);
        return SafetensorsHeader.Read(file).Entries;
    }

    /// <summary>The metadata stored in the file: strings by key. <c>safe_open(filename).metadata()</c></summary>
    /// <exception cref="InvalidDataException">The file violates the format.</exception>
    public static IReadOnlyDictionary<string, string> metadata(string filename)
    {
        using var file = File.OpenRead(filename);
        return SafetensorsHeader.Read(file).Metadata;
    }

    /// <summary>
    /// Writes tensors, byte for byte like the original writer. An existing file is replaced only when the new one is complete.
    /// <c>safetensors.torch.save_file</c>
    /// </summary>
    /// <exception cref="ArgumentException">A tensor has a dtype that the format doesn't have.</exception>
    public static void save_file(IReadOnlyDictionary<string, Tensor> tensors, string filename,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var (name, tensor) in tensors)
            if (Rank(tensor) < 0)
                throw new ArgumentException(
                    $"Tensor '{name}' has the type {tensor.dtype}, which safetensors files can't hold; convert it first.", nameof(tensors));

        var ordered = tensors.OrderBy(item => Rank(item.Value)).ThenBy(item => item.Key, StringComparer.Ordinal).ToArray();
        var header = Header(ordered, metadata);
        AtomicFile.Write(filename, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var (_, tensor) in ordered) TensorBytes.Write(tensor, stream);
        });
    }

    private static int Rank(Tensor tensor) => Array.FindIndex(SafetensorsTypes.All, type => type.dtype == tensor.dtype);

    private static byte[] Header(KeyValuePair<string, Tensor>[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, json))
        {
            writer.WriteStartObject();
            if (metadata is not null) WriteMetadata(writer, metadata);
            var offset = 0L;
            foreach (var (name, tensor) in tensors)
            {
                var type = SafetensorsTypes.All[Rank(tensor)];
                WriteEntry(writer, name, type.code, tensor.shape, offset, offset += tensor.numel() * type.size);
            }
            writer.WriteEndObject();
        }
        // Spaces align the data to eight bytes.
        buffer.Write(Encoding.ASCII.GetBytes(new string(' ', (int)(-buffer.Length & 7))));
        return buffer.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> metadata)
    {
        writer.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata) writer.WriteString(key, value);
        writer.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter writer, string name, string dtype, long[] shape, long begin, long end)
    {
        writer.WriteStartObject(name);
        writer.WriteString("dtype", dtype);
        WriteNumbers(writer, "shape", shape);
        WriteNumbers(writer, "data_offsets", [begin, end]);
        writer.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, long[] numbers)
    {
        writer.WriteStartArray(name);
        foreach (var number in numbers) writer.WriteNumberValue(number);
        writer.WriteEndArray();
    }
}
