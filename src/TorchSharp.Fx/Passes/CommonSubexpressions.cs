using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Merges nodes that compute the same value.</summary>
public static class CommonSubexpressions
{
    /// <summary>
    /// Finds nodes that compute the same value as an earlier one, and lets their users read the earlier one. It merges operations of
    /// TorchSharp and <c>System.Math</c>, sizes and arithmetic on them, and reads of the same parameter. It doesn't merge random draws,
    /// in-place operations, values that share memory with something that is written to, modules, and unknown code such as a leaf function
    /// of your own. Counterpart: <c>torch.fx.passes.dialect.common.cse_pass.CSEPass</c>.
    /// </summary>
    /// <param name="graph">The graph to shorten.</param>
    /// <param name="root">The module hierarchy of the graph; without it a module may have any side effect.</param>
    /// <returns>Whether anything was merged.</returns>
    public static bool eliminate_common_subexpressions(this Graph graph, nn.Module? root = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.MergeCommon(graph.Aliases(root is null ? null : new ModuleHierarchy(root)), _ => true);
    }

    /// <summary>Merges the nodes that may be merged.</summary>
    internal static bool MergeCommon(this Graph graph, AliasAnalysis aliases, Func<Node, bool> may)
    {
        var before = graph.Count;
        var written = graph.nodes.SelectMany(aliases.Written).ToHashSet();
        var mergeable =
            graph.nodes.Where(node => may(node) && IsMergeable(node, aliases)
                && !node.all_input_nodes.Append(node).SelectMany(aliases.Places).Any(written.Contains)).ToHashSet();
        var (known, merged) = (new Dictionary<int, List<Node>>(), new Dictionary<Node, Node>());
        foreach (var node in graph.nodes)
        {
            // Once for all of its arguments: a list may have thousands that are merged.
            if (node.all_input_nodes.Any(merged.ContainsKey))
                node.args = [.. node.args.Select(argument => argument.map(input => merged.GetValueOrDefault(input, input)))];
            if (!mergeable.Contains(node))
                continue;
            var hash = HashOf(node);
            if (!known.TryGetValue(hash, out var earlier))
                known[hash] = earlier = [];
            if (earlier.Find(other => ComputesTheSame(node, other)) is { } same)
                merged.Add(node, same);
            else
                earlier.Add(node);
        }
        foreach (var node in merged.Keys.Reverse())
            graph.erase_node(node);
        return graph.Count < before;
    }

    private static bool ComputesTheSame(Node a, Node b)
        => a.op == b.op && a.target.Equals(b.target) && a.type == b.type && a.gradient_mode == b.gradient_mode
            && a.args.Length == b.args.Length
        && a.args.Zip(b.args)
            .All(pair =>
                ArgumentComparison.AreSame(pair.First, pair.Second, (node, other) => other is NodeArgument { Node: var second }
                    && node == second));

    /// <summary>The same for nodes that compute the same, and rarely for others.</summary>
    private static int HashOf(Node node)
        => node.args.Aggregate(HashCode.Combine(node.op, node.target, node.type),
            (hash, argument) => HashCode.Combine(hash, ArgumentComparison.HashOf(argument)));

    private static bool IsMergeable(Node node, AliasAnalysis aliases)
        => node.op is Opcode.get_attr or Opcode.call_function or Opcode.call_method && node.type != typeof(void) && aliases.IsPure(node);
}
