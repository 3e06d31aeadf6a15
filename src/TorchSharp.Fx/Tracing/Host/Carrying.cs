using System.Collections;
using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The use that .NET's code makes of a delegate's result, or of an argument.</summary>
internal enum Use
{
    /// <summary>It stores, copies or hands on the value: a symbol may go there.</summary>
    Carry,
    /// <summary>It takes the elements out of a collection, and carries those.</summary>
    Walk,
    /// <summary>It may compare, hash, add or print the value.</summary>
    Look,
    /// <summary>Nothing: the value comes back to the interpreter.</summary>
    Own,
}

/// <summary>
/// The members of .NET that only store, copy or hand on what they are given, so that a symbolic number (a tag in real memory) may pass
/// through them. A member that isn't listed here is taken to look at every value it can reach (docs/decisions/tracing.md). What a listed
/// member takes as a type parameter is carried, but for keys and priorities; all other parameters (an index, a count, a comparer) are
/// looked at.
/// </summary>
internal static class Carrying
{
    private static readonly Row[] Table =
    [
        new("System.Collections.Generic.List`1",
            "keeps items in an array and moves them; a predicate's answer is a bool, a comparison's is looked at", """
            .ctor Add AddRange AsReadOnly Clear ConvertAll CopyTo EnsureCapacity Exists Find FindAll FindIndex FindLast FindLastIndex ForEach GetEnumerator GetRange Slice Insert
            InsertRange RemoveAll RemoveAt RemoveRange Reverse Sort(Comparison`1) ToArray TrimExcess TrueForAll get_Item set_Item get_Count get_Capacity set_Capacity
            """),
        new("System.Array", "moves elements; a predicate's answer is a bool, a comparison's is looked at", """
            Copy ConstrainedCopy Clear Reverse Fill Resize ConvertAll Exists Find FindAll FindIndex FindLast FindLastIndex ForEach TrueForAll Empty CreateInstance AsReadOnly
            Sort(T[],Comparison`1) Clone CopyTo GetValue SetValue get_Length get_LongLength get_Rank GetLength GetLongLength GetLowerBound GetUpperBound GetEnumerator Get Set Address .ctor
            """),
        new("System.Linq.Enumerable", "hands elements on; keys are looked at where a selector gives them", """
            Select SelectMany Where OfType Cast Concat Append Prepend Skip SkipLast SkipWhile Take TakeLast TakeWhile Zip Reverse Range Repeat Empty ToArray ToList AsEnumerable First
            FirstOrDefault Last LastOrDefault Single SingleOrDefault ElementAt ElementAtOrDefault Aggregate Any All Count LongCount TryGetNonEnumeratedCount DefaultIfEmpty Chunk Index
            OrderBy OrderByDescending ThenBy ThenByDescending GroupBy ToDictionary ToLookup MaxBy MinBy DistinctBy Join GroupJoin LeftJoin RightJoin AggregateBy CountBy Shuffle
            """),
        new("System.Linq.IGrouping`2 System.Linq.ILookup`2 System.Linq.Lookup`2", "keys were looked at when it was made",
            "get_Key get_Item get_Count Contains GetEnumerator"),
        new("System.Collections.Generic.Dictionary`2 System.Collections.Generic.SortedDictionary`2 System.Collections.Generic.SortedList`2 "
            + "System.Collections.Generic.OrderedDictionary`2", "compares keys only", """
            .ctor Add TryAdd Clear ContainsKey EnsureCapacity GetEnumerator Remove RemoveAt TryGetValue TrimExcess get_Item set_Item get_Count get_Keys get_Values Insert GetAt SetAt
            GetKeyAtIndex GetValueAtIndex SetValueAtIndex IndexOfKey IndexOf(TKey) IndexOf
            """),
        new("System.Collections.Concurrent.ConcurrentDictionary`2", "compares keys only",
            ".ctor TryAdd AddOrUpdate GetOrAdd Clear ContainsKey GetEnumerator ToArray TryGetValue TryRemove get_Item set_Item get_Count "
                + "get_Keys get_Values get_IsEmpty"),
        new("System.Collections.Generic.Dictionary`2+KeyCollection System.Collections.Generic.Dictionary`2+ValueCollection "
            + "System.Collections.Generic.SortedDictionary`2+KeyCollection System.Collections.Generic.SortedDictionary`2+ValueCollection",
                "gives what the dictionary keeps", ".ctor get_Count GetEnumerator CopyTo"),
        new("System.Collections.Generic.CollectionExtensions", "compares keys only",
            "GetValueOrDefault TryAdd Remove AsReadOnly AddRange InsertRange CopyTo"),
        new("System.Collections.Generic.KeyValuePair System.Collections.Generic.KeyValuePair`2", "two fields",
            "Create .ctor get_Key get_Value Deconstruct"),
        new("System.Collections.Generic.Stack`1 System.Collections.Generic.Queue`1", "keeps items in an array",
            ".ctor Push Pop Peek TryPop TryPeek Enqueue Dequeue TryDequeue Clear CopyTo ToArray GetEnumerator get_Count EnsureCapacity "
                + "TrimExcess"),
        new("System.Collections.Generic.LinkedList`1 System.Collections.Generic.LinkedListNode`1", "keeps items in nodes", """
            .ctor AddFirst AddLast AddAfter AddBefore RemoveFirst RemoveLast Remove(LinkedListNode`1) Clear CopyTo GetEnumerator get_Count get_First get_Last get_Next get_Previous get_Value set_Value get_List
            """),
        new("System.Collections.Generic.PriorityQueue`2", "compares priorities only",
            ".ctor Enqueue Dequeue TryDequeue EnqueueDequeue DequeueEnqueue Peek TryPeek Clear get_Count EnsureCapacity TrimExcess "
                + "get_UnorderedItems"),
        new("System.Collections.Generic.HashSet`1 System.Collections.Generic.SortedSet`1", "what doesn't take an item doesn't compare one",
            "GetEnumerator get_Count Clear TrimExcess"),
        new("System.Collections.Concurrent.ConcurrentQueue`1 System.Collections.Concurrent.ConcurrentStack`1 "
            + "System.Collections.Concurrent.ConcurrentBag`1", "keeps items", """
            .ctor Add Enqueue TryDequeue Push PushRange TryPop TryPeek TryTake Clear CopyTo ToArray GetEnumerator get_Count get_IsEmpty
            """),
        new("System.Collections.ObjectModel.ReadOnlyCollection`1 System.Collections.ObjectModel.Collection`1 "
            + "System.Collections.ObjectModel.ObservableCollection`1", "hands on to a list", """
            .ctor get_Item set_Item get_Count get_Items GetEnumerator CopyTo Add Insert RemoveAt Clear Move
            """),
        new("System.Collections.Immutable.ImmutableArray`1 System.Collections.Immutable.ImmutableList`1 "
            + "System.Collections.Immutable.ImmutableArray System.Collections.Immutable.ImmutableList "
            + "System.Collections.Immutable.ImmutableArray`1+Builder System.Collections.Immutable.ImmutableList`1+Builder", "copies items",
                """
            Create CreateRange CreateBuilder ToImmutableArray ToImmutableList Add AddRange Insert InsertRange SetItem RemoveAt RemoveRange RemoveAll Clear ToBuilder ToImmutable MoveToImmutable DrainToImmutable
            get_Item set_Item get_Length get_Count get_IsEmpty get_IsDefault get_IsDefaultOrEmpty get_Capacity set_Capacity get_Empty GetEnumerator CopyTo ToArray Reverse
            """),
        new("System.Linq.ImmutableArrayExtensions", "hands elements on",
            "ToArray Select SelectMany Where First FirstOrDefault Last LastOrDefault Single ElementAt Any All Aggregate"),
        new("System.MemoryExtensions", "moves elements", "Reverse AsMemory"),
        new("System.Collections.ArrayList", "keeps objects in an array",
            ".ctor Add AddRange Insert InsertRange Clear RemoveAt RemoveRange Reverse ToArray() GetEnumerator GetRange get_Item set_Item "
                + "get_Count Clone"),
        new("System.Collections.Generic.ICollection`1 System.Collections.Generic.IList`1 System.Collections.Generic.IReadOnlyCollection`1 "
            + "System.Collections.Generic.IReadOnlyList`1 System.Collections.ICollection System.Collections.IList",
                "no member that compares; the receiver is none that does", """
            get_Count get_Item set_Item Insert RemoveAt Clear CopyTo(T[],Int32) get_IsReadOnly get_IsFixedSize get_IsSynchronized get_SyncRoot Add
            """),
        new("System.Collections.Generic.IDictionary`2 System.Collections.Generic.IReadOnlyDictionary`2", "compares keys only",
            "Add get_Item set_Item ContainsKey TryGetValue Remove get_Keys get_Values get_Count"),
        new("System.Collections.IDictionary System.Collections.IDictionaryEnumerator System.Collections.DictionaryEntry",
            "gives what it keeps", "get_Count get_Keys get_Values GetEnumerator get_Entry get_Key get_Value Clear"),
        new("System.Collections.Generic.IEnumerable`1 System.Collections.IEnumerable System.Collections.Generic.IEnumerator`1 "
            + "System.Collections.IEnumerator System.IDisposable", "the receiver is none that compares", """
            GetEnumerator MoveNext get_Current Reset Dispose
            """),
        new("System.Tuple System.ValueTuple System.TupleExtensions", "fields", "Create ToTuple ToValueTuple Deconstruct"),
        new("System.Runtime.CompilerServices.ITuple", "fields", "get_Length get_Item"),
        new("System.Lazy`1 System.Runtime.CompilerServices.StrongBox`1 System.WeakReference`1 System.Threading.ThreadLocal`1 "
            + "System.Threading.AsyncLocal`1", "keeps one value",
                ".ctor get_Value set_Value get_IsValueCreated TryGetTarget SetTarget get_Values Dispose"),
        new("System.Runtime.CompilerServices.ConditionalWeakTable`2", "keys are objects, known by reference",
            ".ctor Add TryAdd AddOrUpdate GetValue GetOrCreateValue TryGetValue Remove Clear GetOrAdd"),
        new("System.ArraySegment`1 System.Memory`1 System.ReadOnlyMemory`1", "a stretch of an array",
            ".ctor get_Array get_Offset get_Count get_Item set_Item Slice ToArray GetEnumerator CopyTo get_Length get_IsEmpty op_Implicit"),
        new("System.Runtime.InteropServices.CollectionsMarshal System.Runtime.InteropServices.ImmutableCollectionsMarshal",
            "gives or takes the array within", "SetCount AsArray AsImmutableArray"),
        new("System.Runtime.CompilerServices.RuntimeHelpers", "the same array or object",
            "IsReferenceOrContainsReferences EnsureSufficientExecutionStack GetHashCode"),
        new("System.Runtime.CompilerServices.Unsafe System.Threading.Volatile System.Threading.Interlocked", "the same value",
            "As AsRef Read Write Exchange"),
        new("System.Range System.Index", "two numbers, which an index expression gets back",
            ".ctor StartAt EndAt get_Start get_End get_All get_Value get_IsFromEnd"),
        new("System.Object", "by reference", ".ctor ReferenceEquals MemberwiseClone"),
        new("System.GC System.ArgumentNullException System.Diagnostics.Debugger", "no use of the value",
            "KeepAlive SuppressFinalize ThrowIfNull"),
        new("System.Delegate System.MulticastDelegate", "delegates",
            "Combine Remove op_Equality op_Inequality GetInvocationList get_Target get_Method"),
        new("System.Buffers.ArrayPool`1", "gives an array and takes it back", "Rent Return get_Shared"),
    ];

    private static readonly FrozenDictionary<string, FrozenSet<string>> Members = Table
        .SelectMany(row => row.Types.Split(' '),
            (row, type) =>
                KeyValuePair.Create(type,
                    row.Members.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal)))
        .ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly Memo<MethodBase, Use[]?> Known = new(Find);

    /// <summary>Types that only their place says what they are: a dictionary's key, a queue's priority.</summary>
    private static readonly FrozenSet<string> Compared = "TKey TPriority".Split(' ').ToFrozenSet(StringComparer.Ordinal);

    /// <summary>A method's use of each of its parameters; null for one that may look at everything.</summary>
    internal static Use[]? Of(MethodBase method) => Known.Of(method);

    /// <summary>A carrying method's use of a delegate parameter's results.</summary>
    internal static Use OfResult(Type delegateType)
        => delegateType.GetMethod("Invoke") is not { ReturnType: var result } || result == typeof(void) || result == typeof(bool)
            ? Use.Carry : OfItem(result);

    /// <summary>
    /// Whether a value may be handed on as it is by a method that only carries: not a query that compares while it is enumerated.
    /// </summary>
    internal static bool IsStore(object? real) => real switch
    {
        null or string or Array or torch.Tensor or Delegate => true,
        IEnumerable or IEnumerator => Homes.Of(real.GetType()) != Home.Platform
            || real.GetType().Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) is true
            || real.GetType().DeclaringType == typeof(Array),
        _ => true,
    };

    private static Use[]? Find(MethodBase method)
    {
        var type = method.DeclaringType!;
        if (!IsListed(method, type.IsArray ? typeof(Array) : type.IsGenericType ? type.GetGenericTypeDefinition() : type))
            return null;
        return Array.ConvertAll(Traits.Of(method).OpenParameters, parameter => IsPlace(type) && IsPlace(parameter.ParameterType)
            ? Use.Carry : OfParameter(parameter.ParameterType));
    }

    private static bool IsPlace(Type type) => type == typeof(Index) || type == typeof(Range);

    private static bool IsListed(MethodBase method, Type type)
    {
        var name = method.Name;
        // The fields of tuples, and the enumerators of the collections here.
        if (type.FullName is { } full
            && (full.StartsWith("System.Tuple`", StringComparison.Ordinal)
                || full.StartsWith("System.ValueTuple`", StringComparison.Ordinal)))
            return name is ".ctor" || name.StartsWith("get_Item", StringComparison.Ordinal) || name is "get_Rest";
        if (type.IsNested && type.Name is "Enumerator"
            && type.Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) is true)
            return name is "MoveNext" or "get_Current" or "Dispose" or "get_Key" or "get_Value" or "get_Entry"
                || name.StartsWith("System.Collections.", StringComparison.Ordinal)
                || name.StartsWith("System.IDisposable.", StringComparison.Ordinal);
        return Members.TryGetValue(type.FullName ?? type.Name, out var names)
            && (names.Contains(name)
                || names.Contains(
                    $"{name}({string.Join(',', Traits.Of(method).OpenParameters.Select(parameter => parameter.ParameterType.Name))})"));
    }

    private static Use OfParameter(Type declared)
    {
        if (declared.IsByRef)
            return OfParameter(declared.GetElementType()!);
        if (typeof(Delegate).IsAssignableFrom(declared) || declared == typeof(Array))
            return declared == typeof(Array) ? Use.Walk : Use.Carry;
        return OfItem(declared);
    }

    /// <summary>A type parameter or an object is an item; an array or a sequence of items is walked; all else is looked at.</summary>
    private static Use OfItem(Type declared)
    {
        if (declared.IsGenericParameter)
            return Compared.Contains(declared.Name) ? Use.Look : Use.Carry;
        if (declared == typeof(object))
            return Use.Carry;
        if (declared.IsArray)
            return OfItem(declared.GetElementType()!) == Use.Carry ? Use.Walk : Use.Look;
        if (declared == typeof(IEnumerable) || declared == typeof(ICollection) || declared == typeof(IList))
            return Use.Walk;
        // A dictionary's keys were looked at when they were added.
        if (declared.IsGenericType && declared.Name.EndsWith("Dictionary`2", StringComparison.Ordinal))
            return Use.Walk;
        var isSequence = declared.IsGenericType && declared.Namespace?.StartsWith("System.Collections", StringComparison.Ordinal) is true
            || declared.Namespace == "System.Linq";
        if (isSequence && typeof(IEnumerable).IsAssignableFrom(declared))
            return Array.TrueForAll(declared.GenericTypeArguments, argument => OfItem(argument) != Use.Look) ? Use.Walk : Use.Look;
        var isStructure = declared.IsGenericType
            && (typeof(ITuple).IsAssignableFrom(declared)
                || declared.Name is "KeyValuePair`2" or "LinkedListNode`1" or "ReadOnlySpan`1" or "Span`1" or "Memory`1"
                    or "ReadOnlyMemory`1" or "ArraySegment`1");
        return isStructure && Array.TrueForAll(declared.GenericTypeArguments, argument => OfItem(argument) == Use.Carry)
            ? Use.Carry : Use.Look;
    }

    /// <summary>Types, and their members that only carry.</summary>
    /// <param name="Types">Full names, with a space between.</param>
    /// <param name="Why">Why the members can't look at what they carry.</param>
    /// <param name="Members">Their names; with parameter types where overloads differ.</param>
    private sealed record Row(string Types, string Why, string Members);
}
