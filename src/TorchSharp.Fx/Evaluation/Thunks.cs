using System.Linq.Expressions;
using System.Reflection;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Calls by reflection. A span can't be boxed, so a method that takes one is called with arrays through a compiled thunk.
/// </summary>
internal static class Thunks
{
    private static readonly Memo<MethodBase, Func<object?, object?[], object?>> Compiled = new(Compile);

    internal static object? Invoke(MethodBase method, object? receiver, object?[] args)
    {
        if (method.GetParameters().Any(parameter => parameter.ParameterType.IsByRefLike))
            return Compiled.Of(method)(receiver, args);
        return method is ConstructorInfo constructor
            ? constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, args, null)
            : method.Invoke(receiver, BindingFlags.DoNotWrapExceptions, null, args, null);
    }

    private static Func<object?, object?[], object?> Compile(MethodBase method)
    {
        var receiver = Expression.Parameter(typeof(object));
        var args = Expression.Parameter(typeof(object[]));
        var converted = method.GetParameters()
            .Select(parameter => Unboxed(Expression.ArrayIndex(args, Expression.Constant(parameter.Position)), parameter.ParameterType))
            .ToArray();
        Expression call = method switch
        {
            ConstructorInfo constructor => Expression.New(constructor, converted),
            { IsStatic: true } => Expression.Call((MethodInfo)method, converted),
            _ => Expression.Call(Expression.Convert(receiver, method.DeclaringType!), (MethodInfo)method, converted),
        };
        var result = call.Type == typeof(void)
            ? Expression.Block(call, Expression.Constant(null)) : (Expression)Expression.Convert(call, typeof(object));
        return Expression.Lambda<Func<object?, object?[], object?>>(result, receiver, args).Compile();
    }

    private static Expression Unboxed(Expression value, Type to)
        => to.IsByRefLike
            ? ValueConversion.Emit(Expression.Convert(value, ValueConversion.SpanElement(to).MakeArrayType()), to)
                : Expression.Convert(value, to);
}
