namespace TorchSharp.Fx.Inference;

/// <summary>The nodes that may be moved, and the values that may be overwritten, in a graph that doesn't change meanwhile.</summary>
internal sealed class ExecutionOrder
{
    private readonly Dictionary<Node, int> positions = [];
    private readonly AliasAnalysis aliases;

    internal ExecutionOrder(Graph graph, AliasAnalysis aliases)
    {
        this.aliases = aliases;
        foreach (var node in graph.nodes)
            positions[node] = positions.Count;
    }

    internal int Position(Node node) => positions[node];

    /// <summary>
    /// Whether a node may run as late as <paramref name="before"/>: nothing in between writes to what it reads, or reads what it writes to.
    /// </summary>
    internal bool MayMove(Node node, Node before)
    {
        for (var between = node.next; between != before; between = between.next)
            if (aliases.Conflict(node, between))
                return false;
        return true;
    }

    /// <summary>Whether a node writes to something that exists already.</summary>
    internal bool Writes(Node node) => aliases.MutatedBy(node).Any();

    /// <summary>Whether two values may lie in the same memory.</summary>
    internal bool ShareMemory(Node one, Node other) => aliases.Representative(one) == aliases.Representative(other);

    /// <summary>
    /// Whether a value, or anything that shares its memory, is read by no node after <paramref name="node"/>, and by nobody outside of the
    /// graph.
    /// </summary>
    internal bool IsLastUse(Node value, Node node)
        => aliases.ClassOf(value)
            .All(same => same.op is not (Opcode.placeholder or Opcode.get_attr)
                && same.users.All(user => positions[user] <= positions[node]));
}
