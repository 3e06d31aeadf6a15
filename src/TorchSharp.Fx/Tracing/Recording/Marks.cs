using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The values of a recorded run for which a trace would have symbols. Numbers and structs carry their mark in <see cref="Value"/>; objects
/// have theirs here, by reference and for no longer than they live.
/// </summary>
internal sealed class Marks
{
    private readonly ConditionalWeakTable<object, Mark> objects = [];
    private bool hasFields;
    private bool hasObjects;

    /// <summary>Notes that an object was computed from an input.</summary>
    internal void Add(object made) => Of(made).Depends = true;

    /// <summary>Notes that an array or tuple was computed from an input: reading a part of it is an operation of its own.</summary>
    internal void AddWhole(object made)
    {
        hasObjects |= made is not Array;
        var mark = Of(made);
        (mark.Depends, mark.HasParts, mark.Elements) = (true, true, null);
    }

    /// <summary>Notes that all elements of a sequence have been read: they are at hand from here on.</summary>
    internal void Walked(object sequence)
    {
        var mark = Of(sequence);
        (mark.HasParts, mark.Elements) = (false, null);
    }

    /// <summary>Notes that the run computed an object from constants alone.</summary>
    internal void AddConstant(object made) => objects.TryAdd(made, new());

    /// <summary>Whether an object was computed from an input; null where the run didn't compute it.</summary>
    internal bool? Find(object value) => objects.TryGetValue(value, out var mark) ? mark.Depends : null;

    /// <summary>Whether an operation gave an object, so that reading a part of it is an operation of its own.</summary>
    internal bool HasParts(object value) => objects.TryGetValue(value, out var mark) && mark.HasParts;

    /// <summary>Notes what the program writes into an array.</summary>
    internal void Store(Array array, int index, bool isMarked)
    {
        if (!isMarked && !objects.TryGetValue(array, out _))
            return;
        var mark = Of(array);
        mark.Depends |= isMarked;
        (mark.Elements ??= [])[index] = isMarked;
    }

    /// <summary>Notes that elements were copied: they are read as those that they are copies of.</summary>
    internal void Copy(Array from, int start, Array to, int at, int count)
    {
        if (!HasElements(from) && !HasElements(to))
            return;
        bool[] areMarked = [.. Enumerable.Range(start, count).Select(i => Element(from, i) != Reading.Constant)];
        for (var i = 0; i < count; i++)
            Store(to, at + i, areMarked[i]);
    }

    /// <summary>Whether the program has written what depends on an input into an array.</summary>
    internal bool HasElements(Array array) => objects.TryGetValue(array, out var mark) && mark.Elements is not null;

    /// <summary>
    /// How an element of an array is read: as a constant, as a value that depends on an input, or by an operation that a trace has a node
    /// for.
    /// </summary>
    internal Reading Element(Array array, int index)
    {
        if (!objects.TryGetValue(array, out var mark) || !mark.Depends)
            return Reading.Constant;
        if (mark.Elements is { } written && written.TryGetValue(index, out var isMarked))
            return isMarked ? Reading.Dependent : Reading.Constant;
        return mark.HasParts ? Reading.Operation : mark.Elements is null ? Reading.Dependent : Reading.Constant;
    }

    /// <summary>Notes what the program writes to a field: of a number only here it shows where it came from.</summary>
    internal void Store(object? target, object field, bool isMarked)
    {
        if (target is null || (!isMarked && !hasFields))
            return;
        hasFields = true;
        var fields = Of(target).Fields ??= [];
        if (isMarked)
            fields.Add(field);
        else
            fields.Remove(field);
    }

    /// <summary>How a field is read.</summary>
    internal Reading Field(object? target, object field)
    {
        if (target is null || (!hasFields && !hasObjects) || !objects.TryGetValue(target, out var mark))
            return Reading.Constant;
        return mark.HasParts ? Reading.Operation : mark.Fields?.Contains(field) is true ? Reading.Dependent : Reading.Constant;
    }

    private Mark Of(object made) => objects.GetValue(made, static _ => new());

    private sealed class Mark
    {
        internal bool Depends;
        internal bool HasParts;
        internal Dictionary<int, bool>? Elements;
        internal HashSet<object>? Fields;
    }
}
