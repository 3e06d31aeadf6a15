using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The traced program's writes to things that are not its own. Tracing never changes the user's objects: a field of an object that
/// existed before the trace is written here, an array or collection that existed before is copied at its first change, and all later reads
/// of the same trace see that.
/// </summary>
internal sealed class Overlay(Func<Origin?> here, Func<Delegate, Delegate> wrap)
{
    private static readonly object Statics = new();

    /// <summary>Whether the program is to change the user's objects: a recording is a run like any other.</summary>
    internal bool IsReal { get; init; }

    private readonly Dictionary<object, Dictionary<FieldInfo, Value>> fields = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, object> copies = new(ReferenceEqualityComparer.Instance);
    private readonly List<Change> dropped = [];
    private readonly HashSet<object> own = new(ReferenceEqualityComparer.Instance);

    /// <summary>Told what is about to be changed, null for what has no object; it may refuse that.</summary>
    internal Action<object?>? Changing { get; set; }

    /// <summary>The objects that the traced program made itself.</summary>
    internal IReadOnlyCollection<object> Made => own;

    /// <summary>The program's writes to things that outlive it, and their places: the graph doesn't do it again.</summary>
    internal IReadOnlyCollection<(string What, Origin? At)> Dropped => [.. dropped.Select(change => (change.What, change.At))];

    /// <summary>
    /// The objects that the program changed though it had not made them, and which field of each; no field where .NET's code changed it.
    /// </summary>
    internal IEnumerable<(object Target, FieldInfo? Field)> Changes
        => dropped.SelectMany(change => change.Target is { } target ? [(target, change.Field)]
            // What a collection keeps its elements in is an object of its own.
            : change.Copies.Any(pair => Changed(pair.Key, pair.Value))
                ? change.Copies.Keys.Select(original => (original, (FieldInfo?)null)) : []);

    /// <summary>Notes something else that the program changed.</summary>
    internal void Drop(string what)
    {
        Changing?.Invoke(null);
        dropped.Add(new(what, here(), []));
    }

    /// <summary>Gives a field its value for the trace. That the program writes to it is no news then: the graph does so, too.</summary>
    internal void Seed(object target, FieldInfo field, Value value)
    {
        if (!fields.TryGetValue(target, out var written))
            fields[target] = written = [];
        written[field] = value;
    }

    /// <summary>Takes back what was noted so far: it was no part of the program.</summary>
    internal void ForgetDropped() => dropped.Clear();

    /// <summary>Notes an object that the traced program made itself: it may be written.</summary>
    internal void Own(object made)
    {
        if (!IsReal)
            own.Add(made);
    }

    internal bool Owns(object? target) => IsReal || (target is not null && own.Contains(target));

    /// <summary>Whether an object stands for one that was there before the trace.</summary>
    internal bool IsCopy(object mine) => copies.ContainsValue(mine);

    /// <summary>Whether the program wrote to a field of an object.</summary>
    internal bool HasFieldsOf(object target) => fields.ContainsKey(target);

    internal bool TryRead(object? target, FieldInfo field, out Value value)
    {
        if (fields.Count > 0 && fields.TryGetValue(target ?? Statics, out var written))
            return written.TryGetValue(field, out value);
        value = default;
        return false;
    }

    internal void Write(object? target, FieldInfo field, Value value)
    {
        if (target is not null || !field.Name.StartsWith('<'))
            Changing?.Invoke(target);
        if (!fields.TryGetValue(target ?? Statics, out var written))
            fields[target ?? Statics] = written = [];
        // The compiler's own static fields cache delegates: nobody misses those.
        if (!Owns(target) && !written.ContainsKey(field) && !(target is null && field.Name.StartsWith('<')))
            dropped.Add(new($"{field.DeclaringType?.Name}.{ArgumentText.MemberName(field.Name)}", here(), []) { Target = target,
                Field = field });
        written[field] = value.Copy();
    }

    internal void Forget(object? target, FieldInfo field)
    {
        if (fields.TryGetValue(target ?? Statics, out var written))
            written.Remove(field);
    }

    /// <summary>The object that the trace uses in place of this one.</summary>
    internal object? Current(object? value)
    {
        while (copies.Count > 0 && value is not null && copies.TryGetValue(value, out var copy))
            value = copy;
        return value;
    }

    /// <summary>Makes a collection stand for another from here on.</summary>
    internal object Replace(object collection, object replacement)
    {
        Changing?.Invoke(null);
        return copies[collection] = replacement;
    }

    /// <summary>The same object for a change: a copy, unless the trace made it itself; null where there can be none.</summary>
    internal object? ForChange(object value)
    {
        value = Current(value)!;
        Changing?.Invoke(value);
        if (Owns(value))
            return value;
        var copier = new ContainerCopy(Standing, wrap);
        if (copier.Of(value) is not { } copy)
            return null;
        copier.Made[value] = copy;
        // What a generator gives is told as a value of the moment.
        Take(copier.Made, value is Random ? null : $"a {Untraceable.Short(value.GetType())}");
        return copy;
    }

    private object? Standing(object value) => own.Contains(value) ? value : copies.ContainsKey(value) ? Current(value) : null;

    /// <summary>The same array for a change.</summary>
    internal Array ForChange(Array array) => (Array)ForChange((object)array)!;

    /// <summary>A struct for a change of what it refers to; null where nothing of that was there before the trace.</summary>
    internal object? IsolatedStruct(object value)
    {
        if (IsReal)
            return null;
        Changing?.Invoke(null);
        var copier = new ContainerCopy(Standing, wrap);
        if (copier.Of(value) is not { } isolated || copier.Made.Count == 0)
            return null;
        Take(copier.Made, $"what a {Untraceable.Short(value.GetType())} refers to");
        return isolated;
    }

    /// <summary>At the end of a trace: what was copied for a change and did not change is not dropped.</summary>
    internal void Settle()
        => dropped.RemoveAll(change => change.Copies.Count > 0 && !change.Copies.Any(pair => Changed(pair.Key, pair.Value)));

    private void Take(Dictionary<object, object> made, string? what)
    {
        foreach (var (original, copy) in made)
        {
            own.Add(copy);
            copies[original] = copy;
            if (fields.Remove(original, out var written))
                fields[copy] = written;
        }
        if (what is not null)
            dropped.Add(new(what, here(), made));
    }

    private bool Changed(object original, object copy)
    {
        if (original is Array before && copy is Array after)
            return before.Length != after.Length
                || before.Cast<object?>().Zip(after.Cast<object?>()).Any(pair => Differs(pair.First, pair.Second));
        return original.GetType() != copy.GetType() || (fields.TryGetValue(copy, out var written) && written.Count > 0)
            || StructLayout.FieldsOf(original.GetType())
                .Any(field => !IsBookkeeping(field) && Differs(field.GetValue(original), field.GetValue(copy)));
    }

    /// <summary>Versions, and views that are kept once they are made.</summary>
    private static bool IsBookkeeping(FieldInfo field)
        => field.Name.EndsWith("version", StringComparison.OrdinalIgnoreCase)
            || field.Name is "_keys" or "_values" or "keyList" or "valueList" || typeof(Delegate).IsAssignableFrom(field.FieldType);

    internal bool Differs(object? before, object? after) => (before, after) switch
    {
        (null, null) => false,
        (null, _) or (_, null) => true,
        (Argument a, Argument b) => !a.Equals(b),
        (ValueType, ValueType) when before.GetType() != after.GetType() => true,
        (ValueType, ValueType) => before.GetType() is { IsPrimitive: true } or { IsEnum: true }
            ? !before.Equals(after) : StructLayout.FieldsOf(before.GetType())
                .Any(field => Differs(field.GetValue(before), field.GetValue(after))),
        (string a, string b) => a != b,
        _ => !ReferenceEquals(Current(before), Current(after)),
    };

    /// <summary>Something that the program changed.</summary>
    /// <param name="What">What it is.</param>
    /// <param name="At">Where it did so first.</param>
    /// <param name="Copies">The copies that were changed in its place, by original.</param>
    private sealed record Change(string What, Origin? At, Dictionary<object, object> Copies)
    {
        /// <summary>The object with the field that was written; null for a static one and for what has none.</summary>
        internal object? Target { get; init; }

        internal FieldInfo? Field { get; init; }
    }
}
