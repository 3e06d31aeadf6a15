using System.Collections;
using System.Collections.Frozen;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Arrays and lists that an operation gave and that .NET's own code walks in a recorded run: a trace has a node for each element that it
/// reads.
/// </summary>
internal static class RecordedSequences
{
    // Append, Concat and Prepend are not among them: a trace spreads what they are given into a longer list, as it is.
    private static readonly FrozenSet<string> Walking = Names("""
        .ctor AddRange InsertRange ToHashSet Aggregate All Any Average Cast Distinct First FirstOrDefault ForEach Last LastOrDefault OfType
        Reverse Select SelectMany Union Where Zip
        """);

    // What is asked of a list that was copied from an array; anything else changes it, or walks it.
    private static readonly FrozenSet<string> Asking = Names("get_Item get_Count get_Capacity ToArray ToList");

    /// <summary>Before a call of .NET's own code.</summary>
    internal static void Walk(in Invocation call)
    {
        var (name, type) = (call.Method.Name, call.Method.DeclaringType!);
        if (call.Traits.Home != Home.Platform || type.IsValueType || type == typeof(string))
            return;
        var isWalk = Walking.Contains(name);
        foreach (var argument in call.Arguments)
            if (argument is { Kind: ValueKind.Object, Reference: IList sequence } && call.Interpreter.Recording!.Marks.HasParts(sequence)
                && (isWalk || (call.This == sequence && sequence is not Array && !Asking.Contains(name))))
                Walk(call.Interpreter, sequence);
    }

    private static void Walk(Interpreter interpreter, IList sequence)
    {
        for (var i = 0; i < sequence.Count; i++)
        {
            var (item, type) = (sequence[i], sequence[i]?.GetType() ?? typeof(object));
            interpreter.Recorded(new(Opcode.call_function, Interpreter.GetItem, interpreter.Tracer.CurrentPath, type),
                [Value.OfObject(sequence), Value.Of(i)], (runner, _) => runner.ToValue(item, type));
        }
        interpreter.Recording!.Marks.Walked(sequence);
    }

    /// <summary>After a call: a copy of what an operation gave is as good as that.</summary>
    internal static Value Copied(in Invocation call, Value result)
    {
        if (call.Method.DeclaringType == typeof(Array) && call.Method.Name == nameof(Array.Copy))
            RecordedLists.Copied(call);
        var marks = call.Interpreter.Recording!.Marks;
        if (call.Method.Name is nameof(Enumerable.ToArray) or nameof(Enumerable.ToList) && result.Reference is IList copy
            && call.Arguments[0] is { Kind: ValueKind.Object, Reference: IList source } && marks.HasParts(source))
            marks.AddWhole(copy);
        return result;
    }

    /// <summary>An element, or some, of an array that an operation gave.</summary>
    internal static Value? Item(in Invocation call, Func<Array, Value> read)
    {
        var interpreter = call.Interpreter;
        return call.Arguments[0].Reference is Array array && interpreter.Recording!.Marks.HasParts(array)
            ? interpreter.Recorded(new(Opcode.call_function, Interpreter.GetItem, interpreter.Tracer.CurrentPath, call.Traits.ReturnType),
                call.Arguments, (_, _) => read(array))
            : null;
    }

    /// <summary>
    /// Whether a number that .NET's code hands to the program's is one of the sequence that it walks, and no index beside it.
    /// </summary>
    internal static bool IsElement(System.Reflection.ParameterInfo[] parameters, int position)
        => position == 0 || (parameters[position].ParameterType == parameters[0].ParameterType
            && parameters[position].ParameterType != typeof(int));

    private static FrozenSet<string> Names(string list)
        => list.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
