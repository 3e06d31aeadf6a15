using System.Collections.Frozen;

namespace TorchSharp.Fx.Export;

/// <summary>
/// The qualified names of a program's nodes, as torchvision's feature extraction gives them to the live model: a layer, and what
/// torchvision takes as one, gives its path to its last node; other nodes have
/// their module's path and the name of the function that was called, which goes to the last of the operations that the function consists
/// of.
/// </summary>
internal sealed class NodeNames
{
    /// <summary>Classes that derive from one of torchvision's operations elsewhere; those in <c>torchvision.ops</c> are known by
    /// that.</summary>
    private static readonly FrozenSet<string> Leaves = new[]
    {
        "torchvision.models.vision_transformer.MLPBlock", "torchvision.models.regnet.SimpleStemIN",
            "torchvision.models.mobilenetv3.SqueezeExcitation", "torchvision.models.efficientnet.SqueezeExcitation",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Functions of torchvision's models that its tracer doesn't look into.</summary>
    private static readonly FrozenSet<string> Wrapped = new[]
    {
        "shifted_window_attention", "_get_relative_position_bias", "_patch_merging_pad", "stochastic_depth", "drop_block2d", "drop_block3d",
            "nms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d",
    }.ToFrozenSet(StringComparer.Ordinal);

    private readonly ExportedCall[] sites;
    private readonly (string Call, string Name)[] calls;
    private readonly Dictionary<string, int> last = new(StringComparer.Ordinal);
    private readonly PathNumbers numbers = new();

    internal NodeNames(IReadOnlyList<NodeData> nodes)
    {
        sites = [.. nodes.Select(ExportedCall.Of)];
        Nodes = nodes;
        calls = [.. sites.Select(Call)];
        for (var i = 0; i < calls.Length; i++)
            last[calls[i].Call] = i;
    }

    private IReadOnlyList<NodeData> Nodes { get; }

    /// <summary>Where a node comes from.</summary>
    internal ExportedCall this[int node] => sites[node];

    /// <summary>The name of a node.</summary>
    internal string Of(int node)
    {
        var (call, name) = calls[node];
        if (last[call] == node)
            return numbers.Next(name);
        var inner = sites[node].Modules is [.., { IsLayer: true } layer] && layer.Path != name ? layer.Path
            : ModuleHierarchy.Join(sites[node].Path, Operation(Nodes[node].target));
        return numbers.Next(inner);
    }

    /// <summary>The name of a node that is made beside the program's, at a path.</summary>
    internal string Beside(string path, string name) => numbers.Next(ModuleHierarchy.Join(path, name));

    private (string Call, string Name) Call(ExportedCall site, int node)
    {
        if (site.Modules.FirstOrDefault(IsLeaf) is { } leaf)
            return (leaf.Key, leaf.Path);
        var key = site.Modules.IsEmpty ? "" : site.Modules[^1].Key;
        if (site.Frames is [.., var line] && WrappedCall(line) is { } wrapped)
            return ($"{key} {wrapped} {line.Line}", ModuleHierarchy.Join(site.Path, wrapped));
        var function = Function(site);
        return function.Length == 0 || site.Function.StartsWith("OpOverload", StringComparison.Ordinal)
            ? ($"{node}", ModuleHierarchy.Join(site.Path, Operation(Nodes[node].target)))
                : ($"{key} {site.FunctionCall}", ModuleHierarchy.Join(site.Path, function));
    }

    /// <summary>The function of torchvision's that a line calls; the stack ends there, since PyTorch leaves its own library's frames and
    /// those of others out.</summary>
    private static string? WrappedCall(CodeFrame line)
        => line.File.Contains("torchvision", StringComparison.Ordinal) ? Wrapped.FirstOrDefault(name => Calls(line.Source, name)) : null;

    private static bool Calls(string source, string function)
        => source.IndexOf(function + "(", StringComparison.Ordinal) is var at and >= 0
            && (at == 0 || !(char.IsLetterOrDigit(source[at - 1]) || source[at - 1] is '_' or '.'));

    private static bool IsLeaf(ModuleFrame module) => module.IsLayer || module.Type.StartsWith("torchvision.ops.", StringComparison.Ordinal)
        || Leaves.Contains(module.Type);


    /// <summary><c>torch.ops.aten.add.Tensor</c> → <c>add</c>.</summary>
    internal static string Operation(string target) => target.Split('.') is ["torch", "ops", _, var name, ..] ? name
        : target[(target.LastIndexOf('.') + 1)..];

    /// <summary>torch.fx's name of a function: <c>wrapper_descriptor.__getitem__</c> → <c>getitem</c>.</summary>
    private static string Function(ExportedCall site)
    {
        var name = site.Function[(site.Function.LastIndexOf('.') + 1)..];
        // x += y is x + y to torch.fx.
        if (name is "add_" or "sub_" or "mul_" && site.Frames is [.., { Source: var source }]
            && source.Contains(name switch { "add_" => "+=", "sub_" => "-=", _ => "*=" }, StringComparison.Ordinal))
            return name[..^1];
        if (!name.StartsWith("__", StringComparison.Ordinal) || !name.EndsWith("__", StringComparison.Ordinal) || name.Length < 5)
            return name;
        name = name[2..^2];
        return name is "and" or "or" or "not" ? name + "_" : name is "radd" or "rsub" or "rmul" or "rtruediv" or "rpow" or "rmod"
            ? name[1..] : name;
    }
}
