using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>The identity of the libtorch tensor behind a .NET object, and of its memory.</summary>
internal static class TensorIdentity
{
    /// <summary>
    /// libtorch's own tensor: modules that TorchSharp keeps in native code wrap it in a new object at each read of a property. 0 for a
    /// disposed one.
    /// </summary>
    internal static nint Of(Tensor tensor)
    {
        if (tensor.IsInvalid)
            return 0;
        // A handle leads to an at::Tensor, which is nothing but a pointer to the tensor.
        var native = Marshal.ReadIntPtr(tensor.Handle);
        GC.KeepAlive(tensor);
        return native;
    }

    /// <summary>
    /// The start of the memory that a tensor lies in; 0 where it can't be told: on other devices, without elements, sparse.
    /// </summary>
    internal static nint Storage(Tensor tensor)
    {
        if (tensor.IsInvalid || tensor.device_type != DeviceType.CPU || tensor.is_sparse || tensor.numel() == 0)
            return 0;
        using var none = no_grad();
        using var start = tensor.as_strided([1], [1], 0).DetachFromDisposeScope();
        return Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(start.bytes));
    }
}
