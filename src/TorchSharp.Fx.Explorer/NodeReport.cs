using static TorchSharp.torch;

namespace TorchSharp.Fx.Explorers;

/// <summary>The page's facts about a node or module.</summary>
internal static class NodeReport
{
    private const int LinesAround = 3, Bins = 40, ShownChannels = 64;

    /// <summary>All that is known of a node; its value where there is an input.</summary>
    internal static object Of(Session session, GraphView view, string name, ExploredInput? input)
    {
        var part = view.FindPart(name);
        var node = view.Shown(name);
        Node[] inside = part is null ? [node] : [.. part.Nodes];
        var captions = new Captions(view.Module);
        return new
        {
            name, node = view.NameOf(node), kind = part is null ? node.op.ToString() : "module",
            type = part is null ? captions.Of(node, view.Parts).Detail : captions.ClassOf(part), target = node.target.name,
            text = node.format_node(), module = node.origin?.module_path ?? "", around = view.Around[node], nodes = inside.Length,
            shape = captions.ShapeOf(node), macs = inside.Sum(each => each.get_meta(NodeCost.cost)?.macs ?? 0),
            parameters = inside.Sum(each => each.get_meta(NodeCost.cost)?.parameters ?? 0),
            bytes = inside.Sum(each => each.get_meta(NodeCost.cost)?.nbytes ?? 0),
            ms = view.IsMeasured ? inside.Sum(each => view.Milliseconds.GetValueOrDefault(each)) : (double?)null,
            total = view.IsMeasured ? view.Milliseconds.Values.Sum() : (double?)null,
            inputs = (part is null ? node.all_input_nodes : part.Inputs).Select(view.NameOf),
            users = (part is null ? node.users : [.. part.Outputs.SelectMany(output => output.users).Except(inside)]).Select(view.NameOf)
                .Distinct(),
            source = SourceOf(node.origin), value = input is null ? null : ValueOf(session, view, node, input),
        };
    }

    /// <summary>The C# line that made a node, with those around it where the file is there. Only files that the graph itself names are
    /// read.</summary>
    private static object? SourceOf(Origin? origin)
    {
        if (origin is null)
            return null;
        if (origin.line is not var (file, line))
            return new { at = origin.ToString(), origin.method, line = 0, lines = Array.Empty<string>() };
        var isHere = file.EndsWith(".cs", StringComparison.OrdinalIgnoreCase) && File.Exists(file);
        string[] lines = isHere ? [.. File.ReadLines(file).Skip(Math.Max(0, line - 1 - LinesAround)).Take(2 * LinesAround + 1)] : [];
        return new { at = origin.ToString(), origin.method, line = line - Math.Max(0, line - 1 - LinesAround), lines };
    }

    private static object ValueOf(Session session, GraphView view, Node node, ExploredInput input)
    {
        var value = session.Values.Of(view, node, input);
        if (Structure.Tensors(value).FirstOrDefault() is not { } tensor || tensor.NumberOfElements == 0)
            return new { text = Structure.Simplified(value, leaf => leaf) is object?[] parts ? $"({string.Join(", ", parts)})"
                : $"{value ?? "nothing"}" };
        var numbers = tensor.to(ScalarType.Float64).flatten();
        var finite = numbers[numbers.isfinite()];
        return new
        {
            shape = tensor.shape, dtype = tensor.dtype.ToString().ToLowerInvariant(), count = tensor.NumberOfElements,
            others = tensor.NumberOfElements - finite.NumberOfElements,
            statistics = finite.NumberOfElements == 0 ? null : StatisticsOf(finite), kinds = Pictures.Kinds(session, view, node, input),
            channels = Pictures.Channels(session, view, node, input, ShownChannels),
            numbers = tensor.NumberOfElements <= 16 ? finite.data<double>().ToArray() : null,
        };
    }

    private static object StatisticsOf(Tensor numbers)
    {
        var (low, high) = (numbers.min().item<double>(), numbers.max().item<double>());
        // A span of one value has no bins.
        var counts = high > low ? ((numbers - low) * (Bins / (high - low))).histc(Bins, 0, Bins)
            : full([1], (double)numbers.NumberOfElements, ScalarType.Float64);
        return new
        {
            mean = numbers.mean().item<double>(), std = numbers.std(unbiased: false).item<double>(), min = low, max = high,
            zeros = numbers.eq(0).to(ScalarType.Float64).mean().item<double>(), histogram = counts.data<double>().ToArray(),
        };
    }
}
