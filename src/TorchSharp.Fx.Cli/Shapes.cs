namespace TorchSharp.Fx.Cli;

/// <summary>The types and shapes of a graph's values, as text.</summary>
internal static class Shapes
{
    /// <summary><c>float32[1, 64, 56, 56]</c>; several with commas between for a value with tensors inside, null for one without.</summary>
    internal static string? Of(Node node)
    {
        var inside = node.get_meta(meta.tensor_metas);
        return node.get_meta(meta.tensor_meta)?.ToString() ?? (inside.IsDefaultOrEmpty ? null : string.Join(", ", inside));
    }
}
