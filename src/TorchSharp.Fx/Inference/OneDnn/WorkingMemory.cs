using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Memory that a kernel works in while it runs: one for each thread, as large as the largest kernel wanted, freed after the thread has
/// ended.
/// </summary>
internal sealed unsafe class WorkingMemory
{
    private const int Alignment = 64;

    [ThreadStatic]
    private static WorkingMemory? mine;

    private readonly long size;
    private readonly void* start;

    private WorkingMemory(long size)
    {
        this.size = size;
        start = NativeMemory.AlignedAlloc((nuint)size, Alignment);
    }

    /// <summary>Frees it.</summary>
    ~WorkingMemory() => NativeMemory.AlignedFree(start);

    /// <summary>This thread's memory of so many bytes at least.</summary>
    internal static IntPtr Of(long size)
    {
        if (mine is null || mine.size < size)
            mine = new(size);
        return (IntPtr)mine.start;
    }
}
