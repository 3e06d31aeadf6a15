namespace TorchSharp.Fx;

/// <summary>When each value is read for the last time, and which live ones may then still be, or hold, the same tensor.</summary>
internal sealed class Lifetimes
{
    private const int Forever = int.MaxValue;
    private readonly Dictionary<Node, (int Born, int Dies)> spans = [];
    private readonly ILookup<int, Node> deaths;
    private readonly AliasAnalysis aliases;

    internal Lifetimes(Graph graph, AliasAnalysis aliases)
    {
        this.aliases = aliases;
        foreach (var node in graph.nodes)
            spans[node] = (spans.Count, 0);
        foreach (var node in graph.nodes.Reverse())
            spans[node] = (Born(node), Dies(node));
        deaths = graph.nodes.Where(IsOwned).ToLookup(node => spans[node].Dies);
    }

    /// <summary>The values that die with this node's turn, last made first, each beside the live ones that may share its tensors.</summary>
    internal IEnumerable<(Node Dead, List<Node> Live)> After(Node node)
        => deaths[Born(node)].Reverse().Select(dead => (dead, aliases.ClassOf(dead).Where(other => other != dead && Outlives(other, dead, Born(node))).ToList()));

    private int Born(Node node) => spans[node].Born;

    /// <summary>The last turn that reads it. A structure lives as long as what was taken out of it, whose tensors it owns.</summary>
    private int Dies(Node node)
    {
        var dies = Born(node);
        foreach (var user in node.users)
        {
            dies = Math.Max(dies, user.op == Opcode.output ? Forever : Born(user));
            if (user.op != Opcode.output && !TensorTypes.IsTensor(node.type) && aliases.Representative(user) == aliases.Representative(node))
                dies = Math.Max(dies, spans[user].Dies);
        }
        return node.op is Opcode.placeholder or Opcode.get_attr ? Forever : dies;
    }

    private bool Outlives(Node other, Node dead, int turn)
        => Born(other) <= turn && (spans[other].Dies > turn || (spans[other].Dies == turn && Born(other) < Born(dead)));

    /// <summary>Elements of a structure are its own; a field's value is its object's.</summary>
    private static bool IsOwned(Node node)
        => node.op is Opcode.call_function or Opcode.call_method or Opcode.call_module
        && node.target is not (BuiltinTarget or MemberTarget { Member: System.Reflection.FieldInfo })
        && TensorTypes.MayHold(node.type);
}
