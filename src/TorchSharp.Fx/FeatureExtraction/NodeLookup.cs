namespace TorchSharp.Fx;

/// <summary>Finds nodes of a graph by their names in feature extraction.</summary>
public static class NodeLookup
{
    /// <summary>The node with a name, or the last node inside the module with that name, as in <c>create_feature_extractor</c>.</summary>
    /// <param name="graph">The graph of a feature extractor or a <see cref="NodePathTracer"/>. In any other graph, the names are those of
    /// its text.</param>
    /// <param name="name">A node's qualified name, <c>layer1.0.add</c>, or a module's path, <c>layer1</c>.</param>
    /// <exception cref="ArgumentException">The graph has no such name; the message lists the nearest.</exception>
    public static Node find_node(this Graph graph, string name)
        => TryFind(graph, name)
            ?? throw new ArgumentException($"node: '{name}' is not in the graph. The nearest names are {Nearest(graph, name)}.",
                nameof(name));

    /// <summary>The same, or null where the graph has no such name.</summary>
    internal static Node? TryFind(Graph graph, string name)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new NodeSelection(null, graph, Names(graph), feature_extraction.warn).Last(name);
    }

    /// <summary>The names of nodes and modules that are nearest to one that isn't there, quoted.</summary>
    internal static string Nearest(Graph graph, string name)
        => NearestNames.Quoted(name, Names(graph).Values.SelectMany(NodePattern.WithModules));

    /// <summary>The nodes of a graph that is there already keep the names that they were traced under.</summary>
    internal static OrderedDictionary<Node, string> Names(Graph graph)
    {
        var names = new OrderedDictionary<Node, string>();
        foreach (var node in graph.nodes.Where(node => node.op != Opcode.output))
            names.Add(node, node.get_meta(Node.QualifiedName) ?? node.name);
        return names;
    }
}
