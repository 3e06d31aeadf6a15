using System.Buffers.Binary;
using System.Text.Json;

namespace TorchSharp.Fx.Files;

/// <summary>The header of a safetensors file: names, types, shapes and places of its tensors.</summary>
/// <remarks>
/// Every number is checked against the file before it is believed, by the rules of the format: the tensors fill the file
/// after the header without gaps or overlaps, and each takes as many bytes as its shape and type need.
/// </remarks>
internal sealed class SafetensorsHeader
{
    // The format's own limit.
    private const long MaxLength = 100_000_000;

    private readonly string path;
    private readonly Dictionary<string, string> metadata = [];
    private readonly List<SafetensorsEntry> entries = [];

    private SafetensorsHeader(string path) => this.path = path;

    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>The tensors, in the file's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => entries;

    public static SafetensorsHeader Read(FileStream file)
    {
        var header = new SafetensorsHeader(file.Name);
        if (file.Length < 8) throw header.Error($"has {file.Length} bytes, too few for a header");
        Span<byte> prefix = stackalloc byte[8];
        file.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength) throw header.Error($"gives its header {length} bytes, more than the {MaxLength} the format allows");
        if (length > (ulong)file.Length - 8)
            throw header.Error(
                $"gives its header {length} bytes and has only {file.Length - 8} more: it is truncated or of another format");

        var json = new byte[length];
        file.ReadExactly(json);
        header.Parse(json, dataBegin: 8 + (long)length);
        header.CheckPlaces(dataBegin: 8 + (long)length, file.Length);
        return header;
    }

    private void Parse(byte[] json, long dataBegin)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw Error("has a header that is no JSON object");
            foreach (var property in document.RootElement.EnumerateObject())
                if (property.Name == "__metadata__")
                    foreach (var item in property.Value.EnumerateObject())
                        metadata.Add(item.Name, item.Value.GetString() ?? throw Error($"has metadata '{item.Name}' that is no text"));
                else
                    entries.Add(Entry(property.Name, property.Value, dataBegin));
        }
        // What JsonElement throws where a value is missing or of another kind.
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Error($"has a header that is not safetensors' JSON ({e.Message.TrimEnd('.')})", e);
        }
    }

    private SafetensorsEntry Entry(string name, JsonElement value, long dataBegin)
    {
        var code = value.GetProperty("dtype").GetString();
        var dtype = SafetensorsTypes.All.FirstOrDefault(type => type.code == code)
            ?? throw Error($"has tensor '{name}' of type {code}, which TorchSharp does not have");
        var shape = value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (offsets is not [>= 0, _] || offsets[1] < offsets[0])
            throw Error($"has tensor '{name}' with data_offsets [{string.Join(", ", offsets)}]");

        var length = offsets[1] - offsets[0];
        if (shape.Any(size => size < 0) || Bytes(shape, dtype.size) != length)
            throw Error($"has tensor '{name}' of type {code} and shape [{string.Join(", ", shape)}] in {length} bytes, which don't fit "
                + "each other");
        return new SafetensorsEntry(name, dtype.dtype, shape, dataBegin + offsets[0], length);
    }

    private void CheckPlaces(long dataBegin, long fileLength)
    {
        entries.Sort((a, b) => (a.offset, a.length).CompareTo((b.offset, b.length)));
        var end = dataBegin;
        foreach (var entry in entries)
        {
            if (entry.length > fileLength - entry.offset) throw Error($"ends within tensor '{entry.name}': it is truncated");
            if (entry.offset != end)
                throw Error($"has tensor '{entry.name}' {(entry.offset < end ? "overlapping the one before it" : "after a gap")}");
            end = entry.offset + entry.length;
        }
        if (end != fileLength) throw Error($"has {fileLength - end} bytes after its last tensor");
    }

    // Null where the product does not fit: no file is that long.
    private static long? Bytes(long[] shape, long elementSize)
    {
        if (shape.Contains(0)) return 0;
        var bytes = (Int128)elementSize;
        foreach (var size in shape)
            if ((bytes *= size) > long.MaxValue) return null;
        return (long)bytes;
    }

    private InvalidDataException Error(string what, Exception? inner = null) => new($"{path} {what}.", inner);
}
