namespace TorchSharp.Fx.Onnx;

/// <summary>A node of an ONNX file can't be expressed in TorchSharp. The message names the file, the node, and what to do.</summary>
public sealed class OnnxImportException : NotSupportedException
{
    internal OnnxImportException(string path, string node, string operation, string reason, Exception? inner = null)
        : base($"{path} can't be loaded: node '{node}' ({operation}): {reason.TrimEnd('.')}.", inner)
        => (this.node, this.operation) = (node, operation);

    /// <summary>The node's name in the file, or the name of its first output where it has none.</summary>
    public string node { get; }

    /// <summary>The node's operator, e.g. <c>Conv</c>.</summary>
    public string operation { get; }
}
