using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Finds the modules and tensors that a graph names: by registered name, then by field, list index and dictionary key, as
/// <see cref="ModuleParts"/> has them.
/// </summary>
internal sealed class ModuleHierarchy(nn.Module root, IReadOnlyDictionary<string, Tensor>? constants = null)
{
    private readonly Dictionary<string, nn.Module?> edits = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, object?> known = new(StringComparer.Ordinal) { [""] = root };

    internal nn.Module Root => root;

    /// <summary>The innermost module on the way to a place of the model's state, and the rest of the way: looked up once.</summary>
    internal ConcurrentDictionary<string, (nn.Module Module, string Inside)> Keepers { get; } = new(StringComparer.Ordinal);

    /// <summary>The module that replaces the root's at a path; null for one that was taken away.</summary>
    internal IReadOnlyDictionary<string, nn.Module?> Edits => edits;

    /// <summary>Puts a module at a path, or nothing, without changing the root.</summary>
    internal void Set(string path, nn.Module? module)
    {
        foreach (var inside in known.Keys.Where(key => key.StartsWith(path + ".", StringComparison.Ordinal)))
            known.TryRemove(inside, out _);
        known[path] = edits[path] = module;
        Keepers.Clear();
    }

    /// <summary>Looks up the modules that graphs call: those stay the ones that are meant, whatever the root's fields hold later.</summary>
    internal void Pin(params ReadOnlySpan<Graph> graphs)
    {
        foreach (var graph in graphs)
            foreach (var node in graph.all_nodes.Where(node => node.op == Opcode.call_module))
                Find(node.target.name);
    }

    /// <summary>The module at a qualified name, e.g. <c>layer1.0.conv1</c>; the root for an empty one.</summary>
    internal nn.Module Module(string path)
        => Find(path) as nn.Module
            ?? throw new InvalidOperationException(
                $"The graph calls the module '{path}', but {root.GetType().Name} has no module there, neither registered nor in a field.");

    /// <summary>Whatever is at a qualified name; null where nothing is.</summary>
    internal object? Find(string path)
    {
        if (known.TryGetValue(path, out var found))
            return found;
        found = Locate(path).Value;
        // to() puts other tensors in the place of these.
        return found is Tensor ? found : known[path] = found;
    }

    /// <summary>Whether a name is that of a tensor which belongs to the graph, not to the model.</summary>
    internal bool IsConstant(string path) => constants is not null && constants.ContainsKey(path);

    /// <summary>
    /// The function that reads the tensor at a qualified name. It looks the tensor up each time: <c>to()</c> puts new parameters in the
    /// place of old ones.
    /// </summary>
    internal Func<Tensor> Attribute(string path)
    {
        if (constants is not null && constants.ContainsKey(path))
            return () => constants[path];
        var (holder, name, value) = Locate(path);
        if (holder is nn.Module module && Registry.Get(module, name) is not null)
            return () => Registry.Get(module, name)!;
        if (value is not Tensor)
            throw new InvalidOperationException(
                $"The graph reads the tensor '{path}', but {root.GetType().Name} has no tensor there, neither registered nor in a field.");
        return () => (Tensor)Step(holder, name)!;
    }

    /// <summary>The tensor that is at a qualified name now; null where none is.</summary>
    internal Tensor? TryAttribute(string path)
    {
        if (constants is not null && constants.TryGetValue(path, out var constant))
            return constant;
        var (prefix, name) = Split(path);
        var holder = Find(prefix);
        return (holder is nn.Module module ? Registry.Get(module, name) : null) ?? Step(holder, name) as Tensor;
    }

    /// <summary>Puts another tensor in the place of the one at a qualified name, wherever its holder keeps that.</summary>
    internal void Replace(string path, Tensor tensor)
    {
        var (holder, name, _) = Locate(path);
        var old = Attribute(path)();
        if (holder is IList list)
            list[list.IndexOf(old)] = tensor;
        if (holder is IDictionary dictionary)
            dictionary[dictionary.Keys.Cast<object>().First(key => ReferenceEquals(dictionary[key], old))] = tensor;
        if (holder is nn.Module module)
            Registry.Replace(module, name, tensor);
        foreach (var field in FieldsOf(holder!.GetType()))
            if (ReferenceEquals(field.GetValue(holder), old))
                field.SetValue(holder, tensor);
        known.TryRemove(path, out _);
    }

    /// <summary>
    /// The value at a path, its holder, and its name there; nulls where nothing is. A registered name may have dots of its own.
    /// </summary>
    private (object? Holder, string Name, object? Value) Locate(string path)
    {
        for (var dot = path.LastIndexOf('.'); dot >= 0; dot = dot == 0 ? -1 : path.LastIndexOf('.', dot - 1))
            if (Find(path[..dot]) is { } holder && Step(holder, path[(dot + 1)..]) is { } found)
                return (holder, path[(dot + 1)..], found);
        return (root, path, Step(root, path));
    }

    /// <summary><c>a.b.weight</c> → (<c>a.b</c>, <c>weight</c>).</summary>
    internal static (string Prefix, string Name) Split(string path)
        => path.LastIndexOf('.') is var dot and >= 0 ? (path[..dot], path[(dot + 1)..]) : ("", path);

    /// <summary>(<c>a.b</c>, <c>weight</c>) → <c>a.b.weight</c>; a path of the root is a name alone.</summary>
    internal static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    internal static IEnumerable<FieldInfo> FieldsOf(Type type)
    {
        for (var level = type; level is not null && level != typeof(nn.Module) && level != typeof(object); level = level.BaseType)
            foreach (var field in level.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                yield return field;
    }

    private static object? Step(object? holder, string name) => holder switch
    {
        null => null,
        nn.Module module when module is not TracedFunction
            && (Child(module, name) ?? (object?)Registry.Get(module, name)) is { } registered => registered,
        _ => ModuleParts.Of(holder).FirstOrDefault(part => part.Name == name).Value ?? Component(holder, name),
    };

    private static nn.Module? Child(nn.Module module, string name)
    {
        foreach (var (key, child) in module.named_children())
            if (key == name)
                return child;
        return null;
    }

    /// <summary>A field by the name that it would be registered under.</summary>
    private static object? Component(object holder, string name)
        => holder is nn.Module ? FieldsOf(holder.GetType()).FirstOrDefault(field => field.ComponentName() == name)?.GetValue(holder) : null;
}
