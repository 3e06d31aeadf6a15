using System.Collections;
using System.Collections.Immutable;

namespace TorchSharp.Fx.Tracing;

/// <summary>LINQ on a sequence of unknown length, such as a shape, and sums of numbers that may be symbols.</summary>
internal static class SequenceMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } = Named(new()
    {
        ["SequenceEqual"] = AreEqual,
        ["First"] = (in Invocation call) => Item(call, 0),
        ["Last"] = (in Invocation call) => Item(call, -1),
        ["ElementAt"] = (in Invocation call) => call.Arguments[1].Kind == ValueKind.Int32 ? Item(call, call.Arguments[1].Int32) : null,
        ["Skip"] = (in Invocation call) => Part(call, count => new(new Literal(count), null, null)),
        ["Take"] = (in Invocation call) => Part(call, count => new(null, new Literal(count), null)),
        ["SkipLast"] = (in Invocation call) => Part(call, count => new(null, new Literal(-count), null)),
        ["TakeLast"] = (in Invocation call) => Part(call, count => new(new Literal(-count), null, null)),
        ["ToArray"] = Itself,
        ["ToList"] = Itself,
        ["AsEnumerable"] = Itself,
        ["Append"] = (in Invocation call) => Joined(call, call.Arguments[0], call.Arguments[1]),
        ["Prepend"] = (in Invocation call) => Joined(call, call.Arguments[1], call.Arguments[0]),
        ["Concat"] = (in Invocation call) => Joined(call, call.Arguments[0], call.Arguments[1]),
        ["Count"] = (in Invocation call) => call.Arguments.Length == 1 && IsSymbolic(call, call.Arguments[0]) ? call.Interpreter.Length(call.Arguments[0]) : null,
        ["Sum"] = (in Invocation call) => Folded(call, Cil.Op.AddOvf),
    });

    private static Dictionary<string, CallHandler> Named(Dictionary<string, CallHandler> table)
        => table.ToDictionary(entry => "System.Linq.Enumerable." + entry.Key, entry => entry.Value);

    /// <summary>Whether two shapes are equal: a node, as Python's <c>x.shape == y.shape</c> is; a check of it becomes an assertion.</summary>
    internal static Value? AreEqual(in Invocation call)
        => Array.Exists(call.Arguments, call.Interpreter.DependsOnInput) && call.Method.GetGenericArguments()[0].IsPrimitive ? TensorOperations.Record(call) : null;

    private static bool IsSymbolic(in Invocation call, Value value)
        => value.Reference is IEnumerable && (call.Interpreter.Symbols.TryGet(value.Reference, out _) || Sequences.TryGet(value.Reference, out _));

    private static Value? Item(in Invocation call, int index)
        => call.Arguments[0].Reference is IEnumerable sequence && call.Arguments.Length <= 2 && call.Interpreter.Symbols.TryGet(sequence, out var symbol)
            ? call.Interpreter.RecordItem(symbol, new Literal(index), call.Traits.ReturnType)
            : null;

    private static Value? Part(in Invocation call, Func<int, SliceArgument> slice)
        => call.Interpreter.Symbols.TryGet(call.Arguments[0].Reference, out var symbol) && symbol.type.IsArray && call.Arguments[1].Kind == ValueKind.Int32
            ? call.Interpreter.RecordItem(symbol, slice(call.Arguments[1].Int32), symbol.type)
            : null;

    private static Value? Itself(in Invocation call) => IsSymbolic(call, call.Arguments[0]) && call.Arguments[0].Reference is Array ? call.Arguments[0] : null;

    /// <summary>Append, Prepend and Concat where one side has no known length: an array of both.</summary>
    private static Value? Joined(in Invocation call, Value first, Value second)
    {
        if (!IsSymbolic(call, first) && !IsSymbolic(call, second))
            return null;
        var element = call.Method.GetGenericArguments()[0];
        ImmutableArray<Argument> parts = [.. Parts(call, first), .. Parts(call, second)];
        return Value.OfObject(Sequences.Of(element, Value.Of(new Deferred(call.Interpreter, Builtin.len, element.MakeArrayType(), typeof(int), first)), parts));
    }

    private static IEnumerable<Argument> Parts(in Invocation call, Value value)
    {
        var argument = call.Interpreter.ToArgument(value, typeof(object));
        return argument switch
        {
            ListArgument list => list.Items,
            _ when IsSymbolic(call, value) => [new SpreadArgument(argument)],
            _ => [argument],
        };
    }

    private static Value? Folded(in Invocation call, Cil.Op op)
    {
        if (call.Arguments.Length != 1 || call.Arguments[0].Reference is not ICollection collection || call.Interpreter.Numbers(call.Arguments[0]) is null || IsSymbolic(call, call.Arguments[0]))
            return null;
        Value? sum = null;
        foreach (var item in collection)
            sum = sum is { } so_far ? call.Interpreter.Combine(op, so_far, call.Interpreter.ToValue(item, item.GetType())) : call.Interpreter.ToValue(item, item.GetType());
        return sum;
    }
}
