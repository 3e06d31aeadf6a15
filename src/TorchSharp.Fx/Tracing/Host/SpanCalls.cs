using System.Linq.Expressions;
using System.Reflection;

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
        var parameters = method.GetParameters();
        var written =
            Array.ConvertAll(parameters, parameter => parameter.ParameterType.IsByRef
                ? Expression.Variable(parameter.ParameterType.GetElementType()!) : null);
        var operands =
            parameters.Select((parameter, i) => written[i]
                ?? Operand(Expression.ArrayIndex(arguments, Expression.Constant(i)), parameter.ParameterType));
        Expression call = method switch
        {
            ConstructorInfo constructor => Expression.New(constructor, operands),
            MethodInfo { IsStatic: true } info => Expression.Call(info, operands),
            _ => Expression.Call(Expression.Convert(target, method.DeclaringType!), (MethodInfo)method, operands),
        };
        call = call.Type == typeof(void) ? Expression.Block(call, Expression.Constant(null))
            : StructLayout.IsSpan(call.Type) ? Wrapped(call)
            : Expression.Convert(call, typeof(object));
        return Expression.Lambda<Func<object?, object?[], object?>>(Array.Exists(written, variable => variable is not null)
            ? WritingBack(call, arguments, written) : call, target, arguments).Compile();
    }

    /// <summary>A call with variables for its references, which go back to where the arguments came from.</summary>
    private static BlockExpression WritingBack(Expression call, ParameterExpression arguments, ParameterExpression?[] variables)
    {
        var result = Expression.Variable(typeof(object));
        var body = new List<Expression>();
        for (var i = 0; i < variables.Length; i++)
            if (variables[i] is { } variable)
                body.Add(Expression.Assign(variable,
                    Expression.Convert(
                        Expression.Coalesce(Expression.ArrayIndex(arguments, Expression.Constant(i)),
                            Expression.Convert(Expression.Default(variable.Type), typeof(object))), variable.Type)));
        body.Add(Expression.Assign(result, call));
        for (var i = 0; i < variables.Length; i++)
            if (variables[i] is { } variable)
                body.Add(Expression.Assign(Expression.ArrayAccess(arguments, Expression.Constant(i)),
                    Expression.Convert(variable, typeof(object))));
        body.Add(result);
        return Expression.Block([.. variables.OfType<ParameterExpression>(), result], body);
    }

    /// <summary>A span that real code passes to a delegate, as a model over a copy; and what the delegate did to the copy.</summary>
    internal static Expression Wrapped(Expression span)
        => Expression.Call(typeof(SpanCalls), nameof(Copied), span.Type.GenericTypeArguments, AsReadOnly(span));

    internal static void WriteBack<T>(SpanModel copy, Span<T> span) => Writable<T>(copy).CopyTo(span);

    private static Expression AsReadOnly(Expression span)
        => span.Type.GetGenericTypeDefinition() == typeof(Span<>)
            ? Expression.Convert(span, typeof(ReadOnlySpan<>).MakeGenericType(span.Type.GenericTypeArguments)) : span;

    private static Expression Operand(Expression argument, Type type)
    {
        if (!StructLayout.IsSpan(type))
            return Expression.Convert(argument, type.IsByRef ? type.GetElementType()! : type);
        var element = type.GenericTypeArguments;
        return Expression.Call(typeof(SpanCalls), type.GetGenericTypeDefinition() == typeof(Span<>) ? nameof(Writable) : nameof(Readable),
            element, argument);
    }

    private static Span<T> Writable<T>(object? argument) => argument switch
    {
        SpanModel span => new Span<T>((T[])span.Array, span.Offset, span.Length),
        T[] array => array,
        _ => default,
    };

    private static ReadOnlySpan<T> Readable<T>(object? argument)
    {
        // An array of a derived type can be read as one of this, but not written.
        return argument switch
        {
            string text => (T[])(object)text.ToCharArray(),
            SpanModel span => new ReadOnlySpan<T>((T[])span.Array, span.Offset, span.Length),
            T[] array => array,
            _ => default,
        };
    }

    internal static SpanModel Copied<T>(ReadOnlySpan<T> span) => SpanModel.Over(span.ToArray(), 0, span.Length);
}
