using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp.Fx;

/// <summary>Functions that a loaded library holds, exported or not, by the symbol table in its file (ELF, 64 bits, so Linux).</summary>
internal static unsafe class SymbolTable
{
    private const int SymbolTableSection = 2, LoadedSegment = 1, FunctionType = 2, SymbolSize = 24;

    /// <summary>The addresses of the functions whose names begin with a prefix; none where the library isn't loaded or its file keeps no table.</summary>
    internal static Dictionary<string, IntPtr> Functions(string library, string prefix)
    {
        if (!OperatingSystem.IsLinux() || !BitConverter.IsLittleEndian || Loaded(library) is not var (path, start))
            return [];
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* bytes = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref bytes);
        try
        {
            return new Elf(bytes, new FileInfo(path).Length).Functions(start, Encoding.ASCII.GetBytes(prefix));
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    /// <summary>The file that a library was loaded from, and where the file's beginning is in memory.</summary>
    private static (string Path, long Start)? Loaded(string library)
    {
        foreach (var line in File.ReadLines("/proc/self/maps"))
            if (line.EndsWith('/' + library, StringComparison.Ordinal) && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var range, _, var offset, ..] && offset.All(digit => digit == '0'))
                return (line[line.IndexOf('/')..], long.Parse(range.AsSpan(0, range.IndexOf('-')), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        return null;
    }

    /// <summary>A file of the format ELF; every place in it is checked before it is read.</summary>
    private readonly ref struct Elf(byte* bytes, long length)
    {
        internal Dictionary<string, IntPtr> Functions(long start, ReadOnlySpan<byte> prefix)
        {
            var found = new Dictionary<string, IntPtr>(StringComparer.Ordinal);
            if (!Span(0, 64).StartsWith("\u007fELF\u0002\u0001"u8))
                return found;
            for (var section = 0; section < Read<ushort>(0x3C); section++)
            {
                var header = Section(section);
                if (Read<uint>(header + 4) == SymbolTableSection)
                    Read(Contents(header), Contents(Section((int)Read<uint>(header + 0x28))), start - FirstAddress(), prefix, found);
            }
            return found;
        }

        private static void Read(ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> names, long bias, ReadOnlySpan<byte> prefix, Dictionary<string, IntPtr> found)
        {
            for (; symbols.Length >= SymbolSize; symbols = symbols[SymbolSize..])
            {
                var name = MemoryMarshal.Read<uint>(symbols);
                if ((symbols[4] & 15) == FunctionType && name < names.Length && names[(int)name..].StartsWith(prefix) && names[(int)name..].IndexOf((byte)0) is > 0 and var end)
                    found[Encoding.ASCII.GetString(names.Slice((int)name, end))] = new IntPtr(bias + MemoryMarshal.Read<long>(symbols[8..]));
            }
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

        private ReadOnlySpan<byte> Contents(long header) => Span(Read<long>(header + 0x18), Read<long>(header + 0x20));

        private T Read<T>(long offset) where T : unmanaged => MemoryMarshal.Read<T>(Span(offset, sizeof(T)));

        private ReadOnlySpan<byte> Span(long offset, long count)
            => offset >= 0 && count is >= 0 and <= int.MaxValue && offset <= length - count ? new(bytes + offset, (int)count) : throw new BadImageFormatException("The symbol table of a library reaches beyond its file.");
    }
}
