namespace TorchSharp.Fx.TorchScript;

/// <summary>A node can't be expressed in TorchScript. The message names the node, its C# line, and what is supported.</summary>
public sealed class TorchScriptExportException : NotSupportedException
{
    internal TorchScriptExportException(Node node, string reason, IEnumerable<string> supported)
        : base($"Node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}) can't be exported to TorchScript: "
            + $"{reason}.{Supported(supported)}")
        => this.node = node;

    /// <summary>The node that can't be exported.</summary>
    public Node node { get; }

    private static string Supported(IEnumerable<string> names)
        => string.Join(", ", names.Order(StringComparer.Ordinal)) is { Length: > 0 } list ? $" Supported are {list}." : "";
}
