using System.Collections;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The user's own iterator as .NET's code may enumerate it: each step re-enters the interpreter.</summary>
internal static class InterpretedEnumerable
{
    private static readonly MethodInfo OverMethod = typeof(InterpretedEnumerable).GetMethod(nameof(Enumerate), BindingFlags.Static | BindingFlags.NonPublic)!;
    private static readonly MethodInfo MoveNext = typeof(IEnumerator).GetMethod(nameof(IEnumerator.MoveNext))!;

    /// <summary>The wrapped sequence; null when the parameter wants something else than a sequence.</summary>
    internal static object? Over(Interpreter interpreter, object source, Type parameter)
        => parameter.IsGenericType && parameter.GetGenericTypeDefinition() == typeof(IEnumerable<>)
            ? OverMethod.MakeGenericMethod(parameter.GenericTypeArguments).Invoke(null, [interpreter, source])
            : null;

    private static IEnumerable<T> Enumerate<T>(Interpreter interpreter, object source)
    {
        var enumerator = interpreter.CallBack(typeof(IEnumerable<T>).GetMethod("GetEnumerator")!, source)!;
        var current = typeof(IEnumerator<T>).GetProperty("Current")!.GetMethod!;
        while ((bool)interpreter.CallBack(MoveNext, enumerator)!)
            yield return (T)interpreter.CallBack(current, enumerator)!;
    }
}
