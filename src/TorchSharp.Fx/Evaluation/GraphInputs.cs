namespace TorchSharp.Fx.Evaluation;

/// <summary>The inputs of a call beside the graph's placeholders.</summary>
internal static class GraphInputs
{
    /// <summary>
    /// One value for each placeholder: what was given, then the parameters' defaults; none for those whose value is known.
    /// </summary>
    internal static object?[] Bind(Graph graph, object?[] given, IReadOnlyDictionary<Node, object?>? known = null)
    {
        var placeholders = graph.find_nodes(Opcode.placeholder).Where(node => known?.ContainsKey(node) is not true)
            .Select(node => (PlaceholderTarget)node.target).ToArray();
        var required = placeholders.Count(target => target.Default is null);
        if (given.Length < required || given.Length > placeholders.Length)
            throw new ArgumentException(
                $"The graph takes {Count(placeholders.Length)} ({string.Join(", ", placeholders.Select(target => target.Parameter))}), "
                    + $"but {given.Length} {(given.Length == 1 ? "was" : "were")} given.", nameof(given));
        return given.Length == placeholders.Length
            ? given : [.. given, .. placeholders[given.Length..].Select(target => target.Default!.Value)];
    }

    private static string Count(int inputs) => inputs == 1 ? "1 input" : $"{inputs} inputs";
}
