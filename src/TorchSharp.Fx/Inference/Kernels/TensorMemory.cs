using System.Runtime.InteropServices;

namespace TorchSharp.Fx;

/// <summary>Controls how the process keeps the memory of tensors.</summary>
public static class TensorMemory
{
    // malloc.h
    private const int M_TRIM_THRESHOLD = -1, M_TOP_PAD = -2, M_MMAP_MAX = -4;

    private const int GrowsBy = 64 << 20;

    /// <summary>
    /// Makes the process keep the memory of disposed tensors and use it for new ones. Otherwise every large tensor's memory comes from the
    /// operating system and goes back to it. The system clears each page before its first use, which can take as long as the computation.
    /// </summary>
    /// <remarks>
    /// It applies to the whole process and can't be undone, so an application should call it, not a library, and before it makes the first
    /// tensor. The process's memory stays at its peak. Only glibc, the C library of most Linux systems, has this setting (<c>mallopt</c>);
    /// elsewhere the call does nothing. Memory of tensors above 64 MB is kept on the program's first thread only.
    /// </remarks>
    /// <returns>Whether the setting took effect.</returns>
    public static unsafe bool KeepFreed()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var library)
            || !NativeLibrary.TryGetExport(library, "mallopt", out var export))
            return false;
        var mallopt = (delegate* unmanaged<int, int, int>)export;
        return mallopt(M_MMAP_MAX, 0) != 0 & mallopt(M_TRIM_THRESHOLD, int.MaxValue) != 0 & mallopt(M_TOP_PAD, GrowsBy) != 0;
    }
}
