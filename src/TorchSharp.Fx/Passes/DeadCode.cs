using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The passes that change a graph in place.</summary>
public static class DeadCode
{
    /// <summary>
    /// Removes every node that the output does not need. What stays beside: placeholders, assertions, in-place operations on what is read
    /// later or on a parameter or buffer, random draws (the values after them depend on them), layers that keep statistics, and code that
    /// isn't known, such as a leaf of the user's. Counterpart: <c>torch.fx.Graph.eliminate_dead_code</c>, which drops in-place operations
    /// that matter.
    /// </summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="root">The hierarchy that its module nodes name; without one every module may do anything and stays.</param>
    /// <param name="is_impure_node">Which nodes to keep beside those: every <see cref="Node.is_impure"/> one, say.</param>
    /// <returns>Whether anything was removed.</returns>
    public static bool eliminate_dead_code(this Graph graph, nn.Module? root = null, Func<Node, bool>? is_impure_node = null)
        => graph.EliminateDeadCode(root is null ? null : new ModuleHierarchy(root), null, is_impure_node);

    /// <summary>The same in a mode: in evaluation dropout draws nothing and statistics stay as they are.</summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="modules">The hierarchy that it names.</param>
    /// <param name="training">Whether it runs in training; null where that isn't known.</param>
    /// <param name="isKept">Which nodes to keep beside those that have to stay.</param>
    internal static bool EliminateDeadCode(this Graph graph, ModuleHierarchy? modules, bool? training, Func<Node, bool>? isKept = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var before = graph.Count;
        foreach (var node in Dead(graph, graph.Aliases(modules, training), isKept ?? (_ => false)))
            graph.erase_node(node);
        return graph.Count < before;
    }

    /// <summary>
    /// One sweep from the end suffices: a node lives by what comes after it, its users and the readers of what it writes to.
    /// </summary>
    private static List<Node> Dead(Graph graph, AliasAnalysis aliases, Func<Node, bool> isKept)
    {
        var dead = new List<Node>();
        var needed = new HashSet<Node>();
        // The caller still has its inputs afterwards, the module its parameters, and code that isn't known whatever it was given or gave.
        var readLater = graph.nodes.Where(node => node.op is Opcode.get_attr or Opcode.placeholder).SelectMany(aliases.Places)
            .Append(Place.Anywhere).ToHashSet();
        foreach (var node in graph.nodes.Reverse())
        {
            if (!needed.Contains(node) && node.op is not (Opcode.output or Opcode.placeholder) && !aliases.Lasts(node) && !isKept(node)
                && !aliases.MutatedBy(node).SelectMany(aliases.Places).Any(readLater.Contains))
            {
                dead.Add(node);
                continue;
            }
            needed.UnionWith(node.all_input_nodes);
            readLater.UnionWith(node.all_input_nodes.SelectMany(aliases.Places));
        }
        return dead;
    }
}
