using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Functions that a loaded library holds, exported or not, by the symbol table in its file (ELF, 64 bits, so Linux). The table of a large
/// library has a hundred megabytes: a piece at a time is in memory.
/// </summary>
internal static class SymbolTable
{
    private const int SymbolTableSection = 2, LoadedSegment = 1, FunctionType = 2, SymbolSize = 24, Piece = SymbolSize << 13,
    LongestName = 1 << 10;

    /// <summary>
    /// The addresses of the functions whose names begin with one of the prefixes; none where the library isn't loaded or its file keeps no
    /// table.
    /// </summary>
    internal static Dictionary<string, IntPtr> Functions(string library, params ReadOnlySpan<string> prefixes)
    {
        if (!OperatingSystem.IsLinux() || !BitConverter.IsLittleEndian || Loaded(library) is not var (path, start))
            return [];
        using var file = File.OpenHandle(path);
        return Functions(file, start, prefixes);
    }

    /// <summary>The functions of a file that begins at an address in memory; every place in it is checked before it is read.</summary>
    internal static Dictionary<string, IntPtr> Functions(SafeFileHandle file, long start, params ReadOnlySpan<string> prefixes)
    {
        var elf = new Elf(file);
        return elf.IsOne ? elf.Functions(start, prefixes) : [];
    }

    /// <summary>The file that a library was loaded from, and where the file's beginning is in memory.</summary>
    private static (string Path, long Start)? Loaded(string library)
    {
        foreach (var line in File.ReadLines("/proc/self/maps"))
            if (line.EndsWith('/' + library, StringComparison.Ordinal)
                && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var range, _, var offset, ..]
                && offset.All(digit => digit == '0'))
                return (line[line.IndexOf('/')..],
                    long.Parse(range.AsSpan(0, range.IndexOf('-')), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        return null;
    }

    /// <summary>A file of the format ELF.</summary>
    private sealed class Elf(SafeFileHandle file)
    {
        private readonly long length = RandomAccess.GetLength(file);
        private readonly byte[] piece = new byte[Piece];

        internal bool IsOne => length >= 64 && Bytes(0, 64).StartsWith("\u007fELF\u0002\u0001"u8);

        internal Dictionary<string, IntPtr> Functions(long start, ReadOnlySpan<string> prefixes)
        {
            var found = new Dictionary<string, IntPtr>(StringComparer.Ordinal);
            for (var section = 0; section < Read<ushort>(0x3C); section++)
            {
                var header = Section(section);
                if (Read<uint>(header + 4) == SymbolTableSection)
                    Add(found, header, Names(Section((int)Read<uint>(header + 0x28)), prefixes), start - FirstAddress());
            }
            return found;
        }

        /// <summary>
        /// The names that begin with one of the prefixes, by where they begin in a table of names; one may be the end of another. Names of
        /// C++ have capitals. Those that a prefix without any is somewhere inside of, by the ten thousand, are left out.
        /// </summary>
        private Dictionary<uint, string> Names(long header, ReadOnlySpan<string> prefixes)
        {
            var names = new Dictionary<uint, string>();
            var (first, size) = Contents(header);
            for (var at = 0L; at < size; at += Piece - LongestName)
            {
                var part = Bytes(first + at, (int)Math.Min(Piece, size - at));
                foreach (var prefix in prefixes)
                    Add(names, part, Encoding.ASCII.GetBytes(prefix), at);
            }
            return names;
        }

        private static void Add(Dictionary<uint, string> names, ReadOnlySpan<byte> part, ReadOnlySpan<byte> prefix, long at)
        {
            var hasCapitals = prefix.ContainsAnyInRange((byte)'A', (byte)'Z');
            for (int place = 0, next; (next = part[place..].IndexOf(prefix)) >= 0; place++)
            {
                place += next;
                if (part[place..].IndexOf((byte)0) is > 0 and < LongestName and var end
                    && (hasCapitals || !part.Slice(place, end).ContainsAnyInRange((byte)'A', (byte)'Z')))
                    names[(uint)(at + place)] = Encoding.ASCII.GetString(part.Slice(place, end));
            }
        }

        private void Add(Dictionary<string, IntPtr> found, long header, Dictionary<uint, string> names, long bias)
        {
            var (first, size) = Contents(header);
            for (var at = 0L; at < size; at += Piece)
                for (var symbols = Bytes(first + at, (int)Math.Min(Piece, size - at)); symbols.Length >= SymbolSize; symbols =
                    symbols[SymbolSize..])
                    if ((symbols[4] & 15) == FunctionType && names.TryGetValue(MemoryMarshal.Read<uint>(symbols), out var name))
                        found[name] = new IntPtr(bias + MemoryMarshal.Read<long>(symbols[8..]));
        }

        /// <summary>The address that the file asks to have for its beginning.</summary>
        private long FirstAddress()
        {
            for (var segment = 0; segment < Read<ushort>(0x38); segment++)
            {
                var header = Read<long>(0x20) + segment * Read<ushort>(0x36);
                if (Read<uint>(header) == LoadedSegment && Read<long>(header + 8) == 0)
                    return Read<long>(header + 0x10);
            }
            return 0;
        }

        private long Section(int index) => Read<long>(0x28) + index * (long)Read<ushort>(0x3A);

        /// <summary>Where a section is in the file, and how many bytes it has.</summary>
        private (long First, long Size) Contents(long header) => (Read<long>(header + 0x18), Read<long>(header + 0x20));

        private T Read<T>(long offset) where T : unmanaged => MemoryMarshal.Read<T>(Bytes(offset, Marshal.SizeOf<T>()));

        /// <summary>Bytes of the file, until the next are read.</summary>
        private ReadOnlySpan<byte> Bytes(long offset, int count)
        {
            if (offset < 0 || offset > length - count)
                throw new BadImageFormatException("The symbol table of a library reaches beyond its file.");
            var bytes = piece.AsSpan(0, count);
            for (var read = 0; read < count;)
                read += RandomAccess.Read(file, bytes[read..], offset + read) is > 0 and var more
                    ? more : throw new BadImageFormatException("The symbol table of a library reaches beyond its file.");
            return bytes;
        }
    }
}
