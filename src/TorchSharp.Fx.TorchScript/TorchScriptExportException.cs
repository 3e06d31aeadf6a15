namespace TorchSharp.Fx.TorchScript;

/// <summary>A node has no form in TorchScript; the message names it, its place in C#, and what is supported.</summary>
public sealed class TorchScriptExportException : NotSupportedException
{
    internal TorchScriptExportException(Node node, string reason, IEnumerable<string> supported)
        : base($"Node '{node.name}' ({node.origin?.ToString() ?? "made by hand"}) can't be exported to TorchScript: "
            + $"{reason}.{Supported(supported)}")
        => this.node = node;

    /// <summary>The node.</summary>
    public Node node { get; }

    private static string Supported(IEnumerable<string> names)
        => string.Join(", ", names.Order(StringComparer.Ordinal)) is { Length: > 0 } list ? $" Supported are {list}." : "";
}
