using System.Collections;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Nodes in the order in which they were added, each once. Adding one, finding one and taking one away takes as long among thousands as
/// among three.
/// </summary>
internal sealed class NodeSet : IReadOnlyList<Node>
{
    private const int Few = 12;
    private readonly List<Node?> nodes = [];

    // Where each is, once there are more than a few.
    private Dictionary<Node, int>? places;
    private int gaps;
    private int version;

    /// <inheritdoc/>
    public int Count => nodes.Count - gaps;

    /// <inheritdoc/>
    public Node this[int index]
    {
        get
        {
            CloseGaps();
            return nodes[index]!;
        }
    }

    internal bool Contains(Node node) => places?.ContainsKey(node) ?? nodes.Contains(node);

    internal void Add(Node node)
    {
        if (Contains(node))
            return;
        version++;
        places?.Add(node, nodes.Count);
        nodes.Add(node);
        if (places is null && nodes.Count > Few)
            FindPlaces();
    }

    /// <summary>Adds the nodes that an argument reads.</summary>
    internal void AddAll(Argument argument)
    {
        if (argument is NodeArgument { Node: var node })
            Add(node);
        else
            foreach (var part in argument.Parts)
                AddAll(part);
    }

    internal void Remove(Node node)
    {
        version++;
        if (places is null)
        {
            nodes.Remove(node);
            return;
        }
        if (!places.Remove(node, out var place))
            return;
        nodes[place] = null;
        gaps++;
        if (gaps > nodes.Count / 2)
            CloseGaps();
    }

    /// <inheritdoc/>
    public IEnumerator<Node> GetEnumerator()
    {
        CloseGaps();
        var started = version;
        for (var i = 0; i < nodes.Count; i++)
        {
            yield return nodes[i]!;
            if (version != started)
                throw new InvalidOperationException(
                    "The users of a node changed while they were enumerated. Enumerate a copy: node.users.ToArray().");
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void CloseGaps()
    {
        if (gaps == 0)
            return;
        nodes.RemoveAll(node => node is null);
        gaps = 0;
        FindPlaces();
    }

    private void FindPlaces()
    {
        places = new(nodes.Count);
        for (var i = 0; i < nodes.Count; i++)
            places[nodes[i]!] = i;
    }
}
