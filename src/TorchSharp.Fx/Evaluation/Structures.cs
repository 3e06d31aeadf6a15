using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>Graphs' operations on arrays, lists, dictionaries, tuples and objects; both evaluators call these.</summary>
internal static class Structures
{
    /// <summary>Each element converted, as an array.</summary>
    internal static TTo[] Convert<TFrom, TTo>(IEnumerable<TFrom> sequence, Func<TFrom, TTo> convert) => [.. sequence.Select(convert)];

    /// <summary>All parts after one another.</summary>
    internal static T[] Concat<T>(params IEnumerable<T>[] parts) => [.. parts.SelectMany(part => part)];

    /// <summary>
    /// The elements from <paramref name="start"/> to before <paramref name="stop"/>; negative bounds count from the end, as <c>^1</c> does.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A bound lies outside the array, as with C#'s ranges.</exception>
    internal static T[] Slice<T>(T[] array, long? start, long? stop, long? step)
    {
        if (step is not (null or 1))
            throw new NotSupportedException($"An array can only be sliced with step 1, not {step}.");
        return array[new Range(Bound(start, 0), Bound(stop, array.Length))];

        Index Bound(long? bound, int open)
            => bound is not { } at ? open : at < 0 ? new Index(checked((int)-at), fromEnd: true) : checked((int)at);
    }

    /// <summary>The number of elements.</summary>
    internal static int Length(object sequence) => sequence switch
    {
        string text => text.Length,
        ICollection collection => collection.Count,
        ITuple tuple => tuple.Length,
        IEnumerable elements => elements.Cast<object?>().Count(),
        _ => throw new InvalidOperationException($"A {sequence.GetType()} has no length."),
    };

    /// <summary>Whether two values are the same: structures by what they hold, tensors by type, shape and numbers.</summary>
    internal static bool AreSame(object? a, object? b) => (a, b) switch
    {
        _ when ReferenceEquals(a, b) => true,
        (null, _) or (_, null) => false,
        (Tensor one, Tensor other) => one.dtype == other.dtype && one.shape.SequenceEqual(other.shape) && HoldTheSame(one, other),
        (Scalar one, Scalar other) => one.Type == other.Type && one.ToString() == other.ToString(),
        (ITuple one, ITuple other) => one.Length == other.Length && Enumerable.Range(0, one.Length).All(i => AreSame(one[i], other[i])),
        (string, _) => a.Equals(b),
        (IDictionary one, IDictionary other) => one.Count == other.Count
            && one.Keys.Cast<object>().All(key => other.Contains(key) && AreSame(one[key], other[key])),
        (IEnumerable one, IEnumerable other) => one.Cast<object?>().SequenceEqual(other.Cast<object?>(), SameComparer.Instance),
        _ => a.Equals(b),
    };

    private static bool HoldTheSame(Tensor one, Tensor other)
    {
        using var differs = one.not_equal(other);
        using var any = differs.any();
        return !any.ToBoolean();
    }

    private sealed class SameComparer : IEqualityComparer<object?>
    {
        internal static readonly SameComparer Instance = new();

        bool IEqualityComparer<object?>.Equals(object? a, object? b) => AreSame(a, b);

        int IEqualityComparer<object?>.GetHashCode(object? value) => 0;
    }

    /// <summary>The element that a graph writes with a negative position, as Python does: C#'s <c>^1</c> is −1.</summary>
    internal static object? FromEnd(object sequence, int position) => Item(sequence, Length(sequence) + position);

    /// <summary>An element by position or key.</summary>
    internal static object? Item(object sequence, object? key) => sequence switch
    {
        Array array => array.GetValue(Position(key)),
        IList list => list[Position(key)],
        ITuple tuple => tuple[Position(key)],
        _ when sequence.GetType()
            .GetProperty("Item") is { } indexer => indexer.GetMethod!.Invoke(sequence, BindingFlags.DoNotWrapExceptions, null, [key], null),
        _ => throw new InvalidOperationException($"A {sequence.GetType()} can't be indexed."),
    };

    /// <summary>A tensor as an index. One that is null would end the process in native code.</summary>
    internal static TensorIndex Index(Tensor? tensor)
        => TensorIndex.Tensor(tensor ?? throw new NullReferenceException("The index of a tensor is a tensor that is null."));

    /// <summary>Whether a method indexes a tensor by tensors, which native code takes to be there.</summary>
    internal static bool Indexes(MethodBase method)
        => method.DeclaringType == typeof(Tensor)
            && method.Name is "get_TensorItems" or "set_TensorItems" or "index" or "index_put" or "index_put_";

    /// <summary>An argument of such a method, checked.</summary>
    internal static T Indexing<T>(T argument) => argument is null || (argument is Tensor?[] tensors && tensors.Contains(null))
        ? throw new NullReferenceException("The index of a tensor is a tensor that is null.")
        : argument;

    /// <summary>Rows of rows as an array of several dimensions.</summary>
    internal static Array Rectangular(Array rows, Type type)
    {
        var lengths = new int[type.GetArrayRank()];
        object? row = rows;
        for (var i = 0; i < lengths.Length; i++, row = ((Array)row!).GetValue(0))
            lengths[i] = ((Array)row!).Length;
        var filled = Array.CreateInstance(type.GetElementType()!, lengths);
        Fill(rows, []);
        return filled;

        void Fill(Array from, int[] at)
        {
            for (var i = 0; i < from.Length; i++)
                if (at.Length == lengths.Length - 1)
                    filled.SetValue(from.GetValue(i), [.. at, i]);
                else
                    Fill((Array)from.GetValue(i)!, [.. at, i]);
        }
    }

    /// <summary>An object with these fields, made without running a constructor.</summary>
    internal static object Rebuild(Type type, FieldInfo[] fields, object?[] values)
    {
        var made = RuntimeHelpers.GetUninitializedObject(type);
        for (var i = 0; i < fields.Length; i++)
            fields[i].SetValue(made, values[i]);
        return made;
    }

    private static int Position(object? key) => (int)ValueConversion.Apply(key, typeof(int))!;

    /// <summary>Throws the message unless the condition holds.</summary>
    internal static void Assert(bool condition, string message)
    {
        if (!condition)
            throw new GraphAssertionException(message);
    }
}
