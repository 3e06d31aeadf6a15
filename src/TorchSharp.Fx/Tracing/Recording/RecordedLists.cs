using System.Collections.Concurrent;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Lists of numbers in a recorded run: their own code is followed where a number in them depends on an input, so that each keeps its mark.
/// </summary>
internal static class RecordedLists
{
    private static readonly ConcurrentDictionary<Type, FieldInfo?> Arrays = new();

    /// <summary>Whether the code of a list's method, or of its enumerator's, is followed.</summary>
    internal static bool IsFollowed(in Invocation call)
    {
        if (call.Method.IsStatic || call.Traits.Code is null || call.Method.DeclaringType is not { IsGenericType: true } type)
            return false;
        var kind = type.GetGenericTypeDefinition();
        var list = kind == typeof(List<>) ? call.This : kind == typeof(List<>.Enumerator) ? Walked(call.Arguments[0]) : null;
        return Items(list) is { } items && (Array.Exists(call.Arguments, argument => argument.Mark != Reading.Constant)
            || call.Interpreter.Recording!.Marks.HasElements(items));
    }

    /// <summary>The array that has the elements of a list of numbers; null for anything else.</summary>
    internal static Array? Items(object? list)
        => list is not null && Arrays.GetOrAdd(list.GetType(), Elements) is { } field ? (Array)field.GetValue(list)! : null;

    /// <summary>The list that an enumerator walks.</summary>
    private static object? Walked(Value enumerator)
        => enumerator is { Kind: ValueKind.Address } && enumerator.Address.Load().Reference is { } boxed
            ? boxed.GetType().GetField("_list", BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(boxed) : null;

    /// <summary>After <c>Array.Copy</c>.</summary>
    internal static void Copied(in Invocation call)
    {
        var (marks, given) = (call.Interpreter.Recording!.Marks, call.Arguments);
        if (given.Length == 3 && given is [{ Reference: Array from }, { Reference: Array to }, var all])
            marks.Copy(from, 0, to, 0, Number(all));
        else if (given is [{ Reference: Array source }, var start, { Reference: Array target }, var at, var count])
            marks.Copy(source, Number(start), target, Number(at), Number(count));

        static int Number(Value value) => (int)value.Int64;
    }

    private static FieldInfo? Elements(Type list)
        => list.IsGenericType && list.GetGenericTypeDefinition() == typeof(List<>) && list.GetGenericArguments()[0].IsPrimitive
            ? list.GetField("_items", BindingFlags.Instance | BindingFlags.NonPublic) : null;
}
