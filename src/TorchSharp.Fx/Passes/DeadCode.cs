using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Removes nodes that have no effect.</summary>
public static class DeadCode
{
    /// <summary>
    /// Removes every node that the output does not need. It also keeps placeholders, assertions, in-place operations on parameters, buffers
    /// and values that are read later, random draws (they change the random numbers after them), layers that keep statistics, and unknown
    /// code such as your own leaf modules. Counterpart: <c>torch.fx.Graph.eliminate_dead_code</c>, which drops in-place operations that
    /// matter.
    /// </summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="root">The module hierarchy of the graph; without it a module may have any side effect, and so every call of one
    /// stays.</param>
    /// <param name="is_impure_node">Returns true for further nodes to keep, e.g. <see cref="Node.is_impure"/>.</param>
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
