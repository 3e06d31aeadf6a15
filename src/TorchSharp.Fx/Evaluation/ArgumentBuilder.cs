using System.Collections;
using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>Arguments as objects, for the interpreter.</summary>
/// <param name="valueOf">What a node's value is.</param>
/// <param name="temporaries">Filled with the native objects that were made on the way, for the caller to dispose after the call.</param>
internal sealed class ArgumentBuilder(Func<Node, object?> valueOf, List<IDisposable> temporaries)
{
    internal object? Build(Argument argument, Type to) => argument switch
    {
        NodeArgument { Node: var node } when to == typeof(TensorIndex)
            && TensorTypes.IsTensor(node.type) => Structures.Index((Tensor?)valueOf(node)),
        NodeArgument { Node: var node } => Convert(valueOf(node), to),
        Literal { Value: var value } => Convert(value, to),
        ListArgument list => Convert(BuildList(list, to), to),
        TupleArgument tuple => BuildTuple(tuple.TupleType, tuple.Items),
        DictArgument dict => BuildDictionary(dict),
        ObjectArgument made =>
            Structures.Rebuild(made.ObjectType, [.. made.Fields.Select(entry => entry.Key)],
                [.. made.Fields.Select(entry => Build(entry.Value, entry.Key.FieldType))]),
        SliceArgument slice => TensorIndex.Slice(Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step)),
        EllipsisArgument => TensorIndex.Ellipsis,
        ConvertArgument convert => Convert(Cast.To(Build(convert.Value, typeof(object))!, convert.Type, convert.Checked), to),
        _ => throw new InvalidOperationException($"A {argument.GetType().Name} can't stand alone."),
    };

    internal long? Bound(Argument? bound) => bound is null ? null : (long?)Build(bound, typeof(long?));

    private object? Convert(object? value, Type to)
    {
        var converted = ValueConversion.Apply(value, to);
        if (converted is Scalar or Tensor && !ReferenceEquals(converted, value))
            temporaries.Add((IDisposable)converted);
        return converted;
    }

    private object? BuildList(ListArgument list, Type to)
    {
        var element = ParameterTypes.ElementType(list, to);
        var items = new List<object?>();
        foreach (var item in list.Items)
            if (item is SpreadArgument spread)
                items.AddRange(((IEnumerable)Build(spread.Sequence, typeof(object))!).Cast<object?>().Select(one => Convert(one, element)));
            else
                items.Add(Build(item, element));
        var array = Array.CreateInstance(element, items.Count);
        for (var i = 0; i < items.Count; i++)
            array.SetValue(items[i], i);
        return list.CollectionType is { } collection && to.IsAssignableFrom(collection) ? ValueConversion.Apply(array, collection) : array;
    }

    private object BuildTuple(Type type, ImmutableArray<Argument> items)
    {
        var types = type.GetGenericArguments();
        var values = items.Take(7).Select((item, index) => Build(item, types[index])).ToList();
        if (items.Length > 7)
            values.Add(BuildTuple(types[7], items[7..]));
        return ParameterTypes.TupleConstructor(type).Invoke([.. values]);
    }

    private object BuildDictionary(DictArgument dict)
    {
        var made = (IDictionary)Activator.CreateInstance(ParameterTypes.DictionaryClass(dict.DictionaryType))!;
        var types = made.GetType().GetGenericArguments();
        foreach (var (key, value) in dict.Entries)
            made.Add(Build(key, types[0])!, Build(value, types[1]));
        return made;
    }
}
