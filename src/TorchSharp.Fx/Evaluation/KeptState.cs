using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The state of a model, or of an object that a graph is given, by path. Each run looks it up anew, as the program may have put
/// another object there. A graph module that has no such model, a copy or a loaded one, keeps it itself (<see cref="ModuleTree.Kept"/>).
/// </summary>
internal static class KeptState
{
    private static readonly ConcurrentDictionary<(Type, string), FieldInfo?> Fields = new();

    /// <summary>The paths at which graphs read or write what their model keeps, each once.</summary>
    internal static string[] PathsOf(params ReadOnlySpan<Graph> graphs)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var graph in graphs)
            foreach (var node in graph.nodes)
                if (node.target is StateTarget state && node.args is [] or [Literal, _])
                    paths.Add(state.Place);
        return [.. paths];
    }

    /// <summary>Gives a tree what a hierarchy keeps where the graphs read or write, with copies of its tensors.</summary>
    internal static void Copy(ModuleHierarchy from, ModuleTree to, params ReadOnlySpan<Graph> graphs)
    {
        foreach (var path in PathsOf(graphs))
            to.Kept[path] = new StructureCopy(tensor => tensor.detach().clone().DetachFromDisposeScope()).Of(Read(from, path));
    }

    /// <summary>The value at a path; null where nothing is.</summary>
    internal static object? Read(ModuleHierarchy modules, string path)
    {
        var (holder, rest) = Keeper(modules, path);
        if (holder is not ModuleTree tree)
            return Walk(holder, rest);
        return KeyOf(tree, rest) is { } key ? Walk(tree.Kept[key], rest.Length == key.Length ? "" : rest[(key.Length + 1)..]) : null;
    }

    /// <summary>Puts a value at a path of the model, or of an object that the graph was given.</summary>
    /// <param name="modules">The hierarchy that the graph names.</param>
    /// <param name="owner">The object; null for the model.</param>
    /// <param name="place">The place.</param>
    /// <param name="value">What to put there.</param>
    /// <exception cref="InvalidOperationException">There is nothing that has such a place.</exception>
    internal static void Write(ModuleHierarchy modules, object? owner, StateTarget place, object? value)
    {
        var (holder, rest) = owner is null ? Keeper(modules, place.Place) : (owner, place.Place);
        // It outlives the scope that the call is in; what an input holds is its owner's, as a result is.
        foreach (var tensor in owner is null ? Structure.Tensors(value) : [])
            tensor.DetachFromDisposeScope();
        if (place.IsAdded)
            Add(At(rest), value, place);
        else if (holder is ModuleTree tree && KeyOf(tree, rest) is var key && (key is null || key.Length == rest.Length))
            Keep(tree, rest, value);
        else if (place.IsContent)
            Refill(At(rest), value, place);
        else
            Put(At(ModuleHierarchy.Split(rest).Prefix), ModuleHierarchy.Split(rest).Name, value, place);

        object? At(string inner) => holder is ModuleTree ? Read(modules, inner) : Walk(holder, inner);
    }

    private static void Keep(ModuleTree tree, string path, object? value)
    {
        foreach (var inside in tree.Kept.Keys.Where(key => key.StartsWith(path + ".", StringComparison.Ordinal)).ToArray())
            tree.Kept.Remove(inside);
        tree.Kept[path] = value;
    }

    /// <summary>The innermost module on the way, or the tree that keeps the state of all, and the rest of the path.</summary>
    private static (object Holder, string Inside) Keeper(ModuleHierarchy modules, string path)
    {
        while (modules.Root is IGraphModule { Program.Source: var inner })
            modules = inner;
        if (modules.Root is ModuleTree)
            return (modules.Root, path);
        var (module, rest) = modules.Keepers.GetOrAdd(path, static (path, modules) => Innermost(modules, path), modules);
        return module is IGraphModule { Program.Source: var graphs } ? Keeper(graphs, rest) : (module, rest);
    }

    private static (nn.Module, string) Innermost(ModuleHierarchy modules, string path)
    {
        for (var dot = path.LastIndexOf('.'); dot > 0; dot = path.LastIndexOf('.', dot - 1))
            if (modules.Find(path[..dot]) is nn.Module module)
                return (module, path[(dot + 1)..]);
        return (modules.Root, path);
    }

    /// <summary>Under which of its paths a tree keeps what is at a path or around it.</summary>
    private static string? KeyOf(ModuleTree tree, string path)
    {
        for (var end = path.Length; end > 0; end = path.LastIndexOf('.', end - 1))
            if (tree.Kept.ContainsKey(path[..end]))
                return path[..end];
        return null;
    }

    private static object? Walk(object? holder, string path)
    {
        foreach (var name in path.Length == 0 ? [] : path.Split('.'))
            holder = holder is null ? null : Step(holder, name);
        return holder;
    }

    private static object? Step(object holder, string name)
    {
        if (FieldOf(holder, name) is { } field)
            return field.GetValue(holder);
        return holder switch
        {
            ITuple => holder.GetType().GetField(name)?.GetValue(holder),
            IDictionary dictionary => dictionary.Keys.Cast<object>().FirstOrDefault(key => KeyText.Of(key) == name) is { } key
                ? dictionary[key] : null,
            ICollection items => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
                ? items.Cast<object?>().ElementAtOrDefault(at) : null,
            _ => null,
        };
    }

    /// <summary>A field of an object whose class is the user's.</summary>
    private static FieldInfo? FieldOf(object holder, string name)
        => Fields.GetOrAdd((holder.GetType(), name), static key => !Homes.IsUsers(key.Item1)
            ? null : ModuleHierarchy.FieldsOf(key.Item1).FirstOrDefault(field => ArgumentText.MemberName(field.Name) == key.Item2));

    private static void Put(object? holder, string name, object? value, StateTarget place)
    {
        if (holder is null || FieldOf(holder, name) is not { } field)
            throw Missing(place);
        field.SetValue(holder, ValueConversion.Apply(value, field.FieldType));
    }

    private static void Add(object? list, object? further, StateTarget place)
    {
        foreach (var item in (IList)further!)
            (list as IList ?? throw Missing(place)).Add(item);
    }

    /// <summary>Puts other content into a collection: whoever else holds it sees that, as if the program had changed it.</summary>
    private static void Refill(object? collection, object? content, StateTarget place)
    {
        switch (collection, content)
        {
            case (Array old, Array made) when old.Length == made.Length:
                Array.Copy(made, old, old.Length);
                break;
            case (IDictionary old, IDictionary made):
                old.Clear();
                foreach (DictionaryEntry entry in made)
                    old.Add(entry.Key, entry.Value);
                break;
            case (IList { IsFixedSize: false } old, IList made):
                var items = made.Cast<object?>().ToArray();
                old.Clear();
                foreach (var item in items)
                    old.Add(item);
                break;
            case (ICollection old, ICollection made) when old.GetType() == made.GetType():
                object?[] all = [.. made];
                old.GetType().GetMethod(nameof(IList.Clear))!.Invoke(old, null);
                Lines.Fill(old, all);
                break;
            default:
                throw Missing(place);
        }
    }

    private static InvalidOperationException Missing(StateTarget place)
        => new($"The graph keeps its state at '{place.Path}', but there is no such place any more: the model was changed since it was "
            + "traced. Trace it again.");
}
