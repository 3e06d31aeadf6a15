using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>How the values of a type are taken apart.</summary>
internal enum StructureKind
{
    /// <summary>Not at all: a tensor, a number, text, a module, a delegate, what .NET or TorchSharp keep to themselves.</summary>
    Leaf,
    /// <summary>A <c>ValueTuple</c> or <c>Tuple</c>, by its items; those after the seventh count like the others.</summary>
    Tuple,
    /// <summary>An array of any rank, by its elements.</summary>
    Array,
    /// <summary>By its keys and values.</summary>
    Dictionary,
    /// <summary>A list, set, queue, stack … of .NET's, by its elements.</summary>
    Collection,
    /// <summary>A struct, record or class of the user's, by its fields; also a key with its value.</summary>
    Object,
}

/// <summary>
/// Nested values: what is in them. Whoever asks which tensors a <c>forward</c> takes or gives, asks here. The walks don't recur, so that a
/// chain of a million objects is as good as any, and they enter each object once, so that it may lead back to itself. Counterpart:
/// <c>torch.utils._pytree</c>.
/// </summary>
internal class Structure
{
    private static readonly Memo<Type, StructureKind> Kinds = new(Find);
    private static readonly Memo<Type, FieldInfo[]> Fields = new(Declared);
    private static readonly Structure Plain = new();

    /// <summary>How the values of a type are taken apart.</summary>
    internal static StructureKind KindOf(Type type) => Kinds.Of(type);

    /// <summary>All instance fields, those of base classes first.</summary>
    internal static FieldInfo[] FieldsOf(Type type) => Fields.Of(type);

    /// <summary>The tensors in a value, in order.</summary>
    internal static IEnumerable<Tensor> Tensors(object? value)
        => value is Tensor tensor ? [tensor] : Plain.Leaves(value, TensorTypes.MayHold).OfType<Tensor>();

    /// <summary>
    /// The leaves of a value: the parts that can't be taken apart, or is of a type that <paramref name="enters"/> leaves whole.
    /// </summary>
    internal static IEnumerable<object> LeavesOf(object? value, Func<Type, bool> enters) => Plain.Leaves(value, enters);

    /// <summary>The same value with other tensors; itself where none is inside.</summary>
    internal static object? Map(object? value, Func<Tensor, Tensor> change)
        => value is Tensor tensor ? change(tensor) : Tensors(value).Any() ? new StructureCopy(change).Of(value) : value;

    /// <summary>
    /// The value as arrays and dictionaries of objects, whatever it was made of, with something else for each leaf. A record becomes a
    /// dictionary by the names of its members.
    /// </summary>
    internal static object? Simplified(object? value, Func<object?, object?> leaf)
        => value is null ? leaf(null) : KindOf(value.GetType()) switch
    {
        StructureKind.Leaf => leaf(value),
        StructureKind.Object when Homes.Of(value.GetType()) == Home.TorchSharp => leaf(value),
        StructureKind.Dictionary => ((IDictionary)value).Keys.Cast<object>()
            .ToDictionary(key => key, key => Simplified(((IDictionary)value)[key], leaf)),
        StructureKind.Object => FieldsOf(value.GetType())
            .ToDictionary(field => (object)ArgumentText.MemberName(field.Name), field => Simplified(field.GetValue(value), leaf)),
        _ => Plain.Parts(value).Select(part => Simplified(part, leaf)).ToArray(),
    };

    /// <summary>Whether a value is, or has anywhere inside, what is asked for.</summary>
    /// <param name="value">The value.</param>
    /// <param name="decide">True for what is asked for, false for what is not to be looked into, null to go on into its parts.</param>
    internal bool Any(object? value, Func<object, bool?> decide)
    {
        if (value is null)
            return false;
        if (decide(value) is { } known)
            return known;
        if (See(value) is not { } whole || KindOf(whole.GetType()) == StructureKind.Leaf)
            return false;
        var open = new Stack<object>([whole]);
        var entered = new HashSet<object>(ReferenceEqualityComparer.Instance);
        while (open.TryPop(out var next))
            if (next.GetType().IsValueType || entered.Add(next))
                foreach (var part in Parts(next))
                    if (part is not null && decide(part) is var found && found is not false)
                        if (found is true)
                            return true;
                        else if (See(part) is { } inside && KindOf(inside.GetType()) != StructureKind.Leaf)
                            open.Push(inside);
        return false;
    }

    /// <summary>
    /// The leaves of a value, in order: what can't be taken apart, or is of a type that <paramref name="enters"/> leaves whole.
    /// </summary>
    internal IEnumerable<object> Leaves(object? value, Func<Type, bool> enters) => See(value) switch
    {
        null => [],
        var whole when KindOf(whole.GetType()) == StructureKind.Leaf || !enters(whole.GetType()) => [whole],
        var whole => Walked(whole, enters),
    };

    private IEnumerable<object> Walked(object value, Func<Type, bool> enters)
    {
        var open = new Stack<object?>([value]);
        var entered = new HashSet<object>(ReferenceEqualityComparer.Instance);
        while (open.TryPop(out var next))
        {
            if (See(next) is not { } seen)
                continue;
            if (KindOf(seen.GetType()) == StructureKind.Leaf || !enters(seen.GetType()))
                yield return seen;
            else if (seen.GetType().IsValueType || entered.Add(seen))
                foreach (var part in Parts(seen).Reverse())
                    open.Push(part);
        }
    }

    /// <summary>The value that stands for an object.</summary>
    protected virtual object? See(object? value) => value;

    /// <summary>The content of a field.</summary>
    protected virtual object? Read(object owner, FieldInfo field) => field.GetValue(owner);

    /// <summary>The parts of a value.</summary>
    private IEnumerable<object?> Parts(object value) => KindOf(value.GetType()) switch
    {
        StructureKind.Tuple => Items((ITuple)value),
        StructureKind.Array => ((Array)value).Cast<object?>(),
        StructureKind.Dictionary => ((IDictionary)value).Keys.Cast<object?>().Concat(((IDictionary)value).Values.Cast<object?>())
            .Concat(Own(value)),
        StructureKind.Collection => Elements(value).Concat(Own(value)),
        StructureKind.Object => FieldsOf(value.GetType()).Select(field => Read(value, field)),
        _ => [],
    };

    internal static IEnumerable<object?> Items(ITuple tuple) => Enumerable.Range(0, tuple.Length).Select(i => tuple[i]);

    /// <summary>The elements of a collection. One that was never made (<c>default</c> of an immutable array) has none.</summary>
    internal static IEnumerable<object?> Elements(object collection)
        => collection.GetType() is { IsValueType: true } type && collection.Equals(RuntimeHelpers.GetUninitializedObject(type))
            ? [] : ((IEnumerable)collection).Cast<object?>();

    /// <summary>The fields that a user's subclass of a collection adds to it.</summary>
    internal static IEnumerable<FieldInfo> OwnFields(Type collection)
        => Homes.Of(collection) == Home.User ? FieldsOf(collection).Where(field => Homes.Of(field.DeclaringType!) == Home.User) : [];

    private IEnumerable<object?> Own(object collection) => OwnFields(collection.GetType()).Select(field => Read(collection, field));

    private static FieldInfo[] Declared(Type type)
    {
        var own = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly);
        return type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) ? [.. FieldsOf(parent), .. own] : own;
    }

    private static StructureKind Find(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || typeof(Tensor).IsAssignableFrom(type)
            || typeof(nn.Module).IsAssignableFrom(type)
            || typeof(Delegate).IsAssignableFrom(type) || typeof(MemberInfo).IsAssignableFrom(type) || type == typeof(string))
            return StructureKind.Leaf;
        if (type.IsArray)
            return StructureKind.Array;
        var isOwn = Homes.IsUsers(type);
        if (typeof(ITuple).IsAssignableFrom(type) && !isOwn)
            return StructureKind.Tuple;
        if (IsCollection(type) && (!isOwn || Parents(type).Any(parent => Homes.Of(parent) == Home.Platform && IsCollection(parent))))
            return typeof(IDictionary).IsAssignableFrom(type) ? StructureKind.Dictionary : StructureKind.Collection;
        return isOwn || (type.IsValueType && (Homes.Of(type) == Home.TorchSharp || IsPair(type)))
            ? StructureKind.Object : StructureKind.Leaf;
    }

    /// <summary>A sequence whose elements are there: going through it computes nothing.</summary>
    private static bool IsCollection(Type type) => typeof(ICollection).IsAssignableFrom(type)
        || Array.Exists(type.GetInterfaces(), face => face.IsGenericType && face.GetGenericTypeDefinition() is var open
            && (open == typeof(ICollection<>) || open == typeof(IReadOnlyCollection<>)));

    private static bool IsPair(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>);

    private static IEnumerable<Type> Parents(Type type)
    {
        for (var parent = type.BaseType; parent is not null; parent = parent.BaseType)
            yield return parent;
    }
}
