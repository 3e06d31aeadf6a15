using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Delegates of the traced program, which are .NET's own, and those that stand for them where .NET's code may call them: they re-enter the
/// interpreter.
/// </summary>
internal static class Delegates
{
    private static readonly Memo<Type, Func<Func<object?[], object?>, Delegate>> Factories = new(Factory);
    private static readonly ConditionalWeakTable<Delegate, Made> Own = [];

    /// <summary>
    /// A delegate whose target and method the interpreter knows: one for each method of an object, as delegates of those are equal.
    /// </summary>
    internal static Delegate Create(Interpreter interpreter, Type type, object? target, MethodInfo method, Use result = Use.Carry)
    {
        if (interpreter.MadeDelegates.TryGetValue(new(type, target, method, result), out var known))
            return known;
        var made = Factories.Of(type)(arguments => interpreter.CallBack(method, target, result, arguments));
        Own.Add(made, new(target, method, type));
        return interpreter.MadeDelegates[new(type, target, method, result)] = made;
    }

    /// <summary>The method that a delegate calls; false for a multicast delegate and one that was compiled at run time.</summary>
    internal static bool TryOpen(Delegate callee, out object? target, out MethodInfo method)
    {
        if (Own.TryGetValue(callee, out var made))
        {
            (target, method) = (made.Target, made.Method);
            return true;
        }
        (target, method) = (callee.Target, callee.Method);
        return callee.HasSingleTarget && method is not System.Reflection.Emit.DynamicMethod && method.DeclaringType is not null;
    }

    /// <summary>Whether two delegates call the same method of the same object; null where it isn't known here.</summary>
    internal static bool? AreSame(object? a, object? b)
        => a is Delegate first && b is Delegate second && first.HasSingleTarget && second.HasSingleTarget
            && TryOpen(first, out var target, out var method) && TryOpen(second, out var otherTarget, out var otherMethod)
            ? first.GetType() == second.GetType() && ReferenceEquals(target, otherTarget) && method == otherMethod
            : null;

    /// <summary>
    /// A delegate over the user's own code, or over a function such as <c>Math.Min</c> that the compiler keeps after its first use, as
    /// .NET's code may call it with symbols. Of several, each.
    /// </summary>
    /// <param name="interpreter">Who runs the program.</param>
    /// <param name="callee">The program's delegate.</param>
    /// <param name="result">What the code does with the results, where it does more than carry them.</param>
    internal static Delegate ForHost(Interpreter interpreter, Delegate callee, Use result)
    {
        if (!callee.HasSingleTarget)
            return Delegate.Combine(Array.ConvertAll(callee.GetInvocationList(), single => ForHost(interpreter, single, result)))!;
        if ((result == Use.Carry && Own.TryGetValue(callee, out _)) || !TryOpen(callee, out var target, out var method))
            return callee;
        var isMade = interpreter.MadeDelegates.ContainsKey(new(callee.GetType(), target, method, Use.Carry));
        if (!isMade && Traits.Of(method).Home != Home.User && !method.IsStatic)
            return callee;
        return interpreter.Recording is not null
            ? interpreter.RecordedDelegate(callee, target, method) : Create(interpreter, callee.GetType(), target, method, result);
    }

    /// <summary>The delegate that the program itself would make.</summary>
    internal static Delegate Real(Type type, object? target, MethodInfo method)
        => target is null && method.IsStatic ? method.CreateDelegate(type) : method.CreateDelegate(type, target);

    /// <summary>
    /// Whether a method with such a parameter may call the delegate that it is given: where the parameter takes any type, or any delegate,
    /// it only keeps or compares it.
    /// </summary>
    internal static bool IsCallable(Type parameter) => parameter.IsSubclassOf(typeof(MulticastDelegate));

    /// <summary>
    /// The delegate that the program would have, which is equal to others of the same method and object, also to those that were there
    /// before the trace.
    /// </summary>
    internal static Delegate Plain(Delegate callee) => Own.TryGetValue(callee, out var made) ? made.Plain ?? callee : callee;

    /// <summary>A delegate of a type that hands its arguments to a function.</summary>
    internal static Delegate Over(Type type, Func<object?[], object?> function) => Factories.Of(type)(function);

    private static Func<Func<object?[], object?>, Delegate> Factory(Type type)
    {
        // F# makes the Invoke of an internal delegate internal too.
        var invoke = type.GetMethod("Invoke", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!;
        var callBack = Expression.Parameter(typeof(Func<object?[], object?>));
        var parameters = Array.ConvertAll(invoke.GetParameters(), parameter => Expression.Parameter(parameter.ParameterType));
        var values = Expression.Variable(typeof(object[]));
        var result = Expression.Variable(typeof(object));
        var writtenBack = parameters.Select((parameter, i) => IsWritable(parameter.Type)
            ? Expression.Call(typeof(SpanCalls), nameof(SpanCalls.WriteBack), parameter.Type.GenericTypeArguments,
                Expression.Convert(Expression.ArrayIndex(values, Expression.Constant(i)), typeof(SpanModel)), parameter)
            : (Expression)Expression.Empty());
        var body = Expression.Block(invoke.ReturnType, [values, result], [
            Expression.Assign(values,
                Expression.NewArrayInit(typeof(object),
                    parameters.Select(parameter =>
                        Expression.Convert(StructLayout.IsSpan(parameter.Type) ? SpanCalls.Wrapped(parameter) : parameter,
                            typeof(object))))),
            Expression.Assign(result, Expression.Invoke(callBack, values)),
            .. writtenBack,
            invoke.ReturnType == typeof(void) ? Expression.Empty() : Expression.Convert(result, invoke.ReturnType)]);
        return Expression.Lambda<Func<Func<object?[], object?>, Delegate>>(Expression.Lambda(type, body, parameters), callBack).Compile();
    }

    private static bool IsWritable(Type type) => StructLayout.IsSpan(type) && type.GetGenericTypeDefinition() == typeof(Span<>);

    private sealed record Made(object? Target, MethodInfo Method, Type Type)
    {
        /// <summary>None where a symbol stands for the object.</summary>
        internal Delegate? Plain
            => field ??= (Target is null
                ? Method.IsStatic
                    : (Method.IsStatic ? Method.GetParameters()[0].ParameterType : Method.DeclaringType!).IsInstanceOfType(Target))
                        ? Real(Type, Target, Method) : null;
    }
}

/// <summary>The identity of a trace's delegate: objects are the same by reference.</summary>
internal readonly struct DelegateIdentity(Type type, object? target, MethodInfo method, Use result) : IEquatable<DelegateIdentity>
{
    private readonly (Type, MethodInfo, Use) code = (type, method, result);
    private readonly object? target = target;

    public bool Equals(DelegateIdentity other) => ReferenceEquals(target, other.target) && code == other.code;

    public override bool Equals(object? obj) => obj is DelegateIdentity other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(code, RuntimeHelpers.GetHashCode(target));
}
