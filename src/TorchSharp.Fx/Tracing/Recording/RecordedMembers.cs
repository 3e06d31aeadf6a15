using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Parts of an object that an operation gave, in a recorded run: reading one is an operation where a trace has a node for it
/// (<see cref="SymbolicMembers"/>).
/// </summary>
internal static class RecordedMembers
{
    internal static Value? Handle(in Invocation call)
    {
        if (call.Method.IsStatic || call.Arguments[0].Kind != ValueKind.Object || call.This is not { } target
            || !call.Interpreter.Recording!.Marks.HasParts(target))
            return null;
        var isItem = target is ITuple || call.Method.Name == "get_Item";
        if (!isItem && (call.Traits.Property is null || target is System.Collections.IEnumerable))
            return null;
        // A property that the user wrote a body for is followed like any other code.
        if (call.Traits.Home == Home.User && !call.Method.IsDefined(typeof(CompilerGeneratedAttribute), false))
            return null;
        var (interpreter, method) = (call.Interpreter, call.Method);
        Target operation = isItem ? Interpreter.GetItem : new MemberTarget(call.Traits.Property!);
        return interpreter.Recorded(new(Opcode.call_function, operation, interpreter.Tracer.CurrentPath, call.Traits.ReturnType),
            call.Arguments, (runner, given) => runner.RunOnHost(method, given, null));
    }

    /// <summary><c>array[range]</c> of an array that an operation gave; null elsewhere.</summary>
    internal static Value? Sliced(in Invocation call, Array array)
    {
        var (interpreter, method, arguments) = call;
        return interpreter.Recording?.Marks.HasParts(array) is true
            ? interpreter.Recorded(new(Opcode.call_function, Interpreter.GetItem, interpreter.Tracer.CurrentPath, array.GetType()),
                arguments, (runner, given) => runner.RunOnHost(method, given, null))
            : null;
    }

    /// <summary><c>var (a, b) = tuple</c> of a <c>Tuple&lt;…></c>.</summary>
    internal static Value? Deconstruct(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (call.Arguments[0].Reference is not ITuple tuple || !interpreter.Recording!.Marks.HasParts(tuple))
            return null;
        for (var i = 1; i < call.Arguments.Length; i++)
        {
            var (item, type) = (tuple[i - 1], call.Arguments[i].Address.Type);
            call.Arguments[i].Address.Store(
                interpreter.Recorded(new(Opcode.call_function, Interpreter.GetItem, interpreter.Tracer.CurrentPath, type),
                    [call.Arguments[0]], (runner, _) => runner.ToValue(item, type)));
        }
        return default(Value);
    }
}
