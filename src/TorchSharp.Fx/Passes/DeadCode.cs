using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The passes that change a graph in place.</summary>
public static class DeadCode
{
    /// <summary>
    /// Removes every node that the output does not need. Placeholders, assertions, and in-place operations on what is read later, or on a parameter or
    /// buffer, stay. Counterpart: <c>torch.fx.Graph.eliminate_dead_code</c>, which drops in-place operations that matter.
    /// </summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="root">The hierarchy that its module nodes name; without one every module counts as working in place.</param>
    /// <param name="is_impure_node">Which nodes to keep beside those: a leaf function that logs, or every <see cref="Node.is_impure"/> one.</param>
    /// <returns>Whether anything was removed.</returns>
    public static bool eliminate_dead_code(this Graph graph, nn.Module? root = null, Func<Node, bool>? is_impure_node = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var before = graph.Count;
        foreach (var node in Dead(graph, new AliasAnalysis(graph, root is null ? null : new ModuleHierarchy(root)), is_impure_node ?? (_ => false)))
            graph.erase_node(node);
        return graph.Count < before;
    }

    /// <summary>One sweep from the end suffices: a node lives by what comes after it, its users and the readers of what it writes to.</summary>
    private static List<Node> Dead(Graph graph, AliasAnalysis aliases, Func<Node, bool> isKept)
    {
        var dead = new List<Node>();
        var needed = new HashSet<Node>();
        var readLater = new HashSet<Node>();
        var ofTheModel = graph.nodes.Where(node => node.op == Opcode.get_attr).Select(aliases.Representative).ToHashSet();
        foreach (var node in graph.nodes.Reverse())
        {
            if (!needed.Contains(node) && !IsKept(node) && !isKept(node) && !WritesToLive(node))
            {
                dead.Add(node);
                continue;
            }
            needed.UnionWith(node.all_input_nodes);
            readLater.UnionWith(node.all_input_nodes.Select(aliases.Representative));
        }
        return dead;

        bool WritesToLive(Node node) => aliases.MutatedBy(node).Any(written
            => readLater.Contains(aliases.Representative(written)) || ofTheModel.Contains(aliases.Representative(written)));
    }

    private static bool IsKept(Node node)
        => node.op is Opcode.output or Opcode.placeholder || node.target is BuiltinTarget { Operation: Builtin._assert };
}
