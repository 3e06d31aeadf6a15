namespace TorchSharp.Fx.Onnx;

/// <summary>
/// Disposes what an example run made after its last use: three runs of a large model would not fit into memory otherwise.
/// </summary>
internal sealed class Lifetimes
{
    private readonly Dictionary<Node, List<Node>> finished = [];
    private readonly HashSet<object> foreign = new(ReferenceEqualityComparer.Instance);

    internal Lifetimes(Graph graph)
    {
        var last = new Dictionary<Node, Node>();
        foreach (var node in graph.nodes)
            foreach (var input in node.all_input_nodes)
                last[input] = node;
        // The results outlive the graph.
        foreach (var group in last.Where(entry => entry.Value.op != Opcode.output).GroupBy(entry => entry.Value, entry => entry.Key))
            finished[group.Key] = [.. group];
    }

    /// <summary>Leaves alone what belongs to others in a graph inside, and what is kept of it.</summary>
    internal void Leave(Lifetimes inner, IEnumerable<object> kept)
    {
        foreign.UnionWith(inner.foreign);
        foreign.UnionWith(kept);
    }

    /// <summary>
    /// After a node has run: inputs and the module's tensors belong to others, and a value may be the same object as a live one.
    /// </summary>
    internal void After(Node node, object? value, IReadOnlyDictionary<Node, object?> env, HashSet<object> kept)
    {
        if (node.op is Opcode.placeholder or Opcode.get_attr)
            foreach (var tensor in Structure.Tensors(value))
                foreign.Add(tensor);
        if (!finished.TryGetValue(node, out var over))
            return;
        var live = new HashSet<object>(env.Where(entry => !over.Contains(entry.Key)).SelectMany(entry => Structure.Tensors(entry.Value))
            .Concat(Structure.Tensors(value)), ReferenceEqualityComparer.Instance);
        foreach (var tensor in over.SelectMany(read => Structure.Tensors(env[read])))
            if (!foreign.Contains(tensor) && !kept.Contains(tensor) && !live.Contains(tensor))
                tensor.Dispose();
    }
}
