using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The parts that a graph module shares with the module it came from: the leaf modules, parameters and buffers that its graphs use,
/// registered under the original names in the original order. Nothing is copied.
/// </summary>
internal sealed class SharedState
{
    private readonly nn.Module owner;
    private readonly ModuleHierarchy source;
    private readonly HashSet<string> unplaced;
    private readonly HashSet<string> placed;
    private readonly HashSet<object> used;
    private readonly List<string> aliases = [];
    private readonly Dictionary<nn.Module, nn.Module> mirrored = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<nn.Module, bool> uses = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Scope> scopes = new(StringComparer.Ordinal);
    private readonly List<SharedTensor> tensors = [];
    private readonly Dictionary<string, nn.Module> unregistered = new(StringComparer.Ordinal);

    internal SharedState(nn.Module owner, ModuleHierarchy source, IEnumerable<string> paths)
    {
        this.owner = owner;
        this.source = source;
        unplaced = [.. paths];
        placed = [.. unplaced];
        used = new(unplaced.Select(Object).OfType<object>(), ReferenceEqualityComparer.Instance);
        Mirror(owner, source.Root, "");
        foreach (var path in unplaced.Order(StringComparer.Ordinal).ToArray())
            Place(path);
        foreach (var path in source.Root is ModuleTree tree ? tree.OwnModes : [])
            if (source.Find(path) is nn.Module kept)
                unregistered[path] = kept;
    }

    /// <summary>
    /// The further names that the source has for what the graphs use: <c>state_dict</c> has them as well, as the source's does.
    /// </summary>
    internal IEnumerable<string> Aliases(IEnumerable<string> paths)
    {
        var objects = new HashSet<object>(paths.Select(Object).OfType<object>(), ReferenceEqualityComparer.Instance);
        return aliases.Where(path => Object(path) is { } named && objects.Contains(named));
    }

    /// <summary>The modules that the source keeps in fields, lists or dictionaries without having registered them.</summary>
    internal IReadOnlyDictionary<string, nn.Module> Unregistered => unregistered;

    private object? Object(string path) => source.Find(path);

    /// <summary>Registers what the graphs have come to use.</summary>
    internal void Include(IEnumerable<string> paths)
    {
        foreach (var path in paths.Where(placed.Add).Order(StringComparer.Ordinal).ToArray())
            Place(path);
    }

    /// <summary>
    /// Registers another module, in the place of what was there. False where the path leads into a module that has its own children.
    /// </summary>
    internal bool Add(string path, nn.Module module)
    {
        var (prefix, name) = ModuleHierarchy.Split(path);
        if (IsShared(prefix) || source.Find(prefix) is not (nn.Module or null))
            return false;
        Remove(path);
        source.Set(path, module);
        placed.Add(path);
        Registry.Set(Open(prefix), name, module);
        return true;
    }

    /// <summary>Forgets a module and everything inside it. False where there is none.</summary>
    internal bool Remove(string path)
    {
        var (prefix, name) = ModuleHierarchy.Split(path);
        var holder = prefix.Length == 0 ? owner : scopes.GetValueOrDefault(prefix);
        if (holder is null || !Registry.Remove(holder, name))
            return false;
        source.Set(path, null);
        unregistered.Remove(path);
        tensors.RemoveAll(tensor => IsWithin(tensor.Path, path));
        foreach (var scope in scopes.Keys.Where(scope => IsWithin(scope, path)).ToArray())
            scopes.Remove(scope);
        return true;
    }

    /// <summary>The paths of all registered modules, outer ones first.</summary>
    internal IEnumerable<string> ModulePaths
        => owner.named_modules().Select(entry => entry.name).Where(path => path.Length > 0).OrderBy(path => path.Length).ToArray();

    internal static bool IsWithin(string path, string outer) => path == outer || path.StartsWith(outer + ".", StringComparison.Ordinal);

    /// <summary>Gives the source the tensors that <c>to()</c> of the graph module made: it disposed the old ones.</summary>
    internal void WriteBack()
    {
        foreach (var tensor in tensors)
            if (Registry.Get(tensor.Owner, tensor.Name) is { } mine && !ReferenceEquals(mine, tensor.Read()))
                source.Replace(tensor.Path, mine);
    }

    /// <summary>Takes over the tensors that <c>to()</c> of the source made.</summary>
    internal void Refresh()
    {
        foreach (var tensor in tensors)
            if (tensor.Read() is { IsInvalid: false } theirs && !ReferenceEquals(theirs, Registry.Get(tensor.Owner, tensor.Name)))
                Registry.Replace(tensor.Owner, tensor.Name, theirs);
    }

    /// <summary>Sets the mode of the levels in between.</summary>
    internal void SetMode(bool training)
    {
        foreach (var scope in scopes.Values)
            Registry.SetMode(scope, training);
    }

    /// <summary>Leaves everything to the source.</summary>
    internal void Release()
    {
        Registry.Clear(owner);
        foreach (var scope in scopes.Values)
            Registry.Clear(scope);
        foreach (var scope in scopes.Values)
            scope.Dispose();
    }

    /// <summary>Registers what is used of a module of the source, in its order and under all its names.</summary>
    private void Mirror(nn.Module target, nn.Module module, string prefix)
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false))
            if (IsUsed(prefix + name, parameter))
                Share(target, name, prefix + name, parameter);
        foreach (var (name, buffer) in module.named_buffers(recurse: false))
            if (IsUsed(prefix + name, buffer))
                Share(target, name, prefix + name, buffer);
        foreach (var (name, child) in module.named_children())
            if (IsUsed(prefix + name, child))
                target.register_module(name, child);
            else if (mirrored.TryGetValue(child, out var scope))
                Alias(target, name, prefix + name, scope);
            else if (Uses(child))
                Mirror(mirrored[child] = Open(prefix + name), child, $"{prefix}{name}.");
    }

    /// <summary>A second name of a level: what is inside has it, too.</summary>
    private void Alias(nn.Module target, string name, string path, nn.Module scope)
    {
        target.register_module(name, scope);
        scopes[path] = (Scope)scope;
        unplaced.RemoveWhere(inside => IsWithin(inside, path));
        aliases.AddRange(scope.named_parameters().Select(entry => $"{path}.{entry.name}")
            .Concat(scope.named_buffers().Select(entry => $"{path}.{entry.name}"))
            .Concat(scope.named_modules().Select(entry => $"{path}.{entry.name}")));
    }

    private bool IsUsed(string path, object content)
    {
        if (unplaced.Remove(path))
            return true;
        if (used.Contains(content))
            aliases.Add(path);
        return used.Contains(content);
    }

    /// <summary>Whether something inside a module is used.</summary>
    private bool Uses(nn.Module module)
    {
        if (!uses.TryGetValue(module, out var found))
        {
            uses[module] = false;
            found = uses[module] = module.named_parameters(recurse: false).Any(entry => used.Contains(entry.parameter))
                || module.named_buffers(recurse: false).Any(entry => used.Contains(entry.buffer))
                || module.named_children().Any(child => used.Contains(child.module) || Uses(child.module));
        }
        return found;
    }

    /// <summary>Registers what no graph used before, or what the source itself has not registered but keeps in a field or list.</summary>
    private void Place(string path)
    {
        var (prefix, name) = ModuleHierarchy.Split(path);
        // A tensor of a leaf module comes with it.
        if (IsShared(prefix))
            return;
        if (source.Find(path) is nn.Module module)
        {
            // A function has none of its modules registered, and no mode of its own.
            if (source.Root is not TracedFunction && !source.Root.modules().Any(known => ReferenceEquals(known, module)))
                unregistered[path] = module;
            Open(prefix).register_module(name, module);
        }
        else
            Share(Open(prefix), name, path, source.Attribute(path)());
    }

    private bool IsShared(string path)
        => path.Length > 0 && !scopes.ContainsKey(path)
            && (source.Find(path) is nn.Module module && owner.modules().Any(known => ReferenceEquals(known, module))
                || IsShared(ModuleHierarchy.Split(path).Prefix));

    private nn.Module Open(string path)
    {
        if (path.Length == 0)
            return owner;
        if (scopes.TryGetValue(path, out var known))
            return known;
        var (prefix, name) = ModuleHierarchy.Split(path);
        var scope = scopes[path] = new Scope(name);
        scope.train(owner.training);
        Open(prefix).register_module(name, scope);
        return scope;
    }

    private void Share(nn.Module target, string name, string path, Tensor tensor)
    {
        if (tensor is Parameter parameter)
            target.register_parameter(name, parameter);
        else
            target.register_buffer(name, tensor);
        tensors.Add(new SharedTensor(target, name, path, source.Attribute(path)));
    }

    private sealed record SharedTensor(nn.Module Owner, string Name, string Path, Func<Tensor> Read);
}
