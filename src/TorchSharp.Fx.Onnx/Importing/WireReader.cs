namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>Walks the fields of a protobuf message in a file without reading their content: tensors of gigabytes stay where they
/// are.</summary>
internal sealed class WireReader(FileStream file)
{
    private const int Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;

    /// <summary>A field of a message: its number, where it begins with its tag, and where its content is.</summary>
    internal readonly record struct Field(int Number, bool IsDelimited, long Start, long Content, long End);

    /// <summary>The fields between two places, in order. Every length is checked against the end before it is believed.</summary>
    internal IEnumerable<Field> Fields(long begin, long end)
    {
        while (begin < end)
        {
            file.Position = begin;
            var tag = ReadVarint(end);
            var (number, type) = (tag >> 3, (int)(tag & 7));
            if (number is 0 or > int.MaxValue)
                throw Damaged();
            var content = file.Position;
            var length = type switch
            {
                Varint => Skipped(end) - content,
                Fixed64 => 8,
                Fixed32 => 4,
                Delimited => (long)Math.Min(ReadVarint(end), long.MaxValue),
                _ => throw Damaged(),
            };
            if (type == Delimited)
                content = file.Position;
            if (length > end - content)
                throw new InvalidDataException(
                    $"a field at byte {begin} says that it has {length} bytes, and {Math.Max(0, end - content)} are left: the file is "
                        + "truncated or of another format");
            yield return new((int)number, type == Delimited, begin, content, content + length);
            begin = content + length;
        }
    }

    /// <summary>Copies a part of the file; it was checked to lie within.</summary>
    internal void CopyTo(Stream target, long begin, long end)
    {
        var part = new byte[end - begin];
        file.Position = begin;
        file.ReadExactly(part);
        target.Write(part);
    }

    private long Skipped(long end)
    {
        ReadVarint(end);
        return file.Position;
    }

    private ulong ReadVarint(long end)
    {
        var value = 0UL;
        for (var shift = 0; shift < 70 && file.Position < end; shift += 7)
        {
            var next = file.ReadByte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw Damaged();
    }

    private static InvalidDataException Damaged() => new("it is no ONNX model: a field of it can't be read");
}
