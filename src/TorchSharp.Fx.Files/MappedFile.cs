using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>
/// A file's bytes as memory: a page is read when it is first touched, and copied when it is first written to. The file stays mapped until
/// the last tensor over it is gone, and has to stay as it is that long.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    // The tensors' files, by where the tensors begin: that is all that libtorch tells when one is gone.
    private static readonly ConcurrentDictionary<IntPtr, MappedFile> Lent = new();

    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;
    private int users = 1;

    /// <param name="handle">The file, which may be closed afterwards. It is not empty.</param>
    internal MappedFile(SafeFileHandle handle)
    {
        file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None,
            leaveOpen: true);
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>A block's elements where the file has them; null where they have to be copied: their bytes are in another order, or lie
    /// across the places that elements of their size have in memory, or another block begins there.</summary>
    /// <param name="block">The block, which was checked to lie within the file.</param>
    /// <returns>A tensor of one dimension.</returns>
    internal Tensor? Elements(StoredBlock block)
    {
        var place = (IntPtr)(start + block.position);
        if (block.swapped || block.count == 0 || block.position % block.type.size != 0 || !Lent.TryAdd(place, this))
            return null;
        Interlocked.Increment(ref users);
        var (count, type) = (block.count, (sbyte)block.type.dtype);
        return Tensor.UnsafeCreateTensor(THSTensor_new(place, &GiveBack, &count, 1, type, type, 0, 0, 0));
    }

    /// <summary>Unmaps the file, once the tensors over it are gone.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref users) > 0)
            return;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void GiveBack(IntPtr place)
    {
        if (Lent.TryRemove(place, out var file))
            file.Dispose();
    }

    [DllImport("LibTorchSharp")]
    private static extern IntPtr THSTensor_new(
        IntPtr data, delegate* unmanaged[Cdecl]<IntPtr, void> deleter, long* sizes, int dimensions, sbyte type, sbyte convertedType,
        int device, int deviceIndex, byte requiresGrad);
}
