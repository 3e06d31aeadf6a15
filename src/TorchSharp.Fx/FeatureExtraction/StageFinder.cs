using TorchSharp.Modules;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>
/// Finds the stages and the embedding of a model by the shapes of its values; <c>docs/decisions/features.md</c> has the rule.
/// </summary>
internal sealed class StageFinder(ModuleHierarchy modules, Graph graph, IReadOnlyDictionary<Node, string> names)
{
    private readonly FeatureMaps maps = new(modules, graph);

    internal FeatureInfo Find()
    {
        var nodes = graph.nodes.ToArray();
        var weighted = nodes.Where(HasParameters).ToArray();
        if (weighted.Length == 0)
            return new([], null);
        var mapped = OutsideOfDetours([.. nodes.SkipWhile(node => node != weighted[0]).Where(IsFeature)]);
        var classifier = IsClassifier(weighted[^1], mapped) ? weighted[^1] : null;
        var features = mapped.TakeWhile(node => node != classifier).ToArray();
        return new([.. Stages(features).Select(node => Describe(node, maps.Of(node)!.Channels, Reduction(node)))],
            Embedding(classifier, weighted[^1]));
    }

    /// <summary>
    /// The last of each resolution, before the coarsest is reached: what comes after that, in a decoder say, is no way down.
    /// </summary>
    private IEnumerable<Node> Stages(Node[] features)
    {
        if (features.Length == 0)
            return [];
        var transitional = Transitional(features);
        var coarsest = features.Max(Reduction);
        var down = features.Where((node, i) => Reduction(node) == coarsest
            || i < Array.FindIndex(features, other => Reduction(other) == coarsest)).ToArray();
        return down.GroupBy(Reduction).OrderBy(stage => stage.Key)
            .Select(stage => stage.LastOrDefault(node => !transitional.Contains(node)) ?? stage.Last());
    }

    /// <summary>
    /// Where a model that gives no map goes down inside a module and comes back, as attention does for keys and values, that is no stage.
    /// In one that gives a map, a decoder comes back.
    /// </summary>
    private Node[] OutsideOfDetours(Node[] features)
    {
        if (graph.output_node().all_input_nodes.Any(result => maps.Of(result) is not null))
            return features;
        var detours = ByModule(features).SelectMany(module => module.Where(node => Reduction(node) > Reduction(module.Last()))).ToHashSet();
        return [.. features.Where(node => !detours.Contains(node))];
    }

    /// <summary>
    /// In a module that goes down by one resolution, what is still in the finer one belongs to the next stage already: the first
    /// convolution of a bottleneck, say.
    /// </summary>
    private HashSet<Node> Transitional(Node[] features)
    {
        var found = new HashSet<Node>();
        foreach (var module in ByModule(features))
            if (module.Select(Reduction).Distinct().Order().ToArray() is [var finer, _])
                found.UnionWith(module.Where(node => Reduction(node) == finer));
        return found;
    }

    /// <summary>
    /// The last layer with parameters, if it is linear and what it gives is no map of the coarsest resolution, which would make the model
    /// itself a feature extractor.
    /// </summary>
    private bool IsClassifier(Node last, Node[] mapped)
    {
        if (last.op != Opcode.call_module || modules.Module(last.target.name) is not (Linear or Convolution)
            || (modules.Module(last.target.name) is Convolution convolution && convolution.weight!.shape[2..].Any(size => size > 1)))
            return false;
        var results = graph.output_node().all_input_nodes;
        return mapped.Length == 0 || !results.Any(result => maps.Of(result) is { } map && maps.Reduction(map) == mapped.Max(Reduction));
    }

    /// <summary>
    /// The classifier's input; without a classifier, the result of a model of layers. Where the last parameters are no layer's, they may be
    /// those of a classifier.
    /// </summary>
    private FeatureNode? Embedding(Node? classifier, Node last)
    {
        var read = classifier is not null ? classifier.all_input_nodes[0]
            : last.op == Opcode.call_module && graph.output_node() is { args: [NodeArgument { Node: var result }] } ? result : null;
        if (read is null)
            return null;
        while (IsDropout(read))
            read = read.all_input_nodes[0];
        return names.ContainsKey(read) && read.get_meta(meta.tensor_meta) is { shape: [_, var channels, .. var rest] }
            && rest.All(size => size == 1) ? Describe(read, channels, null) : null;
    }

    private bool IsFeature(Node node)
        => names.ContainsKey(node) && !IsDropout(node) && !IsPadding(node) && maps.Of(node) is { } map && maps.Reduction(map) > 0;

    private long Reduction(Node node) => maps.Reduction(maps.Of(node)!);

    private bool HasParameters(Node node)
        => node.op == Opcode.call_module ? modules.Module(node.target.name).parameters().Any() : node.op == Opcode.call_function
            && node.all_input_nodes.Any(input => input.op == Opcode.get_attr);

    /// <summary>In eval mode it does nothing.</summary>
    private bool IsDropout(Node node)
        => node.op == Opcode.call_module && modules.Module(node.target.name).GetType().Name.Contains("Dropout", StringComparison.Ordinal);

    /// <summary>A padded value is only what the next layer reads, and no stage of its own.</summary>
    private bool IsPadding(Node node) => node.op == Opcode.call_module
        ? modules.Module(node.target.name).GetType().Name.Contains("Pad", StringComparison.Ordinal) : node.target.name == "pad";

    /// <summary>
    /// Under the name of the outermost module that ends with it. In graphs of files a node can have the name of what others lie in, and
    /// that stands for the node.
    /// </summary>
    private FeatureNode Describe(Node node, long channels, long? reduction)
    {
        var name = NodePattern.WithModules(names[node])
            .First(path => path == names[node] || (EndsWith(path, node) && !names.Values.Contains(path, StringComparer.Ordinal)));
        return new(name, channels, reduction, node.get_meta(meta.tensor_meta)!.shape);
    }

    private bool EndsWith(string module, Node node)
        => names.Last(entry => entry.Value.StartsWith(module + ".", StringComparison.Ordinal)).Key == node;

    private IEnumerable<IGrouping<string, Node>> ByModule(Node[] features)
        => features.SelectMany(node => NodePattern.WithModules(names[node]).SkipLast(1).Select(path => (path, node)))
            .GroupBy(entry => entry.path, entry => entry.node, StringComparer.Ordinal);
}
