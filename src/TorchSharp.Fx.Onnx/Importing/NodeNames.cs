using System.Collections.Frozen;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>
/// The names of a file's nodes in its graph. PyTorch's exporter names a node by the modules that it is in,
/// <c>/layer1/layer1.0/conv1/Conv</c>: one that is all of its module gets the
/// module's path, <c>layer1.0.conv1</c>, and another one its function's name, <c>layer1.0.add</c>, with <c>_1</c>, <c>_2</c> where that
/// comes up again. Any other name is kept as it is.
/// </summary>
internal sealed class NodeNames
{
    /// <summary>The name of a layer that is a function in a module's code.</summary>
    private static readonly FrozenDictionary<string, string> Functions = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["LayerNormalization"] = "layer_norm", ["BatchNormalization"] = "batch_norm", ["GroupNormalization"] = "group_norm",
        ["Gemm"] = "linear", ["Conv"] = "conv", ["ConvTranspose"] = "conv_transpose",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly Dictionary<string, int> inside = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> numbers = new(StringComparer.Ordinal);

    internal NodeNames(IEnumerable<NodeProto> nodes)
    {
        foreach (var scope in nodes.Where(node => node.OpType != "Constant").Select(ScopeOf).OfType<string>())
            foreach (var level in Levels(scope))
                inside[level] = inside.GetValueOrDefault(level) + 1;
    }

    /// <summary>Where a node is in the file.</summary>
    /// <param name="Own">Its name there.</param>
    /// <param name="Module">The path of the module that its code was in.</param>
    /// <param name="Layer">The path of a layer that it is the whole of.</param>
    /// <param name="IsLayer">Whether its name is the layer's path alone.</param>
    internal readonly record struct Place(string Own, string Module, string Layer, bool IsLayer);

    /// <param name="node">The node.</param>
    /// <param name="prefix">The place of the node that the graph or function with this one belongs to; empty outside of any.</param>
    internal Place Of(NodeProto node, string prefix)
    {
        var own = node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(name => name.Length > 0) ?? node.OpType;
        if (ScopeOf(node) is not { } scope || prefix.Length > 0)
            return new(own, prefix, ModuleHierarchy.Join(prefix, Content.Path(own)), true);
        if (scope.Length > 0 && inside.GetValueOrDefault(scope) == 1)
            return new(own, ModuleHierarchy.Split(scope).Prefix, scope, true);
        return new(own, scope,
            ModuleHierarchy.Join(scope, Functions.GetValueOrDefault(node.OpType) ?? Namespace.SnakeCase(own[(own.LastIndexOf('/') + 1)..])),
            false);
    }

    /// <summary>A name that no node has yet.</summary>
    internal string Unique(string name)
    {
        if (!numbers.TryGetValue(name, out var last))
        {
            numbers[name] = 0;
            return name;
        }
        numbers[name] = last + 1;
        return $"{name}_{last + 1}";
    }

    /// <summary>The path of the module that PyTorch says a node is in; null for a name that is not PyTorch's.</summary>
    private static string? ScopeOf(NodeProto node)
    {
        if (!node.Name.StartsWith('/') || node.Name.Length == 1)
            return null;
        var parts = node.Name[1..].Split('/');
        if (Namespace.SplitSuffix(parts[^1]).Stem != node.OpType)
            return null;
        // A level that is in a list is written with the list's name, and replaces that.
        var levels = new List<string>();
        foreach (var part in parts[..^1])
        {
            if (levels.Count > 0 && part.StartsWith(levels[^1] + ".", StringComparison.Ordinal))
                levels.RemoveAt(levels.Count - 1);
            levels.Add(part);
        }
        return levels.Count == 0 ? "" : Content.Path(string.Join('.', levels));
    }

    private static IEnumerable<string> Levels(string scope)
    {
        for (var at = scope.IndexOf('.', StringComparison.Ordinal); at >= 0; at = scope.IndexOf('.', at + 1))
            yield return scope[..at];
        yield return scope;
    }
}
