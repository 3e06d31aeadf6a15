namespace TorchSharp.Fx.Onnx;

/// <summary>A node of an ONNX file has no form in TorchSharp; the message names the file, the node, and what to do.</summary>
public sealed class OnnxImportException : NotSupportedException
{
    internal OnnxImportException(string path, string node, string operation, string reason, Exception? inner = null)
        : base($"{path} can't be loaded: node '{node}' ({operation}): {reason.TrimEnd('.')}.", inner)
        => (this.node, this.operation) = (node, operation);

    /// <summary>The node's name in the file; its first output's where it has none.</summary>
    public string node { get; }

    /// <summary>The node's operator, <c>Conv</c>.</summary>
    public string operation { get; }
}
