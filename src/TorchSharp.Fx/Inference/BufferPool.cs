using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Memory for large values that live only within a run of an optimised module: what one frees the next one takes, also in the next run, without the operating system giving, clearing and taking back
/// pages for each. One for each optimised module; it holds what its runs needed at once, until the module is disposed.
/// </summary>
internal sealed unsafe class BufferPool : IDisposable
{
    /// <summary>Below so many bytes the C library keeps memory itself.</summary>
    internal const long Smallest = 1 << 20;

    private const int Alignment = 64;

    // Which buffer memory that is lent belongs to.
    private static readonly ConcurrentDictionary<IntPtr, Buffer> Lent = new();

    private readonly List<Buffer> idle = [];
    private readonly Lock changing = new();
    private bool isDisposed;

    /// <summary>How many buffers nothing uses now.</summary>
    internal int Count
    {
        get
        {
            lock (changing)
                return idle.Count;
        }
    }

    /// <summary>A tensor that holds nothing yet; its memory comes back when the last tensor that shares it is gone.</summary>
    internal Tensor Empty(ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        var count = 1L;
        foreach (var size in sizes)
            count *= size;
        var buffer = Take(count * type.ElementSize());
        Lent[buffer.Start] = buffer;
        using var whole = Tensor.UnsafeCreateTensor(THSTensor_new(buffer.Start, &GiveBack, &count, 1, (sbyte)type, (sbyte)type, 0, 0, 0));
        return whole.as_strided(sizes.ToArray(), strides.ToArray());
    }

    /// <summary>Frees what isn't lent now; the rest is freed when it comes back.</summary>
    public void Dispose()
    {
        lock (changing)
        {
            isDisposed = true;
            idle.ForEach(buffer => buffer.Free());
            idle.Clear();
        }
    }

    /// <summary>The smallest buffer that is large enough, or a new one.</summary>
    private Buffer Take(long size)
    {
        lock (changing)
        {
            var best = -1;
            for (var i = 0; i < idle.Count; i++)
                if (idle[i].Size >= size && (best < 0 || idle[i].Size < idle[best].Size))
                    best = i;
            if (best < 0)
                return new(this, size, (IntPtr)NativeMemory.AlignedAlloc((nuint)size, Alignment));
            var buffer = idle[best];
            idle.RemoveAt(best);
            return buffer;
        }
    }

    private void Return(Buffer buffer)
    {
        lock (changing)
            if (isDisposed)
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
        IntPtr data, delegate* unmanaged[Cdecl]<IntPtr, void> deleter, long* sizes, int dimensions, sbyte type, sbyte convertedType, int device, int deviceIndex, byte requiresGrad);

    private sealed record Buffer(BufferPool Owner, long Size, IntPtr Start)
    {
        internal void Free() => NativeMemory.AlignedFree((void*)Start);
    }
}
