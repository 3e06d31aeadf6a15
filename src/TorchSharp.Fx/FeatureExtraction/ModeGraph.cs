using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>One mode's graph of a model with the names of its nodes, and the cut at the nodes that are asked for.</summary>
internal sealed class ModeGraph
{
    private readonly nn.Module model;
    private readonly bool training;
    private readonly OrderedDictionary<Node, string> names = [];

    internal ModeGraph(nn.Module model, NodePathTracer tracer, bool training)
    {
        (this.model, this.training) = (model, training);
        Graph = tracer.graph;
        foreach (var (node, name) in tracer.node_to_qualname)
            names.Add(node, name);
    }

    /// <summary>A graph that is there already: a copy of it, whose nodes keep the names that they were traced under.</summary>
    internal ModeGraph(nn.Module model, Graph graph, bool training)
    {
        (this.model, this.training) = (model, training);
        Graph = new Graph();
        var output = Graph.graph_copy(graph, [])!;
        foreach (var (node, name) in NodeLookup.Names(Graph))
            names.Add(node, name);
        Graph.output(output, graph.output_node().type);
    }

    internal Graph Graph { get; }

    internal IReadOnlyDictionary<Node, string> QualifiedNames => names;

    internal IReadOnlyList<string> Names => names.Values;

    /// <summary>Makes the graph return the given nodes and compute nothing else.</summary>
    /// <param name="requested">The nodes.</param>
    /// <param name="warn">Is told what is ambiguous.</param>
    internal void Cut(ReturnNodes requested, Action<string> warn)
    {
        var found = new NodeSelection(model, Graph, names, warn).Find(requested).ToArray();
        var position = Graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Array.Sort([.. found.Select((entry, i) => (position[entry.Node], i))], found);
        Graph.erase_node(Graph.output_node());
        // What comes after the last requested node is not run at all, assertions and in-place operations included.
        foreach (var node in Graph.nodes.Reverse().TakeWhile(node => node != found[^1].Node && node.op != Opcode.placeholder).ToArray())
            Graph.erase_node(node);
        var entries = found.Select(entry => KeyValuePair.Create<Argument, Argument>(new Literal(entry.Key), entry.Node));
        Graph.output(new DictArgument([.. entries], typeof(Dictionary<string, object>)), typeof(Features));
        // Protected, an output is read where it is made, so that what would overwrite it later does not look needed. What is left then says
        // which clones are.
        var copies = OutputProtection.Protect(Graph, model, training);
        Graph.EliminateDeadCode(new(model), training);
        OutputProtection.Undo(copies);
        OutputProtection.Protect(Graph, model, training);
    }
}
