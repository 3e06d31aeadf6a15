namespace TorchSharp.Fx.Export;

/// <summary>Regions of a program, <c>with torch.no_grad()</c> and <c>with torch.autocast(…, enabled=False)</c>: PyTorch has a graph of
/// its own for
/// what is in one. Here its nodes take the region's place.</summary>
internal sealed class Regions
{
    private const string Gradients = "torch.ops.higher_order.wrap_with_set_grad_enabled";

    /// <summary>A region in which PyTorch chooses the types of operations.</summary>
    internal const string Autocast = "torch.ops.higher_order.wrap_with_autocast";

    private readonly List<NodeData> nodes = [];
    private readonly Dictionary<string, TensorMeta> tensors;
    private int count;

    private Regions(GraphData graph) => tensors = new(graph.tensor_values, StringComparer.Ordinal);

    /// <summary>The graph without regions.</summary>
    internal static GraphData Opened(GraphData graph)
    {
        if (!graph.nodes.Any(node => Body(node) is not null))
            return graph;
        var regions = new Regions(graph);
        var outputs = regions.Add(graph, [], null, "");
        return graph with { nodes = regions.nodes, outputs = outputs, tensor_values = regions.tensors };
    }

    /// <summary>Adds a graph's nodes, and gives its outputs.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="names">What values are called here, where they are called otherwise.</param>
    /// <param name="records">Whether gradients are recorded, where a region says it.</param>
    /// <param name="prefix">What its values' names begin with.</param>
    private List<Value> Add(GraphData graph, Dictionary<string, Value> names, bool? records, string prefix)
    {
        foreach (var (name, meta) in graph.tensor_values)
            tensors.TryAdd(prefix + name, meta);
        foreach (var node in graph.nodes)
            if (Body(node) is var (body, given, inner))
                Open(node, body, [.. given.Select(input => Renamed(input.arg))], inner ?? records, names);
            else
                nodes.Add(node with
                {
                    inputs = [.. node.inputs.Select(input => input with { arg = Renamed(input.arg) })],
                    outputs = [.. node.outputs.Select(Renamed)],
                    Records = node.Records ?? records,
                });
        return [.. graph.outputs.Select(Renamed)];

        Value Renamed(Value value) => value switch
        {
            Value.Reference reference => names.TryGetValue(reference.Name, out var known) ? known
                : reference with { Name = prefix + reference.Name },
            Value.Many many => many with { Items = [.. many.Items.Select(Renamed)] },
            _ => value,
        };
    }

    private void Open(NodeData node, GraphData body, List<Value> given, bool? records, Dictionary<string, Value> names)
    {
        if (given.Count != body.inputs.Count || body.inputs.Any(input => input is not Value.Reference))
            throw new InvalidDataException("has a region with other inputs than it is given");
        var inner = new Dictionary<string, Value>(StringComparer.Ordinal);
        foreach (var (input, value) in body.inputs.Zip(given))
            if (!inner.TryAdd(((Value.Reference)input).Name, value))
                throw new InvalidDataException("has a region with two inputs of one name");
        var results = Add(body, inner, records, $"region{count++}.");
        var outputs = node.outputs.SelectMany(output => output is Value.Many { Items: var many } ? many : [output]).ToArray();
        if (outputs.Length != results.Count)
            throw new InvalidDataException("has a region with other results than it gives");
        foreach (var (output, result) in outputs.Zip(results))
            if (output is not Value.Reference { Name: var name } || !names.TryAdd(name, result))
                throw new InvalidDataException("has a region whose result has no name of its own");
    }

    /// <summary>The graph of a region that can be opened, what goes into it, and whether it records gradients.</summary>
    private static (GraphData Body, IEnumerable<NamedValue> Given, bool? Records)? Body(NodeData node) => node switch
    {
        { target: Gradients, inputs: [{ arg: Value.Constant { Item: bool records } }, { arg: Value.Subgraph body }, .. var given] }
            => (body.Graph, given, records),
        { target: Autocast, inputs: [{ arg: Value.Constant { Item: string place } }, _, { arg: Value.Constant { Item: bool enabled } }, _,
            { arg: Value.Subgraph body }, .. var given] }
            when !enabled || place != "cpu" => (body.Graph, given, null),
        _ => null,
    };
}
