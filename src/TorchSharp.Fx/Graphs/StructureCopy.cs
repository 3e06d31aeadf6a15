using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Makes nested values anew with other tensors in them. What occurs twice is made once; what holds no tensor by its type is shared.
/// </summary>
/// <param name="change">The tensor to put in the place of another.</param>
internal sealed class StructureCopy(Func<Tensor, Tensor> change)
{
    private readonly Dictionary<object, object> made = new(ReferenceEqualityComparer.Instance);

    internal object? Of(object? value)
    {
        if (value is null
            || (value is not Tensor && (Structure.KindOf(value.GetType()) == StructureKind.Leaf || !TensorTypes.MayHold(value.GetType()))))
            return value;
        if (made.TryGetValue(value, out var known))
            return known;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return value is Tensor tensor ? made[tensor] = change(tensor) : Structure.KindOf(value.GetType()) switch
        {
            StructureKind.Tuple => Tuple(value.GetType(), [.. Structure.Items((ITuple)value).Select(Of)]),
            StructureKind.Array => Filled((Array)value),
            StructureKind.Object =>
                WithFields(value, RuntimeHelpers.GetUninitializedObject(value.GetType()), Structure.FieldsOf(value.GetType())),
            _ => WithFields(value, Collection(value), Structure.OwnFields(value.GetType())),
        };
    }

    /// <summary>A tuple of these items, the eighth and later ones in a nested tuple.</summary>
    internal static object Tuple(Type type, ReadOnlySpan<object?> items)
    {
        object?[] direct = items.Length > 7 ? [.. items[..7], Tuple(type.GetGenericArguments()[7], items[7..])] : [.. items];
        return type.GetConstructor(type.GetGenericArguments())!.Invoke(BindingFlags.DoNotWrapExceptions, null, direct, null);
    }

    private Array Filled(Array array)
    {
        var copy = (Array)array.Clone();
        made[array] = copy;
        var at = new int[array.Rank];
        for (var i = 0; i < array.Length; i++)
        {
            var rest = i;
            for (var axis = array.Rank - 1; axis >= 0; rest /= array.GetLength(axis--))
                at[axis] = array.GetLowerBound(axis) + (rest % array.GetLength(axis));
            copy.SetValue(Of(array.GetValue(at)), at);
        }
        return copy;
    }

    private object WithFields(object value, object copy, IEnumerable<FieldInfo> fields)
    {
        made[value] = copy;
        foreach (var field in fields)
            field.SetValue(copy, Of(field.GetValue(value)));
        return copy;
    }

    private object Collection(object value)
    {
        var type = value.GetType();
        if (value is IDictionary { IsReadOnly: false } dictionary && Empty(value) is IDictionary entries)
        {
            made[value] = entries;
            foreach (DictionaryEntry entry in dictionary)
                entries.Add(Of(entry.Key)!, Of(entry.Value));
            return entries;
        }
        var element = ElementOf(type);
        var items = Structure.Elements(value).Select(Of).ToArray();
        // A stack gives the last first.
        if (type.Name.Contains("Stack", StringComparison.Ordinal))
            Array.Reverse(items);
        var typed = Array.CreateInstance(element, items.Length);
        items.CopyTo(typed, 0);
        return Refilled(value, element, typed) ?? FromItems(type, typed)
            ?? throw new NotSupportedException(
                $"A {PythonNames.Plain(type.Name)} with tensors in it can't be made anew: it has no constructor that takes its elements. "
                    + "Use an array, a list or a dictionary.");
    }

    private static object? Refilled(object value, Type element, Array items)
    {
        var add = typeof(ICollection<>).MakeGenericType(element);
        if (!add.IsInstanceOfType(value) || value.GetType().IsValueType || (bool)add.GetProperty(nameof(IList.IsReadOnly))!.GetValue(value)!
            || Empty(value) is not { } made)
            return null;
        foreach (var item in items)
            add.GetMethod("Add")!.Invoke(made, BindingFlags.DoNotWrapExceptions, null, [item], null);
        return made;
    }

    /// <summary>With the same order or notion of equality.</summary>
    private static object? Empty(object value)
    {
        var type = value.GetType();
        var comparer = type.GetProperty("Comparer")?.GetValue(value);
        return comparer is not null
            && type.GetConstructors()
                .FirstOrDefault(constructor => constructor.GetParameters() is [var only]
                    && only.ParameterType.IsInstanceOfType(comparer)) is { } ordered
            ? ordered.Invoke([comparer])
            : type.GetConstructor(Type.EmptyTypes)?.Invoke([]);
    }

    private static object? FromItems(Type type, Array items)
    {
        foreach (var constructor in type.GetConstructors())
            if (constructor.GetParameters() is [var only] && only.ParameterType.IsInstanceOfType(items))
                return constructor.Invoke([items]);
        return Factory(type)?.Invoke(null, [items]);
    }

    /// <summary>The <c>CreateRange</c> of .NET's immutable collections, which makes one of a sequence; null for other types.</summary>
    internal static MethodInfo? Factory(Type type)
    {
        var factory = type.IsGenericType
            ? type.Assembly.GetType(type.FullName![..type.FullName!.IndexOf('`', StringComparison.Ordinal)]) : null;
        return Array.Find(factory?.GetMethods() ?? [], method => method.Name == "CreateRange"
            && method.GetParameters() is [{ ParameterType.IsGenericType: true } only]
                && only.ParameterType.GetGenericTypeDefinition() == typeof(IEnumerable<>)
                && method.GetGenericArguments().Length == type.GetGenericArguments().Length)
            ?.MakeGenericMethod(type.GetGenericArguments());
    }

    private static Type ElementOf(Type collection)
        => Array.Find(collection.GetInterfaces(), face => face.IsGenericType
            && face.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GetGenericArguments()[0] ?? typeof(object);
}
