using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace TorchSharp.Fx.Files;

/// <summary>
/// Writes a zip file as PyTorch does: nothing is compressed, and each entry's content begins at a multiple of 64 bytes, so that it can be
/// mapped into memory. APPNOTE.TXT 4.3 has the layout; sizes and places are always in the 64-bit fields, which every reader of PyTorch's
/// larger files knows.
/// </summary>
/// <param name="stream">Where to write, from its position 0 on.</param>
internal sealed class StoredZip(Stream stream)
{
    private const int Alignment = 64;
    private const int LocalHeader = 30;
    private const int Sizes64 = 20;
    private const int PaddingHeader = 4;
    private const ushort Version = 45;
    private const ushort Utf8 = 0x800;
    private const ushort Padding = 0x4246;
    // 1980-01-01, the first day there is: the same content gives the same file.
    private const ushort Date = 0x21;

    private readonly List<(byte[] Name, long Position, long Length, uint Crc)> entries = [];

    /// <summary>Writes an entry.</summary>
    internal void Add(string name, ReadOnlySpan<byte> content)
    {
        var entry = (Name: Encoding.UTF8.GetBytes(name), Position: stream.Position, Length: (long)content.Length,
            Crc: Crc32.HashToUInt32(content));
        var start = entry.Position + LocalHeader + entry.Name.Length + Sizes64 + PaddingHeader;
        var padding = (int)((Alignment - (start % Alignment)) % Alignment);
        Write(0x04034b50);
        Write(Version, Utf8, 0, 0, Date);
        Write(entry.Crc, uint.MaxValue, uint.MaxValue);
        Write((ushort)entry.Name.Length, (ushort)(Sizes64 + PaddingHeader + padding));
        stream.Write(entry.Name);
        Write((ushort)1, Sizes64 - 4);
        Write((ulong)entry.Length, (ulong)entry.Length);
        Write(Padding, (ushort)padding);
        stream.Write(new byte[padding]);
        stream.Write(content);
        entries.Add(entry);
    }

    /// <summary>Writes the directory, which ends the file.</summary>
    internal void Finish()
    {
        var start = stream.Position;
        foreach (var (name, position, length, crc) in entries)
        {
            Write(0x02014b50);
            Write(Version, Version, Utf8, 0, 0, Date);
            Write(crc, uint.MaxValue, uint.MaxValue);
            Write((ushort)name.Length, 4 + 3 * 8, 0, 0, 0);
            Write(0u, uint.MaxValue);
            stream.Write(name);
            Write((ushort)1, 3 * 8);
            Write((ulong)length, (ulong)length, (ulong)position);
        }
        var end = stream.Position;
        Write(0x06064b50);
        Write(44ul);
        Write(Version, Version);
        Write(0u, 0u);
        Write((ulong)entries.Count, (ulong)entries.Count, (ulong)(end - start), (ulong)start);
        Write(0x07064b50u, 0u);
        Write((ulong)end);
        Write(1u);
        Write(0x06054b50);
        Write((ushort)0, 0, ushort.MaxValue, ushort.MaxValue);
        Write(uint.MaxValue, uint.MaxValue);
        Write((ushort)0);
    }

    private void Write(params ReadOnlySpan<ushort> numbers)
    {
        Span<byte> bytes = stackalloc byte[2];
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, number);
            stream.Write(bytes);
        }
    }

    private void Write(params ReadOnlySpan<uint> numbers)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
            stream.Write(bytes);
        }
    }

    private void Write(params ReadOnlySpan<ulong> numbers)
    {
        Span<byte> bytes = stackalloc byte[8];
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
            stream.Write(bytes);
        }
    }
}
