using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>
/// Makes what a graph returns safe to keep and safe to dispose: each output is the node's value at that point, and an object of its own.
/// Where a later operation in place would overwrite an output, that operation gets the copy and the output is the value itself, which
/// gradients flow through. Only where others share the memory, and have to see the write, is the output the copy.
/// </summary>
internal sealed class OutputProtection
{
    private static readonly MethodInfo Alias = ((Func<Tensor?, Tensor?>)StructureClones.alias).Method;
    private static readonly MethodInfo CloneAll =
        typeof(StructureClones).GetMethod(nameof(StructureClones.clone), BindingFlags.Static | BindingFlags.NonPublic)!;

    private readonly Graph graph;
    private readonly AliasAnalysis aliases;
    private readonly ModuleHierarchy modules;
    private readonly Dictionary<Node, int> positions;
    private readonly Dictionary<Node, int> lastReads;
    private readonly ILookup<Place, (Node Node, Node? Written)> writes;

    // What stands for a value from a write on that got a copy of it.
    private readonly Dictionary<Node, Node> current = [];
    private readonly Dictionary<Node, Node> replacements = [];
    private readonly Stack<(Node Value, Node Copy)> made = [];

    private OutputProtection(Graph graph, nn.Module root, bool? training)
    {
        this.graph = graph;
        modules = new ModuleHierarchy(root);
        aliases = graph.Aliases(modules, training);
        positions = graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        lastReads = graph.nodes.ToDictionary(node => node,
            node => node.users.Where(user => user.op != Opcode.output).Select(user => positions[user]).DefaultIfEmpty(-1).Max());
        writes = graph.nodes.SelectMany(node => WritesOf(node).Select(write => (write.Place, Write: (node, write.Written))))
            .ToLookup(entry => entry.Place, entry => entry.Write);
    }

    /// <summary>Protects the outputs of a graph.</summary>
    /// <param name="graph">The graph; its output is changed.</param>
    /// <param name="root">The hierarchy that it names.</param>
    /// <param name="training">Whether it runs in training; null where that isn't known.</param>
    /// <returns>The copies that were made, the last first, each beside what it was made of.</returns>
    internal static IEnumerable<(Node Value, Node Copy)> Protect(Graph graph, nn.Module root, bool? training = null)
    {
        var protection = new OutputProtection(graph, root, training);
        protection.Run();
        return protection.made;
    }

    /// <summary>Takes the copies away that are still there.</summary>
    internal static void Undo(IEnumerable<(Node Value, Node Copy)> made)
    {
        foreach (var (value, copy) in made.Where(entry => !entry.Copy.IsErased))
        {
            copy.replace_all_uses_with(value);
            copy.graph.erase_node(copy);
        }
    }

    private void Run()
    {
        var output = graph.output_node();
        var outputs = output.all_input_nodes.Where(node => TensorTypes.MayHold(node.type)).OrderBy(node => positions[node]).ToArray();
        foreach (var sharing in outputs.GroupBy(aliases.Representative).ToArray())
            FromWrites(sharing.Key, new Queue<Node>(sharing));
        foreach (var node in outputs)
            if (TensorTypes.IsTensor(node.type) && !replacements.ContainsKey(node)
                && aliases.ClassOf(node).Any(same => same.op is Opcode.placeholder or Opcode.get_attr))
                Replace(node, Alias);
        output.args = [output.args[0].map(node => replacements.GetValueOrDefault(node, node))];
    }

    /// <summary>The value that a node writes to, and the argument by which it does so; none for what it reaches otherwise.</summary>
    private IEnumerable<(Place Place, Node? Written)> WritesOf(Node node)
    {
        Node[] direct = [.. aliases.MutatedBy(node).Distinct()];
        var places = direct.Select(aliases.PlaceOf).ToHashSet();
        return direct.Select(written => (aliases.PlaceOf(written), (Node?)written))
            .Concat(aliases.Written(node).Where(place => !places.Contains(place)).Select(place => (place, (Node?)null)));
    }

    /// <summary>Goes through the writes to memory that outputs share, in order.</summary>
    private void FromWrites(Node shared, Queue<Node> unsafeOutputs)
    {
        var members = new Queue<Node>(aliases.ClassOf(shared).OrderBy(node => positions[node]));
        var isOthers = members.Any(BelongsToOthers);
        var reads = new LatestReads();
        foreach (var write in aliases.Places(shared).SelectMany(place => writes[place]).GroupBy(write => write.Node, write => write.Written)
            .OrderBy(write => positions[write.Key]))
        {
            var at = positions[write.Key];
            while (members.TryPeek(out var member) && positions[member] < at)
                reads.Add(members.Dequeue(), lastReads[member]);
            var overwritten = new List<Node>();
            while (unsafeOutputs.TryPeek(out var node) && positions[node] < at)
                overwritten.Add(unsafeOutputs.Dequeue());
            if (overwritten.Count == 0)
                continue;
            if (!isOthers && write.ToArray() is [{ } only] && TensorTypes.IsTensor(only.type) && reads.BesideThoseOf(only) <= at)
                GiveCopy(write.Key, only);
            else
                foreach (var node in overwritten)
                    Replace(node, TensorTypes.IsTensor(node.type) ? MethodTarget.OfClone.Method : CloneAll.MakeGenericMethod(node.type));
        }
    }

    /// <summary>Values that a caller, the model or a module of the user's may hold: they have to see the write.</summary>
    private bool BelongsToOthers(Node node)
        => node.op is Opcode.placeholder or Opcode.get_attr || LeafCalls.IsUsers(node, modules.Module);

    /// <summary>The write, and all that read the value from there on, get a copy.</summary>
    private void GiveCopy(Node write, Node written)
    {
        var before = current.GetValueOrDefault(written, written);
        using var here = graph.inserting_before(write);
        var copy = graph.call_method(MethodTarget.OfClone.Method, before);
        (copy.origin, copy.gradient_mode) = (write.origin, ModeOf(written, write));
        foreach (var user in before.users.ToArray())
            if (user.op != Opcode.output && positions.TryGetValue(user, out var position) && position >= positions[write])
                user.replace_input_with(before, copy);
        made.Push((before, current[written] = copy));
    }

    private void Replace(Node node, MethodInfo method)
    {
        // Placeholders stay together at the graph's head.
        var before = node;
        while (node.op == Opcode.placeholder && before.next.op == Opcode.placeholder)
            before = before.next;
        using var here = graph.inserting_after(before);
        var copy = method.IsStatic ? graph.call_function(method, node) : graph.call_method(method, node);
        (copy.origin, copy.gradient_mode) = (node.origin, ModeOf(node, node));
        made.Push((node, replacements[node] = copy));
    }

    /// <summary>
    /// A copy asks for gradients if its value does, whatever the block is that it is made in: it records, where that block may not.
    /// </summary>
    private static GradientMode? ModeOf(Node value, Node made) => (value.gradient_mode, made.gradient_mode) switch
    {
        (null, null) => null,
        ({ Infers: true } inferring, _) => inferring,
        _ => GradientMode.enable_grad,
    };

    /// <summary>The last read among those of some values, and the last but for one value's.</summary>
    private struct LatestReads()
    {
        private (Node? Node, int At) last = (null, -1);
        private int before = -1;

        internal void Add(Node node, int at)
        {
            if (at > last.At)
                (before, last) = (last.At, (node, at));
            else
                before = Math.Max(before, at);
        }

        internal readonly int BesideThoseOf(Node node) => last.Node == node ? before : last.At;
    }
}
