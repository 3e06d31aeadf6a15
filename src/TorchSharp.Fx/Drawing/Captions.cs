using static TorchSharp.torch;

namespace TorchSharp.Fx.Drawing;

/// <summary>The texts of a picture's boxes, frames and lines.</summary>
/// <param name="root">The module that the graph came from, which knows the classes of the modules inside; null where it is not at
/// hand.</param>
internal sealed class Captions(nn.Module? root)
{
    private readonly ModuleHierarchy? modules = root is null ? null : new(root);

    /// <summary>A node's name and what it does, where the name doesn't say so: the module's class, the operation, the property.</summary>
    internal (string Title, string Detail) Of(Node node, ModulePart around) => node.target switch
    {
        ModuleTarget module => (Within(module.Path, around.Path), ClassOf(module.Path) ?? ClassOf(module)),
        AttributeTarget attribute => (Within(attribute.Path, around.Path), ""),
        // A property has its own name here, not the getattr that all share.
        MemberTarget member => (node.name, "." + ArgumentText.MemberName(member.Member.Name)),
        _ => (node.name, Namespace.SplitSuffix(node.name).Stem == node.target.name ? "" : node.target.name),
    };

    /// <summary>A module's name within the module around it, and its class.</summary>
    internal (string Title, string Detail) Of(ModulePart module) => (ModuleHierarchy.Split(module.Path).Name, ClassOf(module));

    /// <summary>A module's class; empty where nothing tells.</summary>
    internal string ClassOf(ModulePart module) => ClassOf(module.Path) ?? module.CodeOf ?? "";

    /// <summary>The shape of a node's value; null where it isn't known.</summary>
    internal string? ShapeOf(Node node)
    {
        if (node.get_meta(meta.tensor_meta) is { } tensor)
            return Text(tensor);
        var inside = node.get_meta(meta.tensor_metas);
        return inside.IsDefaultOrEmpty ? null : string.Join(", ", inside.Select(Text));
    }

    private static string Text(TensorMetadata tensor)
    {
        var sizes = tensor.shape.IsEmpty ? "scalar" : string.Join('×', tensor.shape);
        return tensor.dtype == ScalarType.Float32 ? sizes : $"{sizes} {tensor.dtype.ToString().ToLowerInvariant()}";
    }

    /// <summary>The stand-in for a saved graph's module has a class that tells nothing.</summary>
    private string? ClassOf(string path) => modules?.Find(path) switch
    {
        null => null,
        var found and not IGraphModule when found.GetType().Assembly == typeof(Graph).Assembly => "",
        var found => found.GetType().Name.Split('`')[0],
    };

    /// <summary>A traced module's method is that of its own class; of one made by hand only the signature is known.</summary>
    private static string ClassOf(ModuleTarget target) => target.Method.ReflectedType is { IsGenericType: false } type ? type.Name : "";

    /// <summary>The path as the module itself would write it, unless it leads elsewhere.</summary>
    private static string Within(string path, string modulePath)
        => modulePath.Length > 0 && path.StartsWith(modulePath + ".", StringComparison.Ordinal) ? path[(modulePath.Length + 1)..] : path;
}
