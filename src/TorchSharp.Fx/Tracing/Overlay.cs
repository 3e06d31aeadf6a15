using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// What the traced program writes to things that are not its own. Tracing never changes the user's objects: a field of an object that
/// existed before the trace is written here, an array or collection that existed before is copied at its first change, and all later reads of the
/// same trace see that.
/// </summary>
internal sealed class Overlay(Func<Origin?> here)
{
    private static readonly object Statics = new();

    private static readonly FrozenSet<string> Changes = """
        Add AddRange Insert InsertRange Remove RemoveAt RemoveAll RemoveRange RemoveWhere RemoveFirst RemoveLast AddFirst AddLast AddBefore AddAfter Clear set_Item TryAdd TryRemove TryUpdate
        GetOrAdd AddOrUpdate Enqueue Dequeue TryDequeue Push Pop TryPop Sort Reverse UnionWith IntersectWith ExceptWith SymmetricExceptWith EnsureCapacity set_Capacity TrimExcess SetValue Set
        """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    private readonly Dictionary<object, Dictionary<FieldInfo, Value>> fields = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, object> copies = new(ReferenceEqualityComparer.Instance);
    private readonly List<(string What, Origin? At)> dropped = [];
    private readonly HashSet<object> own = new(ReferenceEqualityComparer.Instance);

    /// <summary>What the program wrote to things that outlive it, and where: the graph doesn't do it again.</summary>
    internal IReadOnlyList<(string What, Origin? At)> Dropped => dropped;

    /// <summary>Notes an object that the traced program made itself: it may be written.</summary>
    internal void Own(object made) => own.Add(made);

    internal bool Owns(object? target) => target is not null && own.Contains(target);

    internal bool TryRead(object? target, FieldInfo field, out Value value)
    {
        if (fields.Count > 0 && fields.TryGetValue(target ?? Statics, out var written))
            return written.TryGetValue(field, out value);
        value = default;
        return false;
    }

    internal void Write(object? target, FieldInfo field, Value value)
    {
        if (!fields.TryGetValue(target ?? Statics, out var written))
            fields[target ?? Statics] = written = [];
        // The compiler's own static fields cache delegates: nobody misses those.
        if (!Owns(target) && !written.ContainsKey(field) && !(target is null && field.Name.StartsWith('<')))
            dropped.Add(($"{field.DeclaringType?.Name}.{ArgumentText.MemberName(field.Name)}", here()));
        written[field] = value.Copy();
    }

    internal void Forget(object? target, FieldInfo field)
    {
        if (fields.TryGetValue(target ?? Statics, out var written))
            written.Remove(field);
    }

    /// <summary>The collection that the trace uses in place of this one.</summary>
    internal object? Current(object? value) => copies.Count > 0 && value is not null && copies.TryGetValue(value, out var copy) ? copy : value;

    /// <summary>Makes a collection stand for another from here on.</summary>
    internal object Replace(object collection, object replacement) => copies[collection] = replacement;

    /// <summary>The same collection for a change: a copy, unless the trace made it itself.</summary>
    internal object ForChange(object collection)
    {
        collection = Current(collection)!;
        if (own.Contains(collection))
            return collection;
        var copy = collection is Array array ? array.Clone() : CopyOf(collection);
        own.Add(copy);
        dropped.Add(($"a {Untraceable.Short(collection.GetType())}", here()));
        copies[collection] = copy;
        return copy;
    }

    /// <summary>Whether a call changes a collection of .NET's own that the trace did not make.</summary>
    internal bool IsChange(MethodBase method, object? target)
        => target is not null && Changes.Contains(method.Name) && !own.Contains(target) && IsCollection(target);

    private static bool IsCollection(object target)
        => target is Array || (target.GetType().Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) ?? false);

    private static object CopyOf(object collection)
    {
        var type = collection.GetType();
        foreach (var constructor in type.GetConstructors())
            if (constructor.GetParameters() is [var only] && only.ParameterType != type && only.ParameterType.IsInstanceOfType(collection))
                return constructor.Invoke([collection]);
        return RuntimeHelpers.GetObjectValue(collection);
    }
}
