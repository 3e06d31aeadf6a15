using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The nodes and keys of <c>--nodes NAME[=KEY],…</c>.</summary>
internal static class NodeRequests
{
    private const string Stages = "stages";
    private const string Embedding = "embedding";

    internal static ReturnNodes Parse(string text)
    {
        var requests = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Request).ToArray();
        if (requests.Length == 0)
            throw new ToolException("--nodes names no node: write NAME or NAME=KEY, separated by commas.") { IsWrongUsage = true };
        if (Twice(requests.Select(request => request.Name)) is { } name)
            throw new ToolException($"--nodes asks for the node '{name}' twice.") { IsWrongUsage = true };
        if (Twice(requests.Select(request => request.Key)) is { } key)
            throw new ToolException($"--nodes gives the key '{key}' to two nodes.") { IsWrongUsage = true };
        return [.. requests];
    }

    /// <summary>With the stages and the embedding of the model in the place of these words, unless they are names of its own.</summary>
    internal static ReturnNodes WithPresets(ReturnNodes requested, nn.Module model, ModelSource source, TracerKwargs kwargs)
    {
        if (!requested.Any(request => request.Name is Stages or Embedding))
            return requested;
        var (train_nodes, eval_nodes) = feature_extraction.get_graph_node_names(model, kwargs, suppress_diff_warning: true);
        var names = eval_nodes.Count > 0 ? eval_nodes : train_nodes;
        var own = new[] { Stages, Embedding }.Where(word => new NodePattern(word).Matches(names).Any()).ToArray();
        var info = new Lazy<FeatureInfo>(() => source.Features(kwargs));
        return [.. requested.SelectMany(request => own.Contains(request.Name) ? [request] : Preset(request, info, source.Name))];
    }

    /// <summary>The nodes with their keys in the order in which they are computed: what patterns stand for is known only now.</summary>
    internal static ReturnNodes Resolved(ReturnNodes requested, DualGraphModule extractor)
    {
        var names = requested.ToDictionary(request => request.Key, request => request.Name);
        var keys = ((DictArgument)extractor.eval_graph.output_node().args[0]).Entries.Select(entry => (string)((Literal)entry.Key).Value!);
        return [.. keys.Select(key => new ReturnNode(names.GetValueOrDefault(key, key), key))];
    }

    private static IEnumerable<ReturnNode> Preset(ReturnNode request, Lazy<FeatureInfo> info, string model)
    {
        switch (request.Name)
        {
            case Stages when info.Value.stages.Count == 0:
                throw new ToolException(
                    $"'{model}' has no stages: no value of it is a map of the input. 'torchfx nodes' lists what it has.");
            case Stages when request.Key != Stages:
                throw new ToolException(
                    $"The key '{request.Key}' can't be given to all stages; each has its own name as its key.") { IsWrongUsage = true };
            case Stages:
                return info.Value.stages.Select(stage => (ReturnNode)stage);
            case Embedding:
                var found = info.Value.embedding
                    ?? throw new ToolException($"'{model}' has no embedding: its last layer doesn't read a vector. Ask for its stages.");
                return [new(found.name, request.Key)];
            default:
                return [request];
        }
    }

    /// <summary>
    /// Cuts a model at the nodes of one mode. The other mode, which nobody asked for, need not have them, nor be a graph.
    /// </summary>
    internal static DualGraphModule Extractor(nn.Module model, ReturnNodes nodes, bool training, TracerKwargs kwargs)
        => feature_extraction.create_feature_extractor(model, nodes, tracer_kwargs: kwargs.Only(training), suppress_diff_warning: true);

    private static ReturnNode Request(string text) => text.Split('=', 2, StringSplitOptions.TrimEntries) switch
    {
        [{ Length: > 0 } name, { Length: > 0 } key] => new ReturnNode(name, key),
        [{ Length: > 0 } name] => name,
        _ => throw new ToolException($"--nodes has '{text}', which is neither NAME nor NAME=KEY.") { IsWrongUsage = true },
    };

    private static string? Twice(IEnumerable<string> names)
        => names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any())?.Key;
}
