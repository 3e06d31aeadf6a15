using System.Collections.Frozen;

namespace TorchSharp.Fx.TorchScript;

/// <summary>
/// Views that TorchScript takes for new tensors: its compiler goes by the operators' declarations, and those of <c>einsum</c>, <c>cat</c>
/// of one tensor or dropout in evaluation declare none. It drops or moves writes to such a view, so they are refused where another reads
/// the memory afterwards.
/// </summary>
/// <param name="graph">The graph that is written.</param>
/// <param name="modules">What it names.</param>
/// <param name="aliases">Its values that share memory.</param>
internal sealed class HiddenViews(Graph graph, ModuleHierarchy modules, AliasAnalysis aliases)
{
    /// <summary>
    /// Names that TorchSharp has otherwise than ATen, or of what is a part of a value or a module; the other declarations are ATen's.
    /// </summary>
    private static readonly FrozenSet<string> Otherwise =
        "getitem getattr H T cpu float double half bfloat16 long int bool Identity Flatten Unflatten"
        .Split(' ').ToFrozenSet(StringComparer.Ordinal);

    private readonly Dictionary<Node, Node> parents = [];
    private readonly HashSet<Node> hidden = [], writing = [];

    /// <summary>Whether a value in the graph is such a view.</summary>
    internal bool Any => hidden.Count > 0 || graph.nodes.Any(node => !aliases.Operation(node).IsOpaque && IsHidden(node));

    /// <summary>Whether the graph writes to a tensor.</summary>
    internal bool Writes => graph.nodes.Any(node => Written(node).Any());

    /// <summary>Notes of a leaf that was entered what is inside.</summary>
    internal void Entered(Node leaf, HiddenViews inside)
    {
        if (inside.Any)
            hidden.Add(leaf);
        if (inside.Writes)
            writing.Add(leaf);
    }

    /// <summary>The first write that a later reader would miss.</summary>
    internal (Node Write, Node Missed)? Find()
    {
        foreach (var node in graph.nodes.Where(node => !IsHidden(node)))
            foreach (var viewed in aliases.ViewedBy(node))
                parents[Of(node)] = Of(viewed);
        var positions = graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        foreach (var node in graph.nodes)
            foreach (var written in Written(node))
                if (aliases.ClassOf(written)
                    .FirstOrDefault(other => Of(other) != Of(written) && positions[other] < positions[node]
                        && other.users.Any(user => positions[user] > positions[node])) is { } missed)
                    return (node, missed);
        return null;
    }

    private IEnumerable<Node> Written(Node node)
        => aliases.Operation(node).IsOpaque && !writing.Contains(node) ? [] : aliases.MutatedBy(node);

    private bool IsHidden(Node node)
        => aliases.Operation(node) is var does && does.Views != Operands.None && (does.IsOpaque ? hidden.Contains(node)
        : does.Writes == Operands.None && node.target is not (BuiltinTarget or MemberTarget) && !IsDeclared(NameOf(node)));

    private static bool IsDeclared(string name) => Otherwise.Contains(name) || AtenSchema.ViewNames.Contains(name);

    private string NameOf(Node node)
        => node.target is ModuleTarget { Path: var path } ? modules.Module(path).GetType().Name : node.target.name.TrimEnd('_');

    private Node Of(Node node)
    {
        while (parents.TryGetValue(node, out var parent) && parent != node)
            node = parent;
        return node;
    }
}
