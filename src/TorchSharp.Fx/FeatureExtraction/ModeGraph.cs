using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>One mode's graph of a model with the names of its nodes, and the cut at the nodes that are asked for.</summary>
internal sealed class ModeGraph
{
    private readonly nn.Module model;
    private readonly OrderedDictionary<Node, string> names = [];

    internal ModeGraph(nn.Module model, NodePathTracer tracer)
    {
        this.model = model;
        Graph = tracer.graph;
        foreach (var (node, name) in tracer.node_to_qualname)
            names.Add(node, name);
    }

    /// <summary>A graph that is there already: a copy of it, whose nodes keep the names that they were traced under.</summary>
    internal ModeGraph(nn.Module model, Graph graph)
    {
        this.model = model;
        Graph = new Graph();
        var output = Graph.graph_copy(graph, [])!;
        foreach (var node in Graph.nodes)
            names.Add(node, node.get_meta(Node.QualifiedName) ?? node.name);
        Graph.output(output, graph.output_node().type);
    }

    internal Graph Graph { get; }

    internal IReadOnlyList<string> Names => names.Values;

    /// <summary>Makes the graph return the given nodes and compute nothing else.</summary>
    internal void Cut(ReturnNodes requested)
    {
        var found = requested.Select(request => (Node: Find(request.Name), request.Key)).ToArray();
        var position = Graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Array.Sort([.. found.Select((entry, i) => (position[entry.Node], i))], found);
        Graph.erase_node(Graph.output_node());
        // What comes after the last requested node is not run at all, assertions and in-place operations included.
        foreach (var node in Graph.nodes.Reverse().TakeWhile(node => node != found[^1].Node && node.op != Opcode.placeholder).ToArray())
            Graph.erase_node(node);
        var entries = found.Select(entry => KeyValuePair.Create<Argument, Argument>(new Literal(entry.Key), entry.Node));
        Graph.output(new DictArgument([.. entries], typeof(Dictionary<string, object>)), typeof(Features));
        // Protected, an output is read where it is made, so that what would overwrite it later does not look needed. What is left then says which clones are.
        var protection = Graph.ProtectOutputs(model);
        Graph.eliminate_dead_code(model);
        Graph.UnprotectOutputs(protection);
        Graph.ProtectOutputs(model);
    }

    /// <summary>The last node of a name or inside a module; a leaf module also answers to its exact path where the list shows it without its number.</summary>
    private Node Find(string query)
    {
        var found = LastOf(query, entry => entry.Value) ?? LastOf(query, entry => entry.Key.op == Opcode.call_module ? entry.Key.target.name : null) ?? throw Unknown(query);
        return found.type != typeof(void) ? found : throw new ArgumentException(
            $"node: '{query}' has no value to return: it is '{names[found]}', which only writes to another node's value or checks it. Ask for the node that it writes to.");
    }

    private Node? LastOf(string query, Func<KeyValuePair<Node, string>, string?> name)
        => names.LastOrDefault(entry => Answers(name(entry), query)).Key;

    private ArgumentException Unknown(string query) => new(
        $"node: '{query}' is not present in model. The nearest names are {NearestNames.Quoted(query, Candidates())}. Hint: use `get_graph_node_names` to make sure the `return_nodes` you specified are present. It may even be that you need to specify `train_return_nodes` and `eval_return_nodes` separately.");

    private static bool Answers(string? name, string query)
        => name is not null && name.StartsWith(query, StringComparison.Ordinal) && (name.Length == query.Length || name[query.Length] == '.');

    /// <summary>All names, and the modules that they lie in.</summary>
    private IEnumerable<string> Candidates() => names.Values.SelectMany(name =>
    {
        var parts = name.Split('.');
        return Enumerable.Range(1, parts.Length).Select(count => string.Join('.', parts[..count]));
    });
}
