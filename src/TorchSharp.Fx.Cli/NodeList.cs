using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A line of a list of nodes.</summary>
/// <param name="Name">The node, or a module, which stands for the last node inside.</param>
/// <param name="Value">What its value is like; null where that is no tensor, or was not asked for.</param>
internal sealed record NodeLine(string Name, TensorMetadata? Value);

/// <summary>The nodes of one mode.</summary>
internal static class NodeList
{
    /// <param name="model">The model.</param>
    /// <param name="training">The mode.</param>
    /// <param name="pattern">Only names that fit it, modules among them; null is all nodes.</param>
    /// <param name="inputs">What to find shapes with; null leaves shapes out.</param>
    /// <param name="kwargs">What to trace by.</param>
    internal static IReadOnlyList<NodeLine> Of(nn.Module model, bool training, string? pattern, IReadOnlyList<object?>? inputs,
        TracerKwargs kwargs)
    {
        model.train(training);
        using var traced = TracedModel.Of(model, kwargs);
        if (inputs is not null)
            new ShapeProp(traced.Module, traced.Graph, traced.Constants).propagate([.. inputs]);
        var names = pattern is null ? traced.Names.Values : new NodePattern(pattern).Matches(traced.Names.Values);
        return [.. names.Select(name => new NodeLine(name, Last(traced.Names, name).get_meta(meta.tensor_meta)))];
    }

    private static Node Last(IReadOnlyDictionary<Node, string> names, string name)
        => names.Last(entry => entry.Value == name || entry.Value.StartsWith(name + ".", StringComparison.Ordinal)).Key;
}
