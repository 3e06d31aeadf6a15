using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Memory for large values of an optimised module: what one frees the next one takes, also in the next run, without the operating system
/// giving, clearing and taking back pages for each. One for each optimised module; it holds what its runs needed at once, until the last
/// module that takes from it is disposed.
/// </summary>
internal sealed unsafe class BufferPool
{
    /// <summary>
    /// Below so many bytes the C library keeps memory itself. glibc gives freed memory back to the system once 128 KiB at the end of its
    /// heap are free, which several values reach together.
    /// </summary>
    internal const long Smallest = 64 << 10;

    private const int Alignment = 64;

    // Which buffer memory that is lent belongs to.
    private static readonly ConcurrentDictionary<IntPtr, Buffer> Lent = new();

    private readonly List<Buffer> idle = [];
    private readonly Lock changing = new();
    private int users;

    /// <summary>How many buffers nothing uses now.</summary>
    internal int Count
    {
        get
        {
            lock (changing)
                return idle.Count;
        }
    }

    /// <summary>How many values of a run leave the graph, so that much memory for such is kept.</summary>
    internal int MostResults { get; set; }

    /// <summary>A tensor that holds nothing yet; its memory comes back when the last tensor that shares it is gone.</summary>
    /// <param name="type">The type of its numbers.</param>
    /// <param name="sizes">Its sizes.</param>
    /// <param name="strides">Its strides.</param>
    /// <param name="isResult">Whether it may leave the graph: who keeps it must not keep more memory than it needs.</param>
    internal Tensor Empty(ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, bool isResult)
    {
        var count = 1L;
        foreach (var size in sizes)
            count *= size;
        var buffer = Take(RoundedUp(count * type.ElementSize()), isResult);
        Lent[buffer.Start] = buffer;
        using var whole = Tensor.UnsafeCreateTensor(THSTensor_new(buffer.Start, &GiveBack, &count, 1, (sbyte)type, (sbyte)type, 0, 0, 0));
        return whole.as_strided(sizes.ToArray(), strides.ToArray());
    }

    /// <summary>
    /// The next of four sizes between one power of two and the next, so that images of other sizes find memory that is there: the system
    /// gives pages only to what is written, and takes as long for that as the computation's tenth part.
    /// </summary>
    internal static long RoundedUp(long size)
    {
        var step = Math.Max(Alignment, (long)BitOperations.RoundUpToPowerOf2((ulong)size) / 8);
        return (size + step - 1) / step * step;
    }

    /// <summary>A module takes memory from here from now on.</summary>
    internal void Join()
    {
        lock (changing)
            users++;
    }

    /// <summary>A module takes no more. After the last one, what isn't lent is freed, and the rest when it comes back.</summary>
    internal void Leave()
    {
        lock (changing)
        {
            if (--users > 0)
                return;
            idle.ForEach(buffer => buffer.Free());
            idle.Clear();
        }
    }

    /// <summary>The smallest buffer that is large enough, for a result one of just the size, or a new one.</summary>
    private Buffer Take(long size, bool isResult)
    {
        lock (changing)
        {
            var best = -1;
            for (var i = 0; i < idle.Count; i++)
                if ((isResult ? idle[i].Size == size : idle[i].Size >= size) && (best < 0 || idle[i].Size < idle[best].Size))
                    best = i;
            if (best < 0)
                return new(this, size, (IntPtr)NativeMemory.AlignedAlloc((nuint)size, Alignment), isResult);
            var buffer = idle[best] with { IsResult = isResult };
            idle.RemoveAt(best);
            return buffer;
        }
    }

    private void Return(Buffer buffer)
    {
        lock (changing)
            if (users == 0 || (buffer.IsResult && idle.Count(other => other.IsResult && other.Size == buffer.Size) >= MostResults))
                buffer.Free();
            else
                idle.Add(buffer);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void GiveBack(IntPtr start)
    {
        if (Lent.TryRemove(start, out var buffer))
            buffer.Owner.Return(buffer);
    }

    [DllImport("LibTorchSharp")]
    private static extern IntPtr THSTensor_new(
        IntPtr data, delegate* unmanaged[Cdecl]<IntPtr, void> deleter, long* sizes, int dimensions, sbyte type, sbyte convertedType,
        int device, int deviceIndex, byte requiresGrad);

    private sealed record Buffer(BufferPool Owner, long Size, IntPtr Start, bool IsResult)
    {
        internal void Free() => NativeMemory.AlignedFree((void*)Start);
    }
}
