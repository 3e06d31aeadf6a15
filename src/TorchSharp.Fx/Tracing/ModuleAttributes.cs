using System.Collections;
using System.Globalization;

namespace TorchSharp.Fx.Tracing;

/// <summary>The qualified names of a root's modules, parameters and buffers, and the constants that a trace adds to them.</summary>
internal sealed class ModuleAttributes
{
    private readonly torch.nn.Module root;
    private readonly int firstConstant;
    private readonly List<(string Path, torch.nn.Module Module)> unregistered = [];
    private readonly Dictionary<torch.nn.Module, (string Path, bool IsRegistered)> modules = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<torch.nn.Module, string> made = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, torch.Tensor> constants = [];
    private readonly Dictionary<torch.Tensor, Node> constantNodes = new(ReferenceEqualityComparer.Instance);
    private Dictionary<torch.Tensor, string>? tensors;
    private Dictionary<nint, torch.Tensor> natives = [];
    private HashSet<nint>? storages;

    internal ModuleAttributes(torch.nn.Module root, int firstConstant)
    {
        this.root = root;
        this.firstConstant = firstConstant;
        Add(root, "", isRegistered: true);
    }

    internal IReadOnlyDictionary<string, torch.Tensor> Constants => constants;

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
            tensors = null;
            modules.TryGetValue(module, out found);
        }
        if (found is (not null, false) && root is not TracedFunction && !unregistered.Exists(known => ReferenceEquals(known.Module, module)))
            unregistered.Add((found.Path, module));
        return found.Path;
    }

    /// <summary>Names a module that the program made itself, by its type within the module that calls it. The graph can't hold it, so that it is always followed.</summary>
    internal void Made(torch.nn.Module module, string caller)
    {
        if (modules.ContainsKey(module) || made.ContainsKey(module))
            return;
        var name = Join(caller, PythonNames.Plain(module.GetType().Name).ToLowerInvariant());
        var free = name;
        for (var i = 1; modules.Values.Any(known => known.Path == free) || made.ContainsValue(free); i++)
            free = $"{name}_{i}";
        made[module] = free;
        unregistered.Add((free, module));
    }

    /// <summary>Whether the program made the module itself.</summary>
    internal bool IsMade(torch.nn.Module module) => made.ContainsKey(module);

    /// <summary>Whether a tensor is a parameter or buffer of the root.</summary>
    internal bool Owns(torch.Tensor tensor) => Tensors.ContainsKey(Registered(tensor));

    /// <summary>Whether a tensor that the model or the program holds lies in the memory of a parameter or buffer of the root, and so changes with it.</summary>
    internal bool Shares(torch.Tensor tensor)
        => TensorIdentity.Storage(tensor) is not 0 and var storage && (storages ??= [.. Tensors.Keys.Select(TensorIdentity.Storage)]).Contains(storage);

    /// <summary>The object under which a parameter or buffer of the root is registered, for any object that stands for it; another tensor itself.</summary>
    internal torch.Tensor Registered(torch.Tensor tensor) => Tensors.ContainsKey(tensor) ? tensor : natives.GetValueOrDefault(TensorIdentity.Of(tensor), tensor);

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
        var proxy = tensor is Modules.Parameter && Tensors.ContainsKey(tensor)
            ? interpreter.Tracer.create_proxy(Opcode.get_attr, new AttributeTarget(name), [], typeof(torch.Tensor))
            : Unlisted(interpreter, name);
        interpreter.Symbols.Bind(tensor, proxy);
        return constantNodes[tensor] = proxy.node;
    }

    /// <summary>Buffers and constants come in as arguments, past create_proxy, as torch.fx does it: torchvision lists parameters among the nodes, but not these.</summary>
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
            tensors = new(ReferenceEqualityComparer.Instance);
            // A function has registered nothing.
            if (root is TracedFunction)
                SearchFields();
            foreach (var (module, (path, _)) in modules)
            {
                foreach (var (name, parameter) in module.named_parameters(false))
                    tensors.TryAdd(parameter, Join(path, name));
                foreach (var (name, buffer) in module.named_buffers(false, true))
                    tensors.TryAdd(buffer, Join(path, name));
            }
            storages = null;
            natives = tensors.Keys.Where(tensor => !tensor.IsInvalid).DistinctBy(TensorIdentity.Of).ToDictionary(TensorIdentity.Of);
            return tensors;
        }
    }

    private void Add(torch.nn.Module module, string path, bool isRegistered)
    {
        if (!modules.TryAdd(module, (path, isRegistered)))
            return;
        foreach (var (name, child) in module.named_children())
            Add(child, Join(path, name), isRegistered);
    }

    /// <summary>Names modules that are in fields and collections of modules without being registered.</summary>
    private void SearchFields() => SearchFields(root, "", new HashSet<object>(ReferenceEqualityComparer.Instance), 0);

    private void SearchFields(object? value, string path, HashSet<object> seen, int depth)
    {
        const int MaxDepth = 32;
        if (value is null or string or torch.Tensor or Delegate or Type or IntPtr || value.GetType().IsPrimitive || depth > MaxDepth || !seen.Add(value))
            return;
        if (value is torch.nn.Module module)
            Add(module, path, isRegistered: false);
        if (value is torch.nn.Module known)
            path = modules[known].Path;
        if (value is TracedFunction function)
            foreach (var (name, captured) in function.Captured)
                SearchFields(captured, name, seen, depth + 1);
        else if (value is IDictionary dictionary)
            foreach (DictionaryEntry entry in dictionary)
                SearchFields(entry.Value, Join(path, System.Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? ""), seen, depth + 1);
        else if (value is ICollection collection)
            foreach (var (index, item) in collection.Cast<object?>().Index())
                SearchFields(item, Join(path, index.ToString(CultureInfo.InvariantCulture)), seen, depth + 1);
        else if (value is torch.nn.Module || Homes.Of(value.GetType()) == Home.User || value is System.Runtime.CompilerServices.ITuple)
            foreach (var field in StructLayout.FieldsOf(value.GetType()))
                if (Homes.Of(field.DeclaringType!) != Home.TorchSharp)
                    SearchFields(field.GetValue(value), Join(path, ArgumentText.MemberName(field.Name)), seen, depth + 1);
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
