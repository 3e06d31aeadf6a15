namespace TorchSharp.Fx.Tracing;

/// <summary>The qualified names of a root's modules, parameters and buffers, and the constants that a trace adds to them.</summary>
internal sealed class ModuleAttributes
{
    private readonly torch.nn.Module root;
    private readonly int firstConstant;
    private readonly List<(string Path, torch.nn.Module Module)> unregistered = [];
    private readonly Dictionary<torch.nn.Module, Place> modules = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<torch.nn.Module, string> made = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, torch.Tensor> constants = [];
    private readonly Dictionary<torch.Tensor, Node> constantNodes = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<torch.Tensor, string> held = new(ReferenceEqualityComparer.Instance);
    private Dictionary<torch.Tensor, string>? tensors;
    private Dictionary<nint, torch.Tensor> natives = [];
    private HashSet<nint>? storages;
    private bool isSearched;

    internal ModuleAttributes(torch.nn.Module root, int firstConstant)
    {
        this.root = root;
        this.firstConstant = firstConstant;
        Add(root, new("", IsRegistered: true, IsSure: true));
    }

    private ModuleHierarchy Hierarchy => field ??= new(root);

    internal IReadOnlyDictionary<string, torch.Tensor> Constants => constants;

    /// <summary>The modules whose names are known.</summary>
    internal IEnumerable<torch.nn.Module> KnownModules => modules.Keys;

    /// <summary>The modules that are called but not registered: their parameters would not train, move or be saved.</summary>
    internal IReadOnlyList<(string Path, torch.nn.Module Module)> Unregistered => unregistered;

    /// <summary>A module's qualified name; null if the root does not reach it.</summary>
    internal string? PathOf(torch.nn.Module module)
    {
        if (made.TryGetValue(module, out var name))
            return name;
        if (!modules.TryGetValue(module, out var found))
        {
            SearchFields();
            if (!modules.TryGetValue(module, out found))
                return null;
        }
        if (!found.IsSure && !ReferenceEquals(Hierarchy.Find(found.Path), module))
            return null;
        if (!found.IsSure && !found.IsRegistered && root is not TracedFunction)
            unregistered.Add((found.Path, module));
        modules[module] = found with { IsSure = true };
        return found.Path;
    }

    /// <summary>
    /// Names a module that the program made itself, by its type within the module that calls it. The graph can't hold it, so that it is
    /// always followed.
    /// </summary>
    internal void Made(torch.nn.Module module, string caller)
    {
        if (modules.ContainsKey(module) || made.ContainsKey(module))
            return;
        var name = ModuleHierarchy.Join(caller, PythonNames.Plain(module.GetType().Name).ToLowerInvariant());
        var free = name;
        for (var i = 1; modules.Values.Any(known => known.Path == free) || made.ContainsValue(free); i++)
            free = $"{name}_{i}";
        made[module] = free;
        unregistered.Add((free, module));
    }

    /// <summary>Whether the program made the module itself.</summary>
    internal bool IsMade(torch.nn.Module module) => made.ContainsKey(module);

    /// <summary>The qualified name of a parameter or buffer of the root; null for another tensor.</summary>
    internal string? NameOf(torch.Tensor tensor) => Owns(tensor) ? Tensors.GetValueOrDefault(Registered(tensor)) : null;

    /// <summary>Whether a tensor is a parameter or buffer of the root, or a parameter that one of its fields holds.</summary>
    internal bool Owns(torch.Tensor tensor)
    {
        if (Tensors.ContainsKey(Registered(tensor)))
            return true;
        if (tensor is not TorchSharp.Modules.Parameter || isSearched)
            return false;
        SearchFields();
        return Tensors.ContainsKey(tensor);
    }

    /// <summary>
    /// Whether a tensor that the model or the program holds lies in the memory of a parameter or buffer of the root, and so changes with
    /// it.
    /// </summary>
    internal bool Shares(torch.Tensor tensor)
        => TensorIdentity.Storage(tensor) is not 0 and var storage
            && (storages ??= [.. Tensors.Keys.Select(TensorIdentity.Storage)]).Contains(storage);

    /// <summary>
    /// The object under which a parameter or buffer of the root is registered, for any object that stands for it; another tensor itself.
    /// </summary>
    internal torch.Tensor Registered(torch.Tensor tensor)
        => Tensors.ContainsKey(tensor) ? tensor : natives.GetValueOrDefault(TensorIdentity.Of(tensor), tensor);

    /// <summary>The node that reads a real tensor: a parameter or buffer by its qualified name, any other as a constant.</summary>
    internal Node NodeFor(Interpreter interpreter, torch.Tensor tensor)
    {
        tensor = Registered(tensor);
        if (constantNodes.TryGetValue(tensor, out var known))
            return known;
        if (!Tensors.TryGetValue(tensor, out var name))
        {
            name = $"_tensor_constant{firstConstant + constants.Count}";
            // A handle of its own: the program may dispose its one, or a dispose scope may.
            constants[name] = tensor.alias().DetachFromDisposeScope();
        }
        var proxy = tensor is TorchSharp.Modules.Parameter && Tensors.ContainsKey(tensor)
            ? interpreter.Tracer.create_proxy(Opcode.get_attr, new AttributeTarget(name), [], typeof(torch.Tensor))
            : Unlisted(interpreter, name);
        interpreter.Symbols.Bind(tensor, proxy);
        return constantNodes[tensor] = proxy.node;
    }

    /// <summary>The real tensor that a node of this trace reads; null for another node.</summary>
    internal torch.Tensor? Held(Node node) => constantNodes.FirstOrDefault(entry => entry.Value == node && !entry.Key.IsInvalid).Key;

    /// <summary>
    /// Buffers and constants come in as arguments, past create_proxy, as torch.fx does it: torchvision lists parameters among the nodes,
    /// but not these.
    /// </summary>
    private static Proxy Unlisted(Interpreter interpreter, string name)
    {
        var node = interpreter.Graph.get_attr(name);
        node.origin = interpreter.Here();
        interpreter.ComputeExample(node);
        return new Proxy(node, typeof(torch.Tensor));
    }

    private Dictionary<torch.Tensor, string> Tensors
    {
        get
        {
            if (tensors is not null)
                return tensors;
            // A function has registered nothing.
            if (root is TracedFunction && !isSearched)
                SearchFields();
            tensors = new(ReferenceEqualityComparer.Instance);
            foreach (var (module, (path, _, _)) in modules)
            {
                foreach (var (name, parameter) in module.named_parameters(false))
                    tensors.TryAdd(parameter, ModuleHierarchy.Join(path, name));
                foreach (var (name, buffer) in module.named_buffers(false, true))
                    tensors.TryAdd(buffer, ModuleHierarchy.Join(path, name));
            }
            foreach (var (parameter, path) in held)
                if (ReferenceEquals(Hierarchy.Find(path), parameter))
                    tensors.TryAdd(parameter, path);
            storages = null;
            natives = tensors.Keys.Where(tensor => !tensor.IsInvalid).DistinctBy(TensorIdentity.Of).ToDictionary(TensorIdentity.Of);
            return tensors;
        }
    }

    private void Add(torch.nn.Module module, Place place)
    {
        if (!modules.TryAdd(module, place))
            return;
        foreach (var (name, child) in module.named_children())
            Add(child, place with { Path = ModuleHierarchy.Join(place.Path, name) });
    }

    /// <summary>
    /// Names modules and parameters that are in fields and collections without being registered, the nearest to the root first.
    /// </summary>
    private void SearchFields()
    {
        const int MaxDepth = 256;
        isSearched = true;
        tensors = null;
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Queue<(object Value, string Path, int Depth)>([(root, "", 0)]);
        while (open.TryDequeue(out var next))
            if (seen.Add(next.Value))
                foreach (var (name, part) in ModuleParts.Of(next.Value))
                    if (part is not null && next.Depth < MaxDepth && !part.GetType().IsPrimitive
                        && Note(part, ModuleHierarchy.Join(next.Path, name)) is { } path)
                        open.Enqueue((part, path, next.Depth + 1));
    }

    /// <summary>Notes what was found at a path; gives the path that its own parts go by, null where there are none.</summary>
    private string? Note(object part, string path)
    {
        if (part is torch.nn.Module module)
        {
            Add(module, new(path, IsRegistered: false, IsSure: false));
            return modules[module].Path;
        }
        if (part is TorchSharp.Modules.Parameter parameter && root is not TracedFunction)
            held.TryAdd(parameter, path);
        return part is torch.Tensor ? null : path;
    }


    /// <summary>Where a module is.</summary>
    /// <param name="Path">Its qualified name.</param>
    /// <param name="IsRegistered">Whether it and all modules around it are registered.</param>
    /// <param name="IsSure">Whether the path is known to lead to this very module.</param>
    private readonly record struct Place(string Path, bool IsRegistered, bool IsSure);
}
