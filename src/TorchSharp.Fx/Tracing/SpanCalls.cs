using System.Linq.Expressions;
using System.Reflection;
using TorchSharp.Fx.Cil;

namespace TorchSharp.Fx.Tracing;

/// <summary>Calls of methods that take spans: reflection can't pass one, compiled code can.</summary>
internal static class SpanCalls
{
    private static readonly Memo<MethodBase, Func<object?, object?[], object?>> Thunks = new(Compile);

    /// <summary>Calls the method; an argument for a span is a <see cref="SpanModel"/> or an array.</summary>
    internal static object? Invoke(MethodBase method, object? target, object?[] arguments) => Thunks.Of(method)(target, arguments);

    private static Func<object?, object?[], object?> Compile(MethodBase method)
    {
        var target = Expression.Parameter(typeof(object));
        var arguments = Expression.Parameter(typeof(object[]));
        var operands = method.GetParameters().Select((parameter, i) => Operand(Expression.ArrayIndex(arguments, Expression.Constant(i)), parameter.ParameterType));
        Expression call = method switch
        {
            ConstructorInfo constructor => Expression.New(constructor, operands),
            MethodInfo { IsStatic: true } info => Expression.Call(info, operands),
            _ => Expression.Call(Expression.Convert(target, method.DeclaringType!), (MethodInfo)method, operands),
        };
        call = call.Type == typeof(void) ? Expression.Block(call, Expression.Constant(null))
            : StructLayout.IsSpan(call.Type) ? Wrapped(call)
            : Expression.Convert(call, typeof(object));
        return Expression.Lambda<Func<object?, object?[], object?>>(call, target, arguments).Compile();
    }

    /// <summary>A span that real code passes to a delegate, as a model over a copy; and what the delegate did to the copy.</summary>
    internal static Expression Wrapped(Expression span) => Expression.Call(typeof(SpanCalls), nameof(Copied), span.Type.GenericTypeArguments, AsReadOnly(span));

    internal static void WriteBack<T>(SpanModel copy, Span<T> span) => Writable<T>(copy).CopyTo(span);

    private static Expression AsReadOnly(Expression span)
        => span.Type.GetGenericTypeDefinition() == typeof(Span<>) ? Expression.Convert(span, typeof(ReadOnlySpan<>).MakeGenericType(span.Type.GenericTypeArguments)) : span;

    private static Expression Operand(Expression argument, Type type)
    {
        if (!StructLayout.IsSpan(type))
            return Expression.Convert(argument, type.IsByRef ? type.GetElementType()! : type);
        var element = type.GenericTypeArguments;
        return Expression.Call(typeof(SpanCalls), type.GetGenericTypeDefinition() == typeof(Span<>) ? nameof(Writable) : nameof(Readable), element, argument);
    }

    private static Span<T> Writable<T>(object? argument) => argument switch
    {
        SpanModel span => new Span<T>((T[])span.Array, span.Offset, span.Length),
        T[] array => array,
        _ => default,
    };

    private static ReadOnlySpan<T> Readable<T>(object? argument)
    {
        if (argument is string text)
            return (T[])(object)text.ToCharArray();
        return Writable<T>(argument);
    }

    internal static SpanModel Copied<T>(ReadOnlySpan<T> span) => SpanModel.Over(span.ToArray(), 0, span.Length);
}
