using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>Modules and tensors under their qualified names: the root of a graph that comes from no single module.</summary>
internal sealed class ModuleTree : nn.Module
{
    private ModuleTree(bool ownsContent) : base(nameof(ModuleTree)) => OwnsContent = ownsContent;

    /// <summary>Whether the modules and tensors belong to the graph module alone, and go with it.</summary>
    internal bool OwnsContent { get; }

    /// <summary>
    /// The paths of modules whose modes <c>train</c> of a graph module does not set: nobody had registered them where the graph came from.
    /// </summary>
    internal IReadOnlyCollection<string> OwnModes { get; private init; } = [];

    /// <summary>The state of the graph's model, by path: where there is no such model, the tree keeps it.</summary>
    internal Dictionary<string, object?> Kept { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && OwnsContent)
            foreach (var tensor in Structure.Tensors(Kept.Values.ToArray()))
                tensor.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>
    /// A tree of the given modules and tensors, in their order. What lies inside a module that is given too comes with that.
    /// </summary>
    /// <param name="content">The modules and tensors by path.</param>
    /// <param name="ownsContent">Whether they go with the tree.</param>
    /// <param name="training">The mode of the levels in between.</param>
    /// <param name="ownModes">The paths of modules that keep their modes.</param>
    /// <exception cref="ArgumentException">A value is neither a module nor a tensor.</exception>
    internal static ModuleTree Of(IEnumerable<KeyValuePair<string, object>> content, bool ownsContent = false, bool training = true,
        IReadOnlyCollection<string>? ownModes = null)
    {
        var root = new ModuleTree(ownsContent) { OwnModes = ownModes ?? [] };
        root.train(training);
        var entries = content.ToArray();
        var modules = entries.Where(entry => entry.Value is nn.Module).Select(entry => entry.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var (path, value) in entries)
            if (!LiesWithin(path, modules) && root.Open(path) is var (holder, name) && holder is ModuleTree or Scope)
                Put(holder, name, value, path);
        return root;
    }

    private static bool LiesWithin(string path, HashSet<string> modules)
    {
        for (var dot = path.LastIndexOf('.'); dot > 0; dot = path.LastIndexOf('.', dot - 1))
            if (modules.Contains(path[..dot]))
                return true;
        return false;
    }

    private static void Put(nn.Module holder, string name, object value, string path)
    {
        switch (value)
        {
            case nn.Module module: holder.register_module(name, module); break;
            case Parameter parameter: holder.register_parameter(name, parameter); break;
            case Tensor tensor: holder.register_buffer(name, tensor); break;
            default: throw new ArgumentException(
                $"'{path}' is a {value?.GetType().Name ?? "null"}, but a graph can name modules and tensors only.");
        }
    }

    private (nn.Module Holder, string Name) Open(string path)
    {
        nn.Module holder = this;
        var levels = path.Split('.');
        foreach (var level in levels[..^1])
        {
            var child = holder.named_children().FirstOrDefault(entry => entry.name == level).module;
            if (child is null && holder is ModuleTree or Scope)
            {
                child = new Scope(level);
                child.train(training);
                holder.register_module(level, child);
            }
            if (child is null)
                break;
            holder = child;
        }
        return (holder, levels[^1]);
    }
}
