using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>Arguments as expressions, for the compiled form. What is constant is made once, here.</summary>
/// <param name="valueOf">The variable that holds a node's value.</param>
/// <param name="sharesArrays">Whether the callee may be given the same array at each call: TorchSharp's methods don't write to theirs, a
/// user's may.</param>
internal sealed class ArgumentEmitter(Func<Node, Expression> valueOf, bool sharesArrays)
{
    /// <summary>The native objects made on the way, to be disposed after the call.</summary>
    internal List<ParameterExpression> Temporaries { get; } = [];

    internal Expression Emit(Argument argument, Type to) => argument switch
    {
        Literal { Value: var value } => Constant(value, to),
        NodeArgument or ConvertArgument => Convert(Natural(argument), to),
        ListArgument list => List(list, to),
        TupleArgument tuple => Convert(Tuple(tuple.TupleType, tuple.Items), to),
        DictArgument dict => Convert(Dictionary(dict), to),
        ObjectArgument made => Convert(Object(made), to),
        SliceArgument slice => Convert(Expression.Call(SliceMethod, Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step)), to),
        EllipsisArgument => Convert(Expression.Field(null, typeof(TensorIndex), nameof(TensorIndex.Ellipsis)), to),
        _ => throw new InvalidOperationException($"A {argument.GetType().Name} can't stand alone."),
    };

    /// <summary>The argument in the type it has of itself.</summary>
    internal Expression Natural(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => valueOf(node),
        ConvertArgument convert => ArithmeticEmitter.Cast(Natural(convert.Value), convert.Type, convert.Checked),
        Literal { Value: { } value } => Expression.Constant(value),
        _ => Emit(argument, typeof(object)),
    };

    internal Expression Bound(Argument? bound) => bound is null ? Expression.Constant(null, typeof(long?)) : Emit(bound, typeof(long?));

    private static readonly MethodInfo SliceMethod =
        typeof(TensorIndex).GetMethod(nameof(TensorIndex.Slice), [typeof(long?), typeof(long?), typeof(long?)])!;

    private Expression Convert(Expression value, Type to)
    {
        var converted = ValueConversion.Emit(value, to);
        // A new native object, not the value itself under another type.
        if ((to != typeof(Scalar) && !TensorTypes.IsTensor(to)) || to.IsAssignableFrom(value.Type) || value.Type == typeof(object))
            return converted;
        var temporary = Expression.Variable(to);
        Temporaries.Add(temporary);
        return Expression.Assign(temporary, converted);
    }

    private Expression Constant(object? value, Type to)
    {
        if (value is null || to == typeof(object))
            return ValueConversion.Emit(Expression.Constant(value), to);
        // A tensor made of a number is a new one at each call; a Scalar never changes.
        if (TensorTypes.IsTensor(to) && value is not Tensor)
            return Convert(Expression.Constant(value), to);
        return to.IsByRefLike
            ? ValueConversion.Emit(Expression.Constant(value), to) : Expression.Constant(ValueConversion.Apply(value, to), to);
    }

    private Expression List(ListArgument list, Type to)
    {
        var element = ParameterTypes.ElementType(list, to);
        var array = sharesArrays && element.IsPrimitive && list.Items.All(item => item is Literal)
            ? Expression.Constant(new ArgumentBuilder(_ => null, []).Build(list with { CollectionType = null }, element.MakeArrayType()))
            : Array(list, element);
        if (list.CollectionType is { } collection && to.IsAssignableFrom(collection))
            array = ValueConversion.Emit(array, collection);
        return Convert(array, to);
    }

    private Expression Array(ListArgument list, Type element)
    {
        if (!list.Items.Any(item => item is SpreadArgument))
            return Expression.NewArrayInit(element, list.Items.Select(item => Emit(item, element)));
        var parts = list.Items.Select(item => item is SpreadArgument spread
            ? ValueConversion.Emit(Natural(spread.Sequence), element.MakeArrayType())
            : Expression.NewArrayInit(element, Emit(item, element)));
        var sequence = typeof(IEnumerable<>).MakeGenericType(element);
        return Expression.Call(typeof(Structures), nameof(Structures.Concat), [element], Expression.NewArrayInit(sequence, parts));
    }

    private NewExpression Tuple(Type type, ImmutableArray<Argument> items)
    {
        var types = type.GetGenericArguments();
        var values = items.Take(7).Select((item, index) => Emit(item, types[index])).ToList();
        if (items.Length > 7)
            values.Add(Tuple(types[7], items[7..]));
        return Expression.New(ParameterTypes.TupleConstructor(type), values);
    }

    private ListInitExpression Dictionary(DictArgument dict)
    {
        var type = ParameterTypes.DictionaryClass(dict.DictionaryType);
        var types = type.GetGenericArguments();
        var add = type.GetMethod("Add", types)!;
        return Expression.ListInit(Expression.New(type),
            dict.Entries.Select(entry => Expression.ElementInit(add, Emit(entry.Key, types[0]), Emit(entry.Value, types[1]))));
    }

    private UnaryExpression Object(ObjectArgument made)
    {
        FieldInfo[] fields = [.. made.Fields.Select(entry => entry.Key)];
        var values =
            Expression.NewArrayInit(typeof(object),
                made.Fields.Select(entry => Expression.Convert(Emit(entry.Value, entry.Key.FieldType), typeof(object))));
        var rebuilt =
            Expression.Call(typeof(Structures), nameof(Structures.Rebuild), null, Expression.Constant(made.ObjectType),
                Expression.Constant(fields), values);
        return Expression.Convert(rebuilt, made.ObjectType);
    }
}
