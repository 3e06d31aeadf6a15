using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A function of steps that is computed here; it has no weights.</summary>
internal abstract class Int8Function(string name) : nn.Module(name), IOperation, IHasResultMemory, ICloneable
{
    /// <inheritdoc/>
    public ResultMemory Memory { get; } = new();

    /// <inheritdoc/>
    public object Clone()
    {
        var copy = Copy();
        copy.Memory.Join(Memory);
        return copy;
    }

    private protected abstract Int8Function Copy();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Memory.Pool = null;
        base.Dispose(disposing);
    }
}
