using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Makes what a graph returns safe to keep and safe to dispose.</summary>
internal static class OutputProtection
{
    private static readonly MethodInfo Clone = typeof(Tensor).GetMethod(nameof(Tensor.clone), Type.EmptyTypes)!;
    private static readonly MethodInfo Alias = typeof(Tensor).GetMethod(nameof(Tensor.alias), Type.EmptyTypes)!;

    /// <summary>
    /// Makes each output the node's value at that point and an object of its own: what a later in-place operation may overwrite is cloned, and only that;
    /// what may be an input, parameter or buffer is returned under a handle of its own, so that disposing the results disposes nothing else.
    /// </summary>
    /// <returns>What each output's stead is taken by.</returns>
    internal static IReadOnlyDictionary<Node, Node> ProtectOutputs(this Graph graph, nn.Module root)
    {
        var aliases = new AliasAnalysis(graph, new ModuleHierarchy(root));
        var positions = graph.nodes.Select((node, index) => (node, index)).ToDictionary(pair => pair.node, pair => pair.index);
        var lastWrites = LastWrites(graph, aliases, positions);
        var output = graph.output_node();
        var replacements = new Dictionary<Node, Node>();
        foreach (var node in output.all_input_nodes.Where(node => TensorTypes.IsTensor(node.type)))
        {
            if (lastWrites.TryGetValue(aliases.Representative(node), out var written) && written > positions[node])
                replacements[node] = CallAfter(graph, node, Clone);
            else if (aliases.ClassOf(node).Any(same => same.op is Opcode.placeholder or Opcode.get_attr))
                replacements[node] = CallAfter(graph, node, Alias);
        }
        output.args = [output.args[0].map(node => replacements.GetValueOrDefault(node, node))];
        return replacements;
    }

    /// <summary>Returns the values themselves again.</summary>
    internal static void UnprotectOutputs(this Graph graph, IReadOnlyDictionary<Node, Node> replacements)
    {
        foreach (var (node, replacement) in replacements)
        {
            replacement.replace_all_uses_with(node);
            graph.erase_node(replacement);
        }
    }

    private static Dictionary<Node, int> LastWrites(Graph graph, AliasAnalysis aliases, Dictionary<Node, int> positions)
    {
        var last = new Dictionary<Node, int>();
        foreach (var node in graph.nodes)
            foreach (var written in aliases.MutatedBy(node))
                last[aliases.Representative(written)] = positions[node];
        return last;
    }

    private static Node CallAfter(Graph graph, Node node, MethodInfo method)
    {
        // Placeholders stay together at the graph's head.
        var before = node;
        while (node.op == Opcode.placeholder && before.next.op == Opcode.placeholder)
            before = before.next;
        using var here = graph.inserting_after(before);
        var copy = graph.call_method(method, node);
        copy.origin = node.origin;
        return copy;
    }
}
