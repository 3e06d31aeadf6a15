using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The user's own iterator as .NET's code may enumerate it: each step re-enters the interpreter.</summary>
internal static class InterpretedEnumerable
{
    private static readonly MethodInfo OverMethod =
        typeof(InterpretedEnumerable).GetMethod(nameof(Enumerate), BindingFlags.Static | BindingFlags.NonPublic)!;
    private static readonly MethodInfo ToArrayMethod = typeof(Enumerable).GetMethod(nameof(Enumerable.ToArray))!;
    private static readonly MethodInfo MoveNext = typeof(IEnumerator).GetMethod(nameof(IEnumerator.MoveNext))!;
    private static readonly MethodInfo Dispose = typeof(IDisposable).GetMethod(nameof(IDisposable.Dispose))!;

    /// <summary>The wrapped sequence; null when the parameter wants something else than a sequence.</summary>
    internal static object? Over(Interpreter interpreter, object source, Type parameter)
        => parameter == typeof(IEnumerable) && ElementOf(source.GetType()) is { } element
            ? OverMethod.MakeGenericMethod(element).Invoke(null, [interpreter, source])
            : parameter.IsGenericType && parameter.GetGenericTypeDefinition() == typeof(IEnumerable<>)
                ? OverMethod.MakeGenericMethod(parameter.GenericTypeArguments).Invoke(null, [interpreter, source])
            : null;

    /// <summary>
    /// Whether a value is a query or iterator, which runs each time it is enumerated. A graph holds what it gives, so where one goes into a
    /// node it is enumerated once.
    /// </summary>
    internal static bool IsLazy(object? value)
        => value is IEnumerable and not ICollection and not string and not torch.nn.Module and not torch.Tensor
            && ElementOf(value.GetType()) is not null
            && (Homes.Of(value.GetType()) == Home.Platform || value.GetType().IsDefined(typeof(CompilerGeneratedAttribute), false));

    /// <summary>The elements of a lazy sequence, as an array.</summary>
    internal static Array ToArray(Interpreter interpreter, object source)
    {
        var element = ElementOf(source.GetType())!;
        var method = ToArrayMethod.MakeGenericMethod(element);
        return (Array)HostCode.Run(new(interpreter, method, [Value.OfObject(source)])).Reference!;
    }

    private static Type? ElementOf(Type type)
        => type.GetInterfaces()
            .FirstOrDefault(candidate => candidate.IsGenericType
                && candidate.GetGenericTypeDefinition() == typeof(IEnumerable<>))?.GenericTypeArguments[0];

    private static IEnumerable<T> Enumerate<T>(Interpreter interpreter, object source)
    {
        var enumerator = interpreter.CallBack(typeof(IEnumerable<T>).GetMethod("GetEnumerator")!, source, Use.Own)!;
        var current = typeof(IEnumerator<T>).GetProperty("Current")!.GetMethod!;
        try
        {
            while ((bool)interpreter.CallBack(MoveNext, enumerator, Use.Carry)!)
                yield return (T)interpreter.CallBack(current, enumerator, Use.Carry)!;
        }
        finally
        {
            if (enumerator is IDisposable)
                interpreter.CallBack(Dispose, enumerator, Use.Carry);
        }
    }
}
