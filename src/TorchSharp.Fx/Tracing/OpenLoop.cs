using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// A loop whose one turn is being traced, with the turn's number as a symbol. What was there before the turn may not be changed by it but
/// for lists that get one tensor more each, and arrays that get one at the turn's place: then every turn is like this one.
/// </summary>
internal sealed class OpenLoop
{
    private readonly Interpreter interpreter;
    private readonly Dictionary<object, object?[]> heap = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Frame Frame, Value[] Arguments, Value[] Locals)> frames = [];
    private readonly Dictionary<object, Proxy> symbols;
    private readonly (bool?, bool?) mode;
    private readonly HashSet<object> made = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Array Array, Argument Value)> arrays = [];
    private readonly HashSet<object> looked = new(ReferenceEqualityComparer.Instance);

    internal OpenLoop(Interpreter interpreter, Frame frame, LoopShape shape, Node number, long first, Value bound, int serial)
    {
        (this.interpreter, Frame, Shape, Number, First, Bound, At, Serial) =
            (interpreter, frame, shape, number, first, bound, frame.At, serial);
        foreach (var own in interpreter.Overlay.Made)
            heap[own] = ContentOf(own);
        for (var each = frame; each is not null; each = each.Caller)
            frames.Add((each, Copied(each.Arguments), Copied(each.Locals)));
        symbols = interpreter.Symbols.Objects();
        mode = Mode;
    }

    internal Frame Frame { get; }

    internal LoopShape Shape { get; }

    /// <summary>The branch that closes the loop.</summary>
    internal int At { get; }

    /// <summary>The node that stands for the turn's number while the turn is traced.</summary>
    internal Node Number { get; }

    /// <summary>The number that the loop counts from.</summary>
    internal long First { get; }

    /// <summary>The number that it counts to, exclusively.</summary>
    internal Value Bound { get; }

    /// <summary>Which of the trace's loops it is.</summary>
    internal int Serial { get; }

    private (bool?, bool?) Mode => (interpreter.Gradients.Records, interpreter.Gradients.Infers);

    /// <summary>Notes an array that the turn makes.</summary>
    internal void Made(Array array) => made.Add(array);

    /// <summary>Whether something was there before the turn.</summary>
    internal bool Knows(object value)
        => !made.Contains(value) && (heap.ContainsKey(value) || symbols.ContainsKey(value) || Sequences.TryGet(value, out _));

    /// <summary>Notes that an array gets a tensor at the turn's place; refused where it gets anything else.</summary>
    internal void Fill(Array array, Value index, Value value)
    {
        if (First != 0 || !Sequences.TryGet(array, out var sequence) || sequence.Element != typeof(torch.Tensor) || !sequence.IsUnfilled
            || arrays.Exists(filled => filled.Array == array) || !IsSame(sequence.Length, Bound)
            || !index.IsSymbol || index.Symbol.Argument is not NodeArgument { Node: var at } || at != Number)
            throw new LoopRefusal("an array that was there before is changed");
        arrays.Add((array, interpreter.ToArgument(value, typeof(torch.Tensor))));
    }

    /// <summary>Whether two numbers are the same, in whatever width.</summary>
    private static bool IsSame(Value a, Value b)
        => LinearForm.Of(a).Equals(LinearForm.Of(b))
            || (a.IsSymbol && b.IsSymbol && a.Symbol is not Deferred && b.Symbol is not Deferred
                && Plain(a.Symbol.Argument).Equals(Plain(b.Symbol.Argument)));

    private static Argument Plain(Argument argument)
        => argument is ConvertArgument { Type: var type } convert && type != typeof(double) && type != typeof(float)
            ? Plain(convert.Value) : argument;

    /// <summary>Before a call: what a turn collects into, it may not look at, for it holds what other turns gave.</summary>
    internal void IsCalled(System.Reflection.MethodBase method, Value[] arguments)
    {
        if (Traits.Of(method).Home == Home.User)
            return;
        for (var i = 0; i < arguments.Length; i++)
            if (!(i == 0 && !method.IsStatic && method.Name == nameof(IList.Add)))
                Look(arguments[i].Reference);
        // What a generator or a builder is at is not seen from outside.
        if (!method.IsStatic && arguments[0].Reference is { } self and not (ICollection or Delegate or string or torch.Tensor)
            && heap.ContainsKey(self) && Traits.HomeOf(self.GetType()) == Home.Platform
            && !method.Name.StartsWith("get_", StringComparison.Ordinal))
            throw new LoopRefusal($"a {self.GetType().Name} of before may be changed");
    }

    /// <summary>Notes that a collection is read.</summary>
    internal void Look(object? collection)
    {
        if (collection is List<torch.Tensor> or Array)
            looked.Add(collection);
    }

    /// <summary>Refuses the change of something that was there before, where its content doesn't tell it.</summary>
    internal void Changing(object? target)
    {
        if (target is null || (!heap.ContainsKey(target) && !interpreter.Overlay.Owns(target))
            || (heap.ContainsKey(target) && target is not (IList or IDictionary)))
            throw new LoopRefusal("something that was there before is changed");
    }

    /// <summary>The turn's collections: each list or array, and the value added to it. Refused where it did more.</summary>
    internal ImmutableArray<(object Collection, Argument Value)> Collected()
    {
        if (Mode != mode || symbols.Any(entry => !interpreter.Symbols.TryGet(entry.Key, out var now) || !ReferenceEquals(now, entry.Value)))
            throw new LoopRefusal("the mode or a value of before is another one");
        foreach (var (frame, arguments, locals) in frames)
            if (!Same(arguments, frame.Arguments, _ => false)
                || !Same(locals, frame.Locals, local => frame == Frame && (local == Shape.Index || Shape.Written.Contains(local))))
                throw new LoopRefusal("a variable of before is another one");
        var found = ImmutableArray.CreateBuilder<(object, Argument)>();
        foreach (var (own, before) in heap)
            if (ContentOf(own) is var after && !Same(before, after))
                found.Add(own is List<torch.Tensor> { Count: 1 } list && own.GetType() == typeof(List<torch.Tensor>) && before.Length == 0
                    && !looked.Contains(own)
                    ? (own, interpreter.ToArgument(list[0])) : throw new LoopRefusal($"a {own.GetType().Name} of before is changed"));
        if (arrays.Exists(filled => looked.Contains(filled.Array)))
            throw new LoopRefusal("an array is read that the turns fill");
        return [.. found, .. arrays.Select(filled => ((object)filled.Array, filled.Value))];
    }

    private static Value[] Copied(Value[] slots) => Array.ConvertAll(slots, slot => slot.Copy());

    private static bool Same(Value[] before, Value[] after, Predicate<int> isSkipped)
    {
        for (var i = 0; i < before.Length; i++)
            if (!isSkipped(i) && !(before[i].Kind == after[i].Kind && (before[i].Kind switch
            {
                ValueKind.Object or ValueKind.Address or ValueKind.Symbol => ReferenceEquals(before[i].Reference, after[i].Reference),
                ValueKind.Struct => Same(before[i].Reference, after[i].Reference),
                _ => before[i].Int64 == after[i].Int64,
            })))
                return false;
        return true;
    }

    private static bool Same(object?[] before, object?[] after)
    {
        if (before.Length != after.Length)
            return false;
        for (var i = 0; i < before.Length; i++)
            if (!Same(before[i], after[i]))
                return false;
        return true;
    }

    private static bool Same(object? before, object? after) => ReferenceEquals(before, after)
        || (before is ValueType or string && before.Equals(after)) || (before is SpanModel && after is SpanModel)
        || (before is Array a && after is Array b && Same([.. a], [.. b]));

    /// <summary>The values in an object's own fields.</summary>
    private static object?[] ContentOf(object own) => own switch
    {
        torch.Tensor or Delegate or string => [],
        Array array => [.. array],
        IDictionary dictionary => [.. dictionary.Keys.Cast<object>().SelectMany(key => (object?[])[key, dictionary[key]])],
        ICollection collection => [.. collection],
        ValueType => [RuntimeHelpers.GetObjectValue(own)],
        _ => [.. StructLayout.FieldsOf(own.GetType()).Where(field => !field.FieldType.IsPointer).Select(field => field.GetValue(own))],
    };
}
