using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A requested node, and the key of its value in the result.</summary>
/// <param name="Name">A node's qualified name, or a module's for the last node inside. <c>NAME:in</c> is the first input of that node or
/// module. A <see cref="NodePattern"/> means all matching names.</param>
/// <param name="Key">The key in the result.</param>
public readonly record struct ReturnNode(string Name, string Key)
{
    /// <summary>A name, which is also the key.</summary>
    public static implicit operator ReturnNode(string name) => new(name, name);
}

/// <summary>
/// The nodes to return: a list of names and patterns (<c>["layer1", "layer4.?.conv2", "fc:in"]</c>), names with their keys
/// (<c>new() { ["layer1"] = "feat1" }</c>), or all nodes that meet a condition (<c>ReturnNodes.Where((_, module) => module is Conv2d)</c>).
/// Counterpart: the <c>return_nodes</c> of torchvision's feature extraction.
/// </summary>
public sealed class ReturnNodes : IEnumerable<ReturnNode>
{
    private readonly OrderedDictionary<string, string> keys = new(StringComparer.Ordinal);

    /// <summary>The key under which a node's value is returned.</summary>
    public string this[string name]
    {
        get => keys[name];
        set => keys[name] = value;
    }

    internal Func<Node, nn.Module?, bool>? Predicate { get; private init; }

    internal bool AsksForNothing => keys.Count == 0 && Predicate is null;

    /// <summary>All nodes that meet a condition, under their own names.</summary>
    /// <param name="predicate">Gets each named node and the module that it calls, or null where it calls none.</param>
    public static ReturnNodes Where(Func<Node, nn.Module?, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new() { Predicate = predicate };
    }

    /// <summary>Requests one more node.</summary>
    public void Add(ReturnNode node) => keys[node.Name] = node.Key;

    /// <summary>Names, each its own key.</summary>
    public static implicit operator ReturnNodes(string[] names) => From(names.Select(name => (ReturnNode)name));

    /// <summary>Names, each its own key.</summary>
    public static implicit operator ReturnNodes(List<string> names) => From(names.Select(name => (ReturnNode)name));

    /// <summary>Names with their keys.</summary>
    public static implicit operator ReturnNodes(Dictionary<string, string> names)
        => From(names.Select(entry => new ReturnNode(entry.Key, entry.Value)));

    /// <inheritdoc/>
    public IEnumerator<ReturnNode> GetEnumerator() => keys.Select(entry => new ReturnNode(entry.Key, entry.Value)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ReturnNodes From(IEnumerable<ReturnNode> nodes) => [.. nodes];
}
