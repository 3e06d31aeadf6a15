using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// How a value becomes what a parameter takes: by reference, as a number, or by the implicit operators that a C# compiler would use.
/// </summary>
internal static class ValueConversion
{
    private static readonly Memo<Type, ConcurrentDictionary<Type, Func<object, object>>> Compiled = new(_ => new());

    /// <summary>The value, converted; spans, which can't be boxed, stay arrays.</summary>
    internal static object? Apply(object? value, Type to)
    {
        if (to.IsByRefLike)
            to = SpanElement(to).MakeArrayType();
        if (value is null)
            return to == typeof(TensorIndex) ? TensorIndex.Null : to.IsValueType && to != typeof(void)
                ? Activator.CreateInstance(to) : null;
        return to.IsInstanceOfType(value) ? value : Compiled.Of(to).GetOrAdd(value.GetType(), Compile, to)(value);
    }

    internal static Expression Emit(Expression value, Type to)
    {
        var from = value.Type;
        if (from == to)
            return value;
        if (to.IsByRefLike)
            return Expression.Call(OperatorFrom(SpanElement(to).MakeArrayType(), to)!, Emit(value, SpanElement(to).MakeArrayType()));
        if (value is ConstantExpression { Value: null })
            return Expression.Constant(Apply(null, to), to);
        if (to.IsAssignableFrom(from))
            return Expression.Convert(value, to);
        if (Nullable.GetUnderlyingType(to) is { } inner && Nullable.GetUnderlyingType(from) is null && from != typeof(object))
            return Expression.Convert(Emit(value, inner), to);
        return Index(value, to) ?? Number(value, to) ?? UserDefined(value, to) ?? Sequence(value, to) ?? Downcast(value, to)
            ?? throw new InvalidOperationException($"A value of type {from} can't be given where {to} is taken.");
    }

    internal static Type SpanElement(Type span) => span.GetGenericArguments()[0];

    /// <summary>The element type of an array, list or other sequence; null for what is none.</summary>
    internal static Type? ElementOf(Type sequence)
    {
        if (sequence.IsArray)
            return sequence.GetElementType();
        if (sequence == typeof(string))
            return null;
        return sequence.GetInterfaces().Prepend(sequence)
            .FirstOrDefault(type => type.IsGenericType
                && type.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GetGenericArguments()[0];
    }

    private static Func<object, object> Compile(Type from, Type to)
    {
        var value = Expression.Parameter(typeof(object));
        var converted = Emit(Expression.Convert(value, from), to);
        return Expression.Lambda<Func<object, object>>(Expression.Convert(converted, typeof(object)), value).Compile();
    }

    private static MethodCallExpression? Index(Expression value, Type to)
    {
        if (to != typeof(TensorIndex))
            return null;
        if (value.Type == typeof(bool))
            return Expression.Call(typeof(TensorIndex), nameof(TensorIndex.Bool), null, value);
        if (TensorTypes.IsTensor(value.Type))
            return Expression.Call(typeof(Structures), nameof(Structures.Index), null, value);
        return IsNumber(value.Type)
            ? Expression.Call(typeof(TensorIndex), nameof(TensorIndex.Single), null, Emit(value, typeof(long?))) : null;
    }

    /// <summary>CIL knows no bools or enums, only integers, so these convert like numbers.</summary>
    private static Expression? Number(Expression value, Type to)
    {
        if (!IsNumber(value.Type) || !IsNumber(to))
            return null;
        // The operators of native integers know only the numbers of their own width.
        if ((Wide(value.Type) ?? Wide(to)) is { } wide && value.Type != wide && to != wide)
            return Number(Number(value, wide)!, to);
        if (to == typeof(bool))
            return Expression.NotEqual(value, Expression.Default(value.Type));
        return value.Type == typeof(bool)
            ? Expression.Condition(value, Expression.Convert(Expression.Constant(1), to), Expression.Default(to))
            : Expression.Convert(value, to);
    }

    private static Type? Wide(Type type) => type == typeof(nint) ? typeof(long) : type == typeof(nuint) ? typeof(ulong) : null;

    private static bool IsNumber(Type type) => type.IsPrimitive || type.IsEnum;

    private static MethodCallExpression? UserDefined(Expression value, Type to)
    {
        var exact = OperatorFrom(value.Type, to);
        if (exact is not null)
            return Expression.Call(exact, Emit(value, exact.GetParameters()[0].ParameterType));
        if (!IsNumber(value.Type))
            return null;
        var wide = value.Type == typeof(float) ? typeof(double) : typeof(long);
        return OperatorFrom(wide, to) is { } widening ? Expression.Call(widening, Emit(value, wide)) : null;
    }

    private static MethodInfo? OperatorFrom(Type from, Type to)
        => to.GetMethods().Concat(from.GetMethods())
            .FirstOrDefault(method => method is { Name: "op_Implicit", IsStatic: true } && method.ReturnType == to
            && (method.GetParameters()[0].ParameterType is var taken
                && (taken == from || (!from.IsValueType && taken.IsAssignableFrom(from)))));

    private static Expression? Sequence(Expression value, Type to)
    {
        if (ElementOf(value.Type) is not { } from || ElementOf(to) is not { } element)
            return null;
        if (to.IsArray && to.GetArrayRank() > 1)
            return Expression.Convert(
                Expression.Call(typeof(Structures), nameof(Structures.Rectangular), null, Expression.Convert(value, typeof(Array)),
                    Expression.Constant(to)), to);
        var item = Expression.Parameter(from);
        var convert = Expression.Lambda(Emit(item, element), item);
        return Collection(Expression.Call(typeof(Structures), nameof(Structures.Convert), [from, element], value, convert), to);
    }

    /// <summary>
    /// An array as the collection that is asked for: itself where that does, else a list, else whatever can be made of a sequence.
    /// </summary>
    internal static Expression? Collection(Expression array, Type to)
    {
        if (to.IsAssignableFrom(array.Type))
            return Expression.Convert(array, to);
        var element = array.Type.GetElementType()!;
        if (to.IsAssignableFrom(typeof(List<>).MakeGenericType(element)))
            to = typeof(List<>).MakeGenericType(element);
        var constructor = to.GetConstructor([typeof(IEnumerable<>).MakeGenericType(element)]) ?? to.GetConstructor([array.Type]);
        return constructor is not null ? Expression.New(constructor, array)
            : StructureCopy.Factory(to) is { } factory && factory.GetParameters()[0].ParameterType.IsAssignableFrom(array.Type)
                ? Expression.Call(factory, array) : null;
    }

    private static Expression? Downcast(Expression value, Type to)
    {
        if (value.Type == typeof(object))
            return Expression.Convert(Expression.Call(typeof(ValueConversion), nameof(Apply), null, value, Expression.Constant(to)), to);
        return value.Type.IsAssignableFrom(to) || value.Type.IsInterface || to.IsInterface
            || Nullable.GetUnderlyingType(value.Type) is not null
            ? Expression.Convert(value, to)
            : null;
    }
}
