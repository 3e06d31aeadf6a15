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
        ["ToArray"] = Twin,
        ["ToList"] = Twin,
        ["Select"] = Collected,
        ["Range"] = (in Invocation call) => call.Arguments[1].IsSymbol && call.Interpreter.IsSelectedAtOnce("Range")
            ? Value.OfObject(new SymbolicRange(call.Interpreter, call.Method, call.Arguments[0], call.Arguments[1])) : null,
        ["AsEnumerable"] = (in Invocation call) => IsSymbolic(call, call.Arguments[0]) && call.Arguments[0].Reference is Array
            ? call.Arguments[0] : null,
        ["Append"] = (in Invocation call) => Joined(call, call.Arguments[0], call.Arguments[1]),
        ["Prepend"] = (in Invocation call) => Joined(call, call.Arguments[1], call.Arguments[0]),
        ["Concat"] = (in Invocation call) => Joined(call, call.Arguments[0], call.Arguments[1]),
        ["Count"] = (in Invocation call) => call.Arguments.Length == 1 && IsSymbolic(call, call.Arguments[0])
            ? call.Interpreter.Length(call.Arguments[0]) : null,
        ["Sum"] = (in Invocation call) => Folded(call, Added),
        ["Max"] = (in Invocation call) => Folded(call, (interpreter, a, b) => Greater(interpreter, nameof(Math.Max), a, b)),
        ["Min"] = (in Invocation call) => Folded(call, (interpreter, a, b) => Greater(interpreter, nameof(Math.Min), a, b)),
    });

    private static Dictionary<string, CallHandler> Named(Dictionary<string, CallHandler> table)
        => table.ToDictionary(entry => "System.Linq.Enumerable." + entry.Key, entry => entry.Value);

    /// <summary>
    /// Whether two shapes are equal: a node, as Python's <c>x.shape == y.shape</c> is; a check of it becomes an assertion.
    /// </summary>
    internal static Value? AreEqual(in Invocation call)
        => Array.Exists(call.Arguments, call.Interpreter.DependsOnInput) && call.Method.GetGenericArguments()[0].IsPrimitive
            ? call.Interpreter.Recording is null ? TensorOperations.Record(call) : Interpreter.Recorded(call)
            : null;

    private static bool IsSymbolic(in Invocation call, Value value)
        => value.Reference is IEnumerable
            && (call.Interpreter.Symbols.TryGet(value.Reference, out _) || Sequences.TryGet(value.Reference, out _));

    private static Value? Item(in Invocation call, int index)
    {
        var (interpreter, sequence) = (call.Interpreter, call.Arguments[0].Reference);
        // First(predicate) is another question.
        if (call.Arguments.Length > 1 && call.Arguments[1].Kind != ValueKind.Int32)
            return null;
        if (interpreter.Recording is not null)
            return Interpreter.ItemRecorded(call, array
                => interpreter.ToValue(array.GetValue(index < 0 ? array.Length + index : index), array.GetType().GetElementType()!));
        return sequence is IEnumerable && interpreter.Symbols.TryGet(sequence, out var symbol)
            ? interpreter.RecordItem(symbol, new Literal(index), call.Traits.ReturnType) : null;
    }

    private static Value? Part(in Invocation call, Func<int, SliceArgument> slice)
    {
        var (interpreter, sequence, number) = (call.Interpreter, call.Arguments[0].Reference, call.Arguments[1]);
        if (number.Kind != ValueKind.Int32)
            return null;
        if (interpreter.Recording is not null)
        {
            var (method, given) = (call.Method, call.Arguments);
            return Interpreter.ItemRecorded(call, array => Value.OfObject(ArrayOf(
                [.. ((IEnumerable)interpreter.RunOnHost(method, given, null).Reference!).Cast<object>()],
                array.GetType().GetElementType()!)));
        }
        return interpreter.Symbols.TryGet(sequence, out var symbol) && symbol.type.IsArray
            ? interpreter.RecordItem(symbol, slice(number.Int32), symbol.type) : null;
    }

    private static Array ArrayOf(object[] items, Type element)
    {
        var array = Array.CreateInstance(element, items.Length);
        items.CopyTo(array, 0);
        return array;
    }

    /// <summary>Another array or list with the same elements.</summary>
    private static Value? Twin(in Invocation call)
        => IsSymbolic(call, call.Arguments[0]) && call.Arguments[0].Reference is Array or List<torch.Tensor>
            ? call.Interpreter.Twin((IEnumerable)call.Arguments[0].Reference!, call.Traits.ReturnType) : null;

    /// <summary>The loop that collects a function's values for each element.</summary>
    private static Value? Collected(in Invocation call)
    {
        var interpreter = call.Interpreter;
        var types = call.Method.GetGenericArguments();
        var range = call.Arguments[0].Reference as SymbolicRange;
        if (types is not [var element, var result] || result != typeof(torch.Tensor) || call.Arguments[1].Reference is not Delegate function
            || (range is null && !interpreter.IsSelectedAtOnce("Select")))
            return Real(call, range);
        var isIndexed = function.GetType().GetGenericArguments().Length == 3;
        var helpers = typeof(CollectingLoops);
        if (range is not null && isIndexed)
            return Real(call, range);
        if (range is not null)
            return interpreter.Run(helpers.GetMethod(nameof(CollectingLoops.OverRange), CollectingLoops.Flags)!,
                [range.Start, range.Count, call.Arguments[1]]);
        return IsSymbolic(call, call.Arguments[0]) && call.Arguments[0].Reference is Array array
            && array.GetType().GetElementType() == element
            ? interpreter.Run(
                helpers.GetMethod(isIndexed ? nameof(CollectingLoops.OverIndexed) : nameof(CollectingLoops.Over),
                    CollectingLoops.Flags)!.MakeGenericMethod(element), call.Arguments)
            : null;

        static Value? Real(in Invocation call, SymbolicRange? range)
        {
            if (range is not null)
                call.Arguments[0] = range.Real();
            return null;
        }
    }

    /// <summary>Append, Prepend and Concat where one side has no known length: an array of both.</summary>
    private static Value? Joined(in Invocation call, Value first, Value second)
    {
        if (!IsSymbolic(call, first) && !IsSymbolic(call, second))
            return null;
        var element = call.Method.GetGenericArguments()[0];
        ImmutableArray<Argument> parts = [.. Parts(call, first), .. Parts(call, second)];
        var length = call.Interpreter.Combine(Cil.Op.Add, Count(call, first), Count(call, second));
        return Value.OfObject(Sequences.Of(element, length, parts));
    }

    /// <summary>How many elements a sequence adds; one of its own adds itself.</summary>
    private static Value Count(in Invocation call, Value value)
        => IsSymbolic(call, value)
            ? call.Interpreter.Length(value) : call.Interpreter.ToArgument(value, typeof(object)) is ListArgument list
            ? Value.Of(list.Items.Length) : Value.Of(1);

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

    /// <summary>Sum, Max and Min of whole numbers, also of what a selector gives: operations on symbols like any others.</summary>
    private static Value? Folded(in Invocation call, Func<Interpreter, Value, Value, Value> combine)
    {
        var interpreter = call.Interpreter;
        var (type, selector) = (call.Traits.ReturnType, call.Arguments.Length == 2 ? call.Arguments[1].Reference as Delegate : null);
        if ((type != typeof(int) && type != typeof(long)) || (call.Arguments.Length == 2 && selector is null)
            || call.Arguments[0].Reference is not IEnumerable)
            return null;
        if (InterpretedEnumerable.IsLazy(call.Arguments[0].Reference))
            call.Arguments[0] = Value.OfObject(InterpretedEnumerable.ToArray(interpreter, call.Arguments[0].Reference!));
        if (selector is null && interpreter.Recording is null && interpreter.Numbers(call.Arguments[0]) is null)
            return null;
        if (interpreter.Walked(call.Arguments[0], isChanged: false).Reference is not ICollection items)
            return null;
        var element = selector?.GetType().GetMethod("Invoke")!.GetParameters()[0].ParameterType ?? type;
        Value? result = null;
        var marked = interpreter.Marked(items);
        foreach (var (i, item) in items.Cast<object?>().Index())
        {
            var value = marked is null ? interpreter.ToValue(item, element) : interpreter.LoadElement(marked, i);
            if (selector is not null)
                value = Intrinsics.Invoke(new(interpreter, selector.GetType().GetMethod("Invoke")!, [Value.OfObject(selector), value]),
                    selector);
            result = result is { } so_far ? combine(interpreter, so_far, value) : value;
        }
        return result
            ?? (call.Method.Name == "Sum"
                ? StructLayout.Zero(type) : throw ProgramFault.Raise(new InvalidOperationException("Sequence contains no elements")));
    }

    private static Value Added(Interpreter interpreter, Value a, Value b) => interpreter.Combine(Cil.Op.AddOvf, a, b);

    private static Value Greater(Interpreter interpreter, string function, Value a, Value b)
    {
        var type = a.Kind == ValueKind.Int32 || (a.IsSymbol && a.Symbol.type == typeof(int)) ? typeof(int) : typeof(long);
        return interpreter.Dispatch(typeof(Math).GetMethod(function, [type, type])!, a, b);
    }
}
