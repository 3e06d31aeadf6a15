using System.Runtime.InteropServices;

namespace TorchSharp.Fx;

/// <summary>How the process holds the memory of its tensors.</summary>
public static class TensorMemory
{
    // malloc.h
    private const int M_TRIM_THRESHOLD = -1, M_TOP_PAD = -2, M_MMAP_MAX = -4;

    private const int GrowsBy = 64 << 20;

    /// <summary>
    /// Has the process keep the memory of tensors that are gone, for those to come. Otherwise each large one is asked of the system and
    /// given back to it, and the system clears every page of it before its first use: that can take as long as the computation.
    /// </summary>
    /// <remarks>
    /// It holds for the whole process and for good, so it is the program's to decide and not a library's; call it before the first tensor
    /// is made. Memory in use stays at its peak. Only glibc, the C library of most Linux systems, has this setting (<c>mallopt</c>);
    /// elsewhere nothing happens. Tensors above 64 MB are kept on the program's first thread only.
    /// </remarks>
    /// <returns>Whether it does so now.</returns>
    public static unsafe bool KeepFreed()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var library)
            || !NativeLibrary.TryGetExport(library, "mallopt", out var export))
            return false;
        var mallopt = (delegate* unmanaged<int, int, int>)export;
        return mallopt(M_MMAP_MAX, 0) != 0 & mallopt(M_TRIM_THRESHOLD, int.MaxValue) != 0 & mallopt(M_TOP_PAD, GrowsBy) != 0;
    }
}
