namespace TorchSharp.Fx;

/// <summary>Some nodes of a graph that become a graph of their own.</summary>
/// <param name="name">The name of the submodule.</param>
internal sealed class Partition(string name)
{
    private readonly List<Node> nodes = [];
    private readonly List<Node> reads = [];

    internal string Name => name;

    /// <summary>The values that come from outside, in the order of their first use.</summary>
    internal List<Node> Inputs { get; } = [];

    /// <summary>The values that are read outside.</summary>
    internal List<Node> Results { get; } = [];

    /// <summary>The partitions that must have run before.</summary>
    internal HashSet<Partition> Needs { get; } = [];

    /// <summary>The modules and tensors that it names.</summary>
    internal IEnumerable<string> Paths => reads.Concat(nodes).Where(node => node.op is Opcode.get_attr or Opcode.call_module).Select(node => node.target.name).Distinct();

    /// <summary>The type of what it returns, unless that is a single value.</summary>
    internal Type ResultType => Results.Count == 0 ? typeof(object) : typeof(object[]);

    /// <summary>The partitions of a graph, in the order of their first nodes.</summary>
    internal static List<Partition> Of(Graph graph, Func<Node, object> split_callback)
    {
        var partitions = new Dictionary<string, Partition>(StringComparer.Ordinal);
        var homes = new Dictionary<Node, Partition>();
        foreach (var node in graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.get_attr or Opcode.output)))
        {
            var name = $"submod_{split_callback(node)}";
            if (!partitions.TryGetValue(name, out var home))
                partitions[name] = home = new Partition(name);
            home.nodes.Add(node);
            homes[node] = home;
        }
        foreach (var (node, home) in homes)
        {
            foreach (var input in node.all_input_nodes)
                home.Take(input, homes.GetValueOrDefault(input));
            if (node.users.Any(user => homes.GetValueOrDefault(user) != home))
                home.Results.Add(node);
        }
        return [.. partitions.Values];
    }

    /// <summary>Makes what is written in one partition and read or written in another keep its order.</summary>
    internal static void Connect(List<Partition> partitions, AliasAnalysis aliases)
    {
        var homes = partitions.SelectMany(home => home.nodes.Select(node => (node, home))).ToDictionary(pair => pair.node, pair => pair.home);
        if (homes.Count == 0)
            return;
        Node[] order = [.. homes.Keys.First().graph.nodes.Where(homes.ContainsKey)];
        for (var writer = 0; writer < order.Length; writer++)
        {
            var written = aliases.MutatedBy(order[writer]).Select(aliases.Representative).ToHashSet();
            if (written.Count == 0)
                continue;
            for (var other = 0; other < order.Length; other++)
                if (homes[order[other]] != homes[order[writer]] && order[other].all_input_nodes.Append(order[other]).Any(touched => written.Contains(aliases.Representative(touched))))
                    homes[order[Math.Max(writer, other)]].Needs.Add(homes[order[Math.Min(writer, other)]]);
        }
    }

    /// <summary>The graph, to be used once.</summary>
    internal Graph Build()
    {
        var graph = new Graph();
        var copies = new Dictionary<Node, Node>();
        foreach (var input in Inputs)
            copies[input] = graph.placeholder(input.name, input.type);
        foreach (var node in reads.Concat(nodes))
            copies[node] = graph.node_copy(node, inner => copies[inner]);
        if (Results is [var single])
            graph.output(copies[single], single.type);
        else
            graph.output(Results.Count == 0 ? new Literal(null) : new ListArgument([.. Results.Select(result => (Argument)copies[result])], typeof(object)), ResultType);
        return graph;
    }

    private void Take(Node input, Partition? from)
    {
        if (from == this)
            return;
        var known = input.op == Opcode.get_attr ? reads : Inputs;
        if (!known.Contains(input))
            known.Add(input);
        if (from is not null)
            Needs.Add(from);
    }
}
