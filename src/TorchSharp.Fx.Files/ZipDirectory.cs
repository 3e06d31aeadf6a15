using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TorchSharp.Fx.Files;

/// <summary>Where the entries of a zip file stand, so that they can be read in place.</summary>
/// <remarks>
/// <c>ZipArchive</c> does not tell. APPNOTE.TXT 4.3 has the layout. PyTorch stores its entries without compression, so an entry
/// can't be larger than the file that claims it.
/// </remarks>
internal sealed class ZipDirectory
{
    private const int MaxEntries = 1_000_000;
    private const uint InZip64 = uint.MaxValue;

    private readonly SafeFileHandle file;
    private readonly long start;
    private readonly long fileLength;
    private readonly Dictionary<string, Entry> entries = [];

    private sealed record Entry(long header, long length, ushort compression, ushort flags);

    public ZipDirectory(SafeFileHandle file) : this(file, 0, RandomAccess.GetLength(file)) { }

    /// <summary>A zip file that lies within another file.</summary>
    public ZipDirectory(SafeFileHandle file, long start, long fileLength)
    {
        (this.file, this.start, this.fileLength) = (file, start, fileLength);
        var (position, length, count) = Directory();
        if (count > MaxEntries) throw new InvalidDataException($"claims {count} zip entries, more than the {MaxEntries} allowed");
        var directory = Read(position, length);
        for (var i = 0UL; i < count; i++) directory = AddEntry(directory);
    }

    public IEnumerable<string> Names => entries.Keys;

    public bool Contains(string name) => entries.ContainsKey(name);

    /// <summary>Where an entry's bytes begin, and how many there are.</summary>
    public (long position, long length) Find(string name)
    {
        if (!entries.TryGetValue(name, out var entry)) throw new InvalidDataException($"has no zip entry '{name}'");
        if (entry.compression != 0 || (entry.flags & 1) != 0)
            throw new InvalidDataException(
                $"has the zip entry '{name}' compressed or encrypted, which PyTorch never writes; save it again");
        var header = Read(entry.header, 30);
        if (U32(header, 0) != 0x04034b50) throw Damaged();
        var position = entry.header + 30 + U16(header, 26) + U16(header, 28);
        if (position > fileLength || entry.length > fileLength - position)
            throw new InvalidDataException($"ends within its zip entry '{name}': it is truncated");
        return (start + position, entry.length);
    }

    // The record at the end of the file, or the one of zip64 that stands before it.
    private (long position, long length, ulong count) Directory()
    {
        var tailLength = Math.Min(fileLength, 22 + ushort.MaxValue);
        var tail = Read(fileLength - tailLength, tailLength);
        var end = tail.LastIndexOf("PK\u0005\u0006"u8);
        if (end < 0 || end + 22 > tail.Length) throw new InvalidDataException("is a zip file without its directory: it is truncated");
        if (end >= 20 && U32(tail, end - 20) == 0x07064b50)
        {
            var record = Read(Long(U64(tail, end - 12)), 56);
            if (U32(record, 0) != 0x06064b50) throw Damaged();
            return (Long(U64(record, 48)), Long(U64(record, 40)), U64(record, 32));
        }
        return (U32(tail, end + 16), U32(tail, end + 12), U16(tail, end + 10));
    }

    private ReadOnlySpan<byte> AddEntry(ReadOnlySpan<byte> directory)
    {
        if (directory.Length < 46 || U32(directory, 0) != 0x02014b50) throw Damaged();
        var (nameLength, extraLength, commentLength) = (U16(directory, 28), U16(directory, 30), U16(directory, 32));
        if (46 + nameLength + extraLength + commentLength > directory.Length) throw Damaged();
        var name = Encoding.UTF8.GetString(directory.Slice(46, nameLength));
        ulong size = U32(directory, 24), header = U32(directory, 42);
        var compressedInZip64 = U32(directory, 20) == InZip64;
        if (size == InZip64 || compressedInZip64 || header == InZip64)
            (size, header) = Zip64(directory.Slice(46 + nameLength, extraLength), size, compressedInZip64, header);
        if (!entries.TryAdd(name, new(Long(header), Long(size), U16(directory, 10), U16(directory, 8))))
            throw new InvalidDataException($"has two zip entries '{name}'");
        return directory[(46 + nameLength + extraLength + commentLength)..];
    }

    // APPNOTE.TXT 4.5.3: size, compressed size and header's place, each only where the entry's own field can't hold it.
    private static (ulong size, ulong header) Zip64(ReadOnlySpan<byte> extra, ulong size, bool compressedInZip64, ulong header)
    {
        while (extra.Length >= 4)
        {
            var length = U16(extra, 2);
            if (4 + length > extra.Length) throw Damaged();
            if (U16(extra, 0) == 1)
            {
                var fields = extra.Slice(4, length);
                if (size == InZip64) size = Next(ref fields);
                if (compressedInZip64) Next(ref fields);
                if (header == InZip64) header = Next(ref fields);
                return (size, header);
            }
            extra = extra[(4 + length)..];
        }
        throw Damaged();

        static ulong Next(ref ReadOnlySpan<byte> fields)
        {
            if (fields.Length < 8) throw Damaged();
            var value = U64(fields, 0);
            fields = fields[8..];
            return value;
        }
    }

    private ReadOnlySpan<byte> Read(long position, long length)
    {
        if (position > fileLength || length > fileLength - position)
            throw new InvalidDataException("has a zip directory that points past its end: it is truncated");
        return new FileRange(file, start + position, start + position + length).Read((ulong)length);
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static long Long(ulong value) => value <= long.MaxValue ? (long)value : throw Damaged();

    private static InvalidDataException Damaged() => new("has a damaged zip directory");
}
