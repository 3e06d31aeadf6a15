namespace TorchSharp.Fx;

/// <summary>An input does not meet an assumption that was recorded when the graph was traced (an <c>_assert</c> node).</summary>
public sealed class GraphAssertionException(string message) : InvalidOperationException(message);

/// <summary>A node of a running graph threw; <see cref="Exception.InnerException"/> is what it threw.</summary>
public sealed class NodeExecutionException : InvalidOperationException
{
    internal NodeExecutionException(Node node, Exception inner) : base($"Node '{node.name}'{Place(node)} failed: {inner.Message}", inner)
        => this.node = node;

    /// <summary>The node that threw.</summary>
    public Node node { get; }

    /// <summary><c> (module layer1.0.conv1, ResNet.cs:42)</c></summary>
    private static string Place(Node node)
    {
        var module = node.target is ModuleTarget target ? target.Path : node.origin?.module_path;
        var parts = new[] { string.IsNullOrEmpty(module) ? null : "module " + module, node.origin?.ToString() }.OfType<string>().ToArray();
        return parts.Length == 0 ? "" : $" ({string.Join(", ", parts)})";
    }
}
