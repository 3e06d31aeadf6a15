using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Files;

/// <summary>
/// Asks for new memory in large pages before it is filled: Linux clears and maps 2 MB at once then in the place of 4 KB, which takes two
/// thirds of the time that reading a file to new memory takes otherwise. Where the system has no such pages, or is another one, nothing
/// happens.
/// </summary>
internal static unsafe class LargePages
{
    // sys/mman.h
    private const int MADV_HUGEPAGE = 14;

    // Neighbours' pages become one stretch: what is as large as half a page is worth the call.
    private const int Least = 1 << 20;

    private static readonly delegate* unmanaged<void*, nuint, int, int> Advice = Find();

    /// <summary>Asks for large pages under memory that nothing has been written to.</summary>
    internal static void AdviseFor(Span<byte> memory)
    {
        if (Advice is null || memory.Length < Least)
            return;
        var page = (nuint)Environment.SystemPageSize;
        fixed (byte* first = memory)
        {
            // Pages that begin before the memory or end behind it belong to the process as well.
            var start = (nuint)first & ~(page - 1);
            _ = Advice((void*)start, ((nuint)first + (nuint)memory.Length - start + page - 1) & ~(page - 1), MADV_HUGEPAGE);
        }
    }

    private static delegate* unmanaged<void*, nuint, int, int> Find()
        => OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var library)
            && NativeLibrary.TryGetExport(library, "madvise", out var export)
            ? (delegate* unmanaged<void*, nuint, int, int>)export : null;
}
