using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Makes a new graph from an old one, node by node. This class copies every node; override the method of a node kind to replace such nodes.
/// The method returns the value that later nodes read: a <see cref="Proxy"/>, a <see cref="Node"/> of the new graph or an
/// <see cref="Argument"/>. Counterpart: <c>torch.fx.Transformer</c>.
/// </summary>
/// <param name="module">The hierarchy whose modules, parameters and buffers the graph names.</param>
/// <param name="graph">The graph to transform; it is not changed.</param>
public class GraphTransformer(nn.Module module, Graph graph) : GraphInterpreter(module, graph)
{
    /// <summary>A transformer of a graph module's present graph: <c>module.graph = new GraphTransformer(module).transform()</c>.</summary>
    public GraphTransformer(IGraphModule module) : this((nn.Module)module, module.graph) { }

    /// <summary>The graph that is being made. Counterpart: <c>torch.fx.Transformer.new_graph</c>.</summary>
    protected Graph new_graph { get; private set; } = new();

    /// <summary>Makes the new graph. Counterpart: <c>torch.fx.Transformer.transform</c>.</summary>
    public Graph transform()
    {
        new_graph = new Graph();
        foreach (var node in graph.nodes)
        {
            var known = new_graph.nodes.LastOrDefault();
            Set(node, run_node(node));
            // What stands for a node came from where that did.
            foreach (var made in new_graph.nodes.Reverse().TakeWhile(made => made != known))
                made.StandsFor(node);
        }
        new_graph.lint();
        return new_graph;
    }

    /// <inheritdoc/>
    protected override object? placeholder(Node node) => Copy(node);

    /// <inheritdoc/>
    protected override object? get_attr(Node node) => Copy(node);

    /// <inheritdoc/>
    protected override object? call_function(Node node) => Copy(node);

    /// <inheritdoc/>
    protected override object? call_method(Node node) => Copy(node);

    /// <inheritdoc/>
    protected override object? call_module(Node node) => Copy(node);

    /// <inheritdoc/>
    protected override object? output(Node node) => Copy(node);

    /// <summary>
    /// An argument's form in the new graph: the <see cref="Proxy"/> of a node, any other argument with its nodes replaced.
    /// </summary>
    protected override object? map_nodes_to_values(Argument argument)
    {
        ArgumentNullException.ThrowIfNull(argument);
        return argument.map(Replacement) is var replacement && replacement is NodeArgument { Node: var node }
            ? new Proxy(node) : (object)replacement;
    }

    private Proxy Copy(Node node) => new(new_graph.node_copy(node, Replacement));

    private Argument Replacement(Node node) => env[node] switch
    {
        Proxy proxy => proxy,
        Node copy => copy,
        Argument argument => argument,
        var other =>
            throw new InvalidOperationException(
                $"'{node.name}' was replaced by {other?.GetType().Name ?? "null"}, which can't stand in a graph. Return a Proxy, a Node "
                    + "of new_graph or an Argument."),
    };
}
