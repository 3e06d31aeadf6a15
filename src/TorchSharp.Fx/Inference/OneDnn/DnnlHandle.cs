using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Inference;

/// <summary>Something that oneDNN made, and the function that frees it.</summary>
internal sealed class DnnlHandle : SafeHandle
{
    private readonly string destroy;

    internal DnnlHandle(IntPtr value, string destroy) : base(0, ownsHandle: true)
    {
        this.destroy = destroy;
        SetHandle(value);
    }

    internal IntPtr Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Dnnl.Destroy(handle, destroy);
        return true;
    }
}
