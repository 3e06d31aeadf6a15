namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// When each value is read for the last time, and which live ones may then still be, or hold, the same tensor. Where those are many, or a
/// module of the user's may keep one, a run counts who holds what instead (<see cref="Owners"/>), so that the time for all of it is linear
/// in the number of nodes.
/// </summary>
internal sealed class Lifetimes
{
    private const int Forever = int.MaxValue;

    /// <summary>Among as many live values a tensor is looked for one by one.</summary>
    private const int Few = 4;

    private readonly Dictionary<Node, (int Born, int Dies)> spans = [];
    private readonly Dictionary<Node, List<(Node Dead, Node[] Live)>> ends = [];
    private readonly HashSet<Node> counted;
    private readonly AliasAnalysis aliases;
    private readonly IReadOnlySet<Node> copied;

    /// <param name="graph">The graph.</param>
    /// <param name="aliases">Which values may share a tensor.</param>
    /// <param name="keepers">The nodes that call a module which may keep what it is given or gives.</param>
    /// <param name="copied">The values that the output copies: they are not needed afterwards.</param>
    internal Lifetimes(Graph graph, AliasAnalysis aliases, IEnumerable<Node> keepers, IReadOnlySet<Node> copied)
    {
        (this.aliases, this.copied) = (aliases, copied);
        foreach (var node in graph.nodes)
            spans[node] = (spans.Count, 0);
        foreach (var node in graph.nodes.Reverse())
            spans[node] = (Born(node), Dies(node));
        counted = [.. keepers.SelectMany(node => node.all_input_nodes.Append(node)).Select(aliases.Representative)];
        FindEnds(graph);
    }

    /// <summary>Whether a run counts the holders of this value's tensors.</summary>
    internal bool IsCounted(Node node) => counted.Contains(aliases.Representative(node));

    /// <summary>
    /// The values that die with this node's turn, last made first, each beside the live ones that may share its tensors; those only where
    /// they aren't counted.
    /// </summary>
    internal IReadOnlyList<(Node Dead, Node[] Live)> After(Node node) => ends.GetValueOrDefault(node, []);

    private int Born(Node node) => spans[node].Born;

    /// <summary>The last turn that reads it. A structure lives as long as what was taken out of it, whose tensors it owns.</summary>
    private int Dies(Node node)
    {
        var dies = Born(node);
        foreach (var user in node.users)
        {
            dies = Math.Max(dies, (user.op == Opcode.output && !copied.Contains(node))
                || user.target is StateTarget ? Forever : Born(user));
            if (user.op != Opcode.output && !TensorTypes.IsTensor(node.type)
                && aliases.Representative(user) == aliases.Representative(node))
                dies = Math.Max(dies, spans[user].Dies);
        }
        return node.op is Opcode.placeholder or Opcode.get_attr || node.target is StateTarget ? Forever : dies;
    }

    /// <summary>Goes through the turns with the values that live in each class.</summary>
    private void FindEnds(Graph graph)
    {
        var live = new Dictionary<Node, LinkedList<Node>>();
        var places = new Dictionary<Node, LinkedListNode<Node>>();
        var deaths = graph.nodes.Where(node => node.op != Opcode.output && TensorTypes.MayHold(node.type) && spans[node].Dies != Forever)
            .ToLookup(node => spans[node].Dies);
        foreach (var node in graph.nodes)
        {
            places[node] = Living(node).AddLast(node);
            foreach (var dead in deaths[Born(node)].Reverse())
            {
                var others = Living(dead);
                others.Remove(places[dead]);
                if (others.Count > Few)
                    counted.Add(aliases.Representative(dead));
                if (!ends.TryGetValue(node, out var ending))
                    ends[node] = ending = [];
                ending.Add((dead, others.Count > Few ? [] : [.. others]));
            }
        }

        LinkedList<Node> Living(Node node)
        {
            var of = aliases.Representative(node);
            return live.TryGetValue(of, out var list) ? list : live[of] = [];
        }
    }

    /// <summary>Elements of a structure are its own; a field's value is its object's.</summary>
    internal static bool IsOwned(Node node)
        => node.op is Opcode.call_function or Opcode.call_method or Opcode.call_module
        && node.target is not (BuiltinTarget or MemberTarget { Member: System.Reflection.FieldInfo })
        && TensorTypes.MayHold(node.type);
}
