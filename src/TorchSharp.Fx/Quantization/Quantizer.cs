using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>
/// Operations of a graph that are quantised together. Counterpart: <c>torch.ao.quantization.quantizer.QuantizationAnnotation</c>.
/// </summary>
/// <param name="Nodes">The nodes, from the first that runs to the last.</param>
/// <param name="Config">What the backend has for them.</param>
/// <param name="QConfig">What observes them.</param>
/// <param name="IsDynamic">Whether inputs are quantised by their own range when the model runs, and the result not at all.</param>
internal sealed record QuantizationAnnotation(IReadOnlyList<Node> Nodes, BackendPatternConfig Config, QConfig QConfig, bool IsDynamic)
{
    internal Node First => Nodes[0];

    internal Node Last => Nodes[^1];

    /// <summary>Whether the inputs and the result have one scale; so has arithmetic with a number.</summary>
    internal bool SharesScale => Config.observation_type == ObservationType.OUTPUT_SHARE_OBSERVER_WITH_INPUT
        || (Config.pattern[0] is "add" or "mul" && First.args.Count(IsTensor) == 1);

    /// <summary>
    /// The arguments that become steps, each with the node and position that it has; weights are told apart from what the layer is
    /// given.
    /// </summary>
    internal IEnumerable<(Node Node, int Position, bool IsWeight)> Inputs()
    {
        for (var i = 0; i < Nodes.Count; i++)
            for (var position = 0; position < Nodes[i].args.Length; position++)
                if (!(i > 0 && Nodes[i].args[position] is NodeArgument { Node: var before } && before == Nodes[i - 1])
                    && !(i == 0 && Config.has_weight && Nodes[0].op != Opcode.call_module && position > 1))
                    yield return (Nodes[i], position, i == 0 && Config.has_weight && position == 1);
    }

    private static bool IsTensor(Argument argument) => argument is NodeArgument { Node.type: var type } && TensorTypes.IsTensor(type);
}

/// <summary>
/// Decides what of a graph is quantised, by the patterns of a backend and a mapping of configurations. Counterpart:
/// <c>torch.ao.quantization.quantizer.Quantizer</c>
/// and <c>torch.ao.quantization.fx.match_utils</c>, whose order of matching it has.
/// </summary>
/// <param name="mapping">What is quantised how.</param>
/// <param name="backend">What can be quantised.</param>
/// <param name="moduleAt">The module of a path.</param>
internal sealed class Quantizer(QConfigMapping mapping, BackendConfig backend, Func<string, nn.Module> moduleAt)
{
    private readonly Dictionary<Node, QuantizationAnnotation?> matched = [];
    private HashSet<Node> written = [];

    /// <summary>The annotations of a graph, by each of their nodes.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="aliases">Which of its values share memory.</param>
    internal Dictionary<Node, QuantizationAnnotation> Annotate(Graph graph, AliasAnalysis aliases)
    {
        written = [.. WrittenAndRead(graph, aliases)];
        var nodes = graph.nodes.Reverse().ToArray();
        // What one kernel computes first: conv → add → relu is no conv and an add → relu. Then the longest.
        foreach (var fused in new[] { true, false })
        {
            var patterns = backend.configs.Where(config => config.is_fused == fused && !config.is_recurrent)
                .OrderByDescending(config => config.pattern.Length).ToArray();
            foreach (var node in nodes)
                if (!matched.ContainsKey(node))
                    Match(node, patterns);
        }
        return matched.Where(entry => entry.Value is not null).ToDictionary(entry => entry.Key, entry => entry.Value!);
    }

    /// <summary>The recurrent layers that are to take inputs and states by their own range, with what observes their weights.</summary>
    internal IEnumerable<(Node Node, QConfig Config)> Recurrent(Graph graph)
    {
        foreach (var node in graph.find_nodes(Opcode.call_module))
            if (OperationName.Of(node, moduleAt) is { } name
                && backend.configs.Any(config => config.is_recurrent && config.pattern[0] == name)
                && mapping.Of(node.target.name, name, []) is { } qconfig)
            {
                using var activation = qconfig.activation();
                if (activation is { is_dynamic: true, dtype: ScalarType.Byte, quant_min: 0 })
                    yield return (node, qconfig);
            }
    }

    /// <summary>
    /// The calls of leaf functions that compute an attention with weights of linear layers, Swin's say, with what observes these. They
    /// compute with the numbers of the weights' steps.
    /// </summary>
    internal IEnumerable<(Node Node, QConfig Config)> Attentions(Graph graph)
    {
        if (mapping.HasAttention)
            foreach (var node in graph.find_nodes(Opcode.call_function))
                if (LeafCalls.Function(node) is { } function && function.Name.Contains("attention", StringComparison.OrdinalIgnoreCase)
                    && mapping.Of(Named([node]), QConfigMapping.Attention, [node.get_meta(Node.QualifiedName) ?? node.name]) is { } qconfig)
                    yield return (node, qconfig);
    }

    /// <summary>
    /// The values whose memory is written to and then read by another name. They stay as they are: steps are copies, to which nobody
    /// writes. Modules that aren't known are taken not to write.
    /// </summary>
    private static IEnumerable<Node> WrittenAndRead(Graph graph, AliasAnalysis aliases)
    {
        var places = graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        return graph.nodes.Where(writer => !aliases.Operation(writer).IsOpaque)
            .SelectMany(writer => aliases.MutatedBy(writer).Select(aliases.ClassOf).Where(same => same.Any(other => other != writer
                && places[other] < places[writer] && other.users.Any(user => places[user] > places[writer]))))
            .SelectMany(same => same);
    }

    private void Match(Node last, BackendPatternConfig[] patterns)
    {
        foreach (var config in patterns)
            if (Chain(last, config) is { } chain)
            {
                var annotation = Annotated(chain, config);
                foreach (var node in chain)
                    matched[node] = annotation;
                return;
            }
    }

    /// <summary>The nodes that end with one and do what a pattern says; null for none.</summary>
    private Node[]? Chain(Node last, BackendPatternConfig config)
    {
        var chain = new Node[config.pattern.Length];
        Node? node = last;
        for (var i = chain.Length - 1; i >= 0; i--)
        {
            // A kernel adds two tensors, and no number.
            var isPlain = i == 0 || !config.is_fused || config.pattern[i] != "add";
            if (node is null || !Does(node, config.pattern[i]) || !(isPlain || Fusion.IsAdd(node)))
                return null;
            chain[i] = node;
            node = i > 0 ? Before(node, config.pattern[i - 1]) : null;
        }
        return chain;
    }

    /// <summary>The argument that does an operation and that nobody else reads.</summary>
    private Node? Before(Node node, string operation) => node.args.OfType<NodeArgument>().Select(argument => argument.Node)
        .FirstOrDefault(input => input.users.Count == 1 && !matched.ContainsKey(input) && Does(input, operation));

    private bool Does(Node node, string operation) => TensorTypes.IsTensor(node.type) && OperationName.Of(node, moduleAt) == operation;

    private QuantizationAnnotation? Annotated(Node[] chain, BackendPatternConfig config)
    {
        var qconfig = mapping.Of(Named(chain), config.pattern[0], chain.Select(node => node.get_meta(Node.QualifiedName) ?? node.name),
            chain[0].get_meta(LeafInlining.Opened));
        if (qconfig is null || chain[0].all_input_nodes.Count == 0
            || Array.Exists(chain, node => node.all_input_nodes.Append(node).Any(written.Contains)))
            return null;
        using var activation = qconfig.activation();
        var annotation = new QuantizationAnnotation(chain, config, qconfig, activation.is_dynamic);
        return Supports(annotation, activation, config) ? annotation : null;
    }

    /// <summary>The name that configurations go by.</summary>
    private static string Named(Node[] chain) => chain[0].op == Opcode.call_module ? chain[0].target.name
        : chain[^1].get_meta(Node.QualifiedName) ?? ModuleHierarchy.Join(chain[0].origin?.module_path ?? "", chain[0].name);

    private bool Supports(QuantizationAnnotation annotation, ObserverBase activation, BackendPatternConfig config)
    {
        if (activation.dtype != ScalarType.Byte || (annotation.IsDynamic && !config.is_dynamic))
            return false;
        if (config.fixed_qparams is { } only)
            return activation is FixedQParamsObserver range && range.scale == only.scale && range.zero_point == only.zero_point;
        if (!config.has_weight)
            return true;
        using var weight = annotation.QConfig.weight();
        return weight.dtype == ScalarType.Int8
            && (annotation.First.op != Opcode.call_module || moduleAt(annotation.First.target.name) is var module
                && (module is ConvBn || QuantizableLayer.Of(module) is not null));
    }
}
