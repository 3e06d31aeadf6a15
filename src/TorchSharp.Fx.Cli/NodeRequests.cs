using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>What <c>--nodes NAME[=KEY],…</c> asks for.</summary>
internal static class NodeRequests
{
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

    /// <summary>Cuts a model at the nodes of one mode. The other mode, which nobody asked for, need not have them: it gets its first node.</summary>
    internal static DualGraphModule Extractor(nn.Module model, ReturnNodes nodes, bool training, TracerKwargs kwargs)
    {
        var (train_nodes, eval_nodes) = feature_extraction.get_graph_node_names(model, kwargs, suppress_diff_warning: true);
        ReturnNodes other = [(training ? eval_nodes : train_nodes)[0]];
        return feature_extraction.create_feature_extractor(
            model, train_return_nodes: training ? nodes : other, eval_return_nodes: training ? other : nodes, tracer_kwargs: kwargs, suppress_diff_warning: true);
    }

    private static ReturnNode Request(string text) => text.Split('=', 2, StringSplitOptions.TrimEntries) switch
    {
        [{ Length: > 0 } name, { Length: > 0 } key] => new ReturnNode(name, key),
        [{ Length: > 0 } name] => name,
        _ => throw new ToolException($"--nodes has '{text}', which is neither NAME nor NAME=KEY.") { IsWrongUsage = true },
    };

    private static string? Twice(IEnumerable<string> names) => names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any())?.Key;
}
