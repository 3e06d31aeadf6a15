using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Which values may share storage or be the same object, and what each node writes to, by the table of operations. Made once for a version
/// of a graph: <see cref="Graph.Aliases"/>.
/// </summary>
internal sealed class AliasAnalysis
{
    private readonly Dictionary<Node, int> numbers = [];
    private readonly List<Node> nodes = [];
    private readonly List<Operation> operations = [];
    private readonly int[] parents;
    private readonly List<Node>[] classes;
    private readonly Dictionary<nn.Module, int> states = new(ReferenceEqualityComparer.Instance);
    private readonly ModuleHierarchy? modules;
    private readonly bool? training;
    private readonly HashSet<int> reached = [];
    private readonly List<(Node Node, Tensor? Tensor)> attributes = [];
    private readonly ILookup<object, Node> readers;

    /// <param name="graph">The graph as it is now.</param>
    /// <param name="modules">The hierarchy that it names; without one every module is opaque.</param>
    /// <param name="training">Whether it runs in training; null where that isn't known.</param>
    internal AliasAnalysis(Graph graph, ModuleHierarchy? modules, bool? training = null)
    {
        (this.modules, this.training) = (modules, training);
        foreach (var node in graph.nodes)
        {
            numbers[node] = nodes.Count;
            nodes.Add(node);
            operations.Add(Operations.Of(node, modules, training));
            if (node.op == Opcode.get_attr)
                attributes.Add((node, modules?.TryAttribute(node.target.name)));
            foreach (var called in modules is null ? [] : Calls(node))
                states.TryAdd(modules!.Module(called), states.Count + 1);
        }
        parents = [.. Enumerable.Range(0, nodes.Count)];
        foreach (var node in nodes)
            if (node.op != Opcode.output && TensorTypes.MayHold(node.type))
                foreach (var input in Among(node, Operation(node).Views))
                    Unite(numbers[input], numbers[node]);
        readers = attributes.Where(entry => entry.Tensor is not null).ToLookup(entry => MemoryOf(entry.Tensor!), entry => entry.Node);
        UniteAttributes();
        for (var i = 0; i < parents.Length; i++)
            parents[i] = Find(i);
        classes = Classes();
        if (operations.Exists(operation => operation.IsOpaque))
            reached = [.. nodes.Where(IsReached).Select(node => Find(numbers[node]))];
    }

    /// <summary>
    /// Whether all that it was made of is still so, the graph being the same: modules may have been set otherwise or got hooks.
    /// </summary>
    internal bool IsOf(ModuleHierarchy? others, bool? mode)
        => training == mode && ReferenceEquals(modules?.Root, others?.Root)
        && nodes.Index().All(entry => operations[entry.Index] == Operations.Of(entry.Item, others, mode))
        && attributes.TrueForAll(entry => ReferenceEquals(entry.Tensor, others?.TryAttribute(entry.Node.target.name)));

    /// <summary>The row of a node's operation.</summary>
    internal Operation Operation(Node node) => operations[numbers[node]];

    /// <summary>All values that may share storage with this one, itself included, in the graph's order.</summary>
    internal IReadOnlyList<Node> ClassOf(Node node) => classes[Find(numbers[node])];

    /// <summary>One node that stands for the class: its first.</summary>
    internal Node Representative(Node node) => nodes[Find(numbers[node])];

    /// <summary>The values that this node's value may be, contain or share memory with by what the node does.</summary>
    internal IEnumerable<Node> ViewedBy(Node node) => Among(node, Operation(node).Views);

    /// <summary>The values that this node writes to; of a node that may do anything all that it is given.</summary>
    internal IEnumerable<Node> MutatedBy(Node node) => Among(node, Operation(node).Writes);

    /// <summary>
    /// Whether a node computes a value and does nothing else, so that it can be dropped, merged with another one, or computed ahead.
    /// </summary>
    internal bool IsPure(Node node)
        => Operation(node) is { Writes: Operands.None } does
            && !does.Has(Effects.Lasting | Effects.ReadsState | Effects.Exposes | Effects.Generators);

    /// <summary>
    /// Whether a node does something that matters though nobody reads its value: it draws, changes state, or may do anything.
    /// </summary>
    internal bool Lasts(Node node) => Operation(node).Has(Effects.Lasting);

    /// <summary>The memory of a value's class.</summary>
    internal Place PlaceOf(Node value) => new(Find(numbers[value]));

    /// <summary>The places that a value lies in: its memory, and all that code which isn't known can reach, if it can.</summary>
    internal IEnumerable<Place> Places(Node value)
    {
        var place = PlaceOf(value);
        yield return place;
        if (reached.Contains(place.Number))
            yield return Place.Anywhere;
    }

    /// <summary>The places whose content this node may change.</summary>
    internal IEnumerable<Place> Written(Node node)
    {
        var does = Operation(node);
        foreach (var written in MutatedBy(node))
            foreach (var place in Places(written))
                yield return place;
        if (does.Has(Effects.Draws | Effects.DrawsInTraining | Effects.WritesState | Effects.Outside | Effects.Opaque))
            yield return Place.Process;
        if (does.IsOpaque)
            yield return Place.Anywhere;
        else if (does.Has(Effects.Updates | Effects.UpdatesInTraining))
            foreach (var place in State(node))
                yield return place;
    }

    /// <summary>The places whose content this node may depend on.</summary>
    internal IEnumerable<Place> Read(Node node)
    {
        foreach (var read in node.all_input_nodes.Append(node))
            foreach (var place in Places(read))
                yield return place;
        if (Operation(node).Has(Effects.ReadsState))
            yield return Place.Process;
        if (node.op == Opcode.call_module || node.target is MapTarget)
            foreach (var place in State(node))
                yield return place;
    }

    /// <summary>Whether the order of two nodes matters: one writes what the other one reads or writes.</summary>
    internal bool Conflict(Node one, Node other)
    {
        var (written, alsoWritten) = (Written(one).ToArray(), Written(other).ToArray());
        return (written.Length > 0 && (written.Intersect(alsoWritten).Any() || written.Intersect(Read(other)).Any()))
            || (alsoWritten.Length > 0 && alsoWritten.Intersect(Read(one)).Any());
    }

    /// <summary>Whether code that isn't known may hold a value: a parameter or buffer, and what it was given or gave.</summary>
    private bool IsReached(Node node)
        => node.op == Opcode.get_attr || Operation(node).IsOpaque || node.users.Any(user => Operation(user).IsOpaque);

    private static IEnumerable<Node> Among(Node node, Operands which)
    {
        var some = which switch
        {
            Operands.First => node.args.Length > 0 ? node.args[0].nodes() : [],
            Operands.All => node.all_input_nodes,
            Operands.Alone => node.args.OfType<ListArgument>().FirstOrDefault() is { Items: { Length: > 1 } items }
                && !items.Any(item => item is SpreadArgument) ? [] : node.all_input_nodes,
            Operands.Out => Given(node, "out"),
            Operands.Statistics => Given(node, "running_mean").Concat(Given(node, "running_var")),
            _ => [],
        };
        return some.Where(input => TensorTypes.MayHold(input.type));
    }

    private static IEnumerable<Node> Given(Node node, string parameter) => node.target.Callee?.Given(node, parameter)?.nodes() ?? [];

    /// <summary>The places of a module's own tensors, as far as the graph reads them, and of what else it keeps.</summary>
    private IEnumerable<Place> State(Node call)
    {
        if (modules is null)
            return [Place.Anywhere];
        return Calls(call).SelectMany(path => State(modules.Module(path), path));
    }

    private IEnumerable<Place> State(nn.Module module, string path)
    {
        var own = new Place(nodes.Count + states[module]);
        return attributes.Count == 0 ? [own] : ReadersOf(module, path).SelectMany(Places).Prepend(own);
    }

    /// <summary>The modules that a node calls.</summary>
    private static IEnumerable<string> Calls(Node node) => node.target switch
    {
        ModuleTarget { Path: var path } => [path],
        MapTarget map => map.Calls,
        _ => [],
    };

    private IEnumerable<Node> ReadersOf(nn.Module module, string path)
        => attributes.Where(entry => entry.Node.target.name.StartsWith(path + ".", StringComparison.Ordinal)).Select(entry => entry.Node)
            .Concat(module.parameters().Concat(module.buffers()).SelectMany(tensor => readers[MemoryOf(tensor)])).Distinct();

    /// <summary>Two names of one tensor, and tensors that lie in the same memory.</summary>
    private void UniteAttributes()
    {
        foreach (var same in attributes.GroupBy(entry => entry.Node.target.name, entry => entry.Node, StringComparer.Ordinal)
            .Concat(readers.AsEnumerable<IEnumerable<Node>>()))
            foreach (var node in same.Skip(1))
                Unite(numbers[same.First()], numbers[node]);
    }

    /// <summary>The key of a tensor's memory: where it starts, or else the object.</summary>
    private static object MemoryOf(Tensor tensor)
        => TensorIdentity.Storage(tensor) is not 0 and var start ? start : TensorIdentity.Of(tensor) is not 0 and var native
            ? native : (object)tensor;

    private List<Node>[] Classes()
    {
        var found = new List<Node>[nodes.Count];
        for (var i = 0; i < nodes.Count; i++)
            (found[Find(i)] ??= []).Add(nodes[i]);
        return found;
    }

    private int Find(int number)
    {
        // Nothing is written where all lead to their class already: several threads may ask.
        while (parents[number] is var parent && parent != number)
        {
            if (parents[parent] != parent)
                parents[number] = parents[parent];
            number = parent;
        }
        return number;
    }

    /// <summary>The first node of a class stands for it.</summary>
    private void Unite(int a, int b)
    {
        (a, b) = (Find(a), Find(b));
        parents[Math.Max(a, b)] = Math.Min(a, b);
    }
}

/// <summary>Something that can be written to: the memory of a class of values, by its number, or a state beside.</summary>
internal readonly record struct Place(int Number)
{
    /// <summary>The state of the thread or the process, such as the generator of random numbers.</summary>
    internal static readonly Place Process = new(-1);

    /// <summary>All that code which isn't known can reach.</summary>
    internal static readonly Place Anywhere = new(-2);
}
