using System.Collections.Immutable;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Loops whose number of turns a symbol decides, and whose turns only collect: one turn is traced, with its number as a symbol, and the
/// graph has it once (<see cref="MapTarget"/>).
/// </summary>
internal sealed partial class Interpreter
{
    private readonly Stack<OpenLoop> loops = new();
    private readonly Dictionary<(Cil.MethodIL, int), LoopShape?> loopShapes = [];
    private int loopCount;

    /// <summary>The loop whose turn is being traced; null outside of one.</summary>
    internal OpenLoop? Loop => loops.TryPeek(out var loop) ? loop : null;

    /// <summary>
    /// Whether what a call of LINQ's gives goes straight into <c>Select</c>, and that at once into an array, a list or an operation. Else
    /// it may be gone through later, again or in part, which is not what a loop in its place does.
    /// </summary>
    internal bool IsSelectedAtOnce(string name)
    {
        if (!tracer.MapsAllLoops || !IsLinq(current!.At, name))
            return false;
        var at = current.At;
        // Between the two stands only what makes the delegate.
        for (var last = Math.Min(at + 16, current.Code.Instructions.Length - 1); name != nameof(Enumerable.Select) && at < last;)
            if (IsLinq(++at, nameof(Enumerable.Select)))
                name = nameof(Enumerable.Select);
            else if (current.Code.Instructions[at].Op is Op.Call or Op.Stloc or Op.Starg or Op.Stfld or Op.Ret or Op.Leave)
                return false;
        return name == nameof(Enumerable.Select) && IsTakenAtOnce(at);
    }

    private bool IsTakenAtOnce(int at)
    {
        var (next, numbers) = (at + 1, 0);
        for (; next < current!.Code.Instructions.Length && current.Code.Instructions[next].Op is Op.LdcI4 or Op.LdcI8 or Op.Conv; next++)
            numbers += current.Code.Instructions[next].Op == Op.Conv ? 0 : 1;
        return IsLinq(at + 1, nameof(Enumerable.ToArray)) || IsLinq(at + 1, nameof(Enumerable.ToList))
            || (CallAt(next) is { IsStatic: true } operation && Traits.Of(operation).Home == Home.TorchSharp
                && operation.GetParameters() is [{ ParameterType: var first }, ..] all && first == typeof(IEnumerable<torch.Tensor>)
                && numbers == all.Length - 1);
    }

    private bool IsLinq(int at, string name)
        => CallAt(at) is { } method && method.Name == name && method.DeclaringType == typeof(Enumerable);

    private System.Reflection.MethodBase? CallAt(int at)
        => at < current!.Code.Instructions.Length && current.Code.Instructions[at] is { Op: Op.Call } call
            ? call.Get<Cil.CallSite>().Method : null;

    /// <summary>Notes that a collection is read in the turns of all open loops.</summary>
    private void Look(object? collection)
    {
        foreach (var loop in loops)
            loop.Look(collection);
    }

    /// <summary>The place of the innermost loop that is open, which the next trace follows turn by turn; null where none is.</summary>
    internal (Cil.MethodIL, int)? OpenAt => Loop is { } loop ? (loop.Frame.Code, loop.At) : null;

    /// <summary>How many loops were opened so far.</summary>
    internal int LoopSerial => loopCount;

    /// <summary>Ends the turn of a loop at its branch, or begins the only one that is traced; null where the branch is no loop's.</summary>
    private bool? Turned(Frame f, Deferred condition, int ifTrue, int ifFalse)
    {
        var (body, exit) = ifTrue <= f.At ? (ifTrue, ifFalse) : (ifFalse, ifTrue);
        if (Loop is { } open && open.Frame == f && open.At == f.At)
        {
            CloseLoop(open);
            return exit == ifTrue;
        }
        return body <= f.At && exit == f.At + 1 && OpensLoop(f, body == ifTrue ? condition : condition.Negated(), body)
            ? body == ifTrue : null;
    }

    private bool OpensLoop(Frame f, Deferred condition, int body)
    {
        if (Recording is not null || !tracer.MapsLoop(f.Code, f.At) || IsCaught(f) || f.Depth > 0
            || ShapeOf(f.Code, f.At, body) is not { } shape)
            return false;
        var (index, bound) = condition.Operation == Builtin.gt ? (condition.Right, condition.Left) : (condition.Left, condition.Right);
        if (condition.Operation is not (Builtin.lt or Builtin.gt) || !index.IsInteger || !bound.IsSymbol
            || bound.Symbol is Deferred { IsComparison: true }
            || f.Locals[shape.Index] is not { IsInteger: true } counted || counted.Int64 != index.Int64
            || (Examples is not null
                && !Examples.Others.Select(other => other.Values).Prepend(Examples)
                    .All(values => ByExample(bound, values).Int64 > index.Int64)))
            return false;
        _ = bound.Symbol.Argument;
        var number =
            graph.create_node(Opcode.placeholder, new PlaceholderTarget("turn"), [],
                counted.Kind == ValueKind.Int32 ? typeof(int) : typeof(long));
        Examples?.Turn(number);
        loops.Push(new(this, f, shape, number, index.Int64, bound, ++loopCount));
        Overlay.Changing = target => Loop?.Changing(target);
        var turn = Value.Of(new Proxy(number));
        f.Locals[shape.Index] = counted.Int64 == 0 ? turn : SymbolicBinary(Cil.Op.Add, turn, counted);
        return true;
    }

    /// <summary>The loops that the example decides, and what bounds each.</summary>
    internal List<(string What, Origin? At)> Unrolled { get; } = [];

    private void NoteUnrolled(Proxy[] bounds)
    {
        var what = string.Join(", ",
            bounds.Where(bound => known.ContainsKey(Identity(bound.node)))
                .Select(bound => $"{bound.node.name} == {known[Identity(bound.node)].Int64}"));
        if (what.Length > 0)
            Unrolled.Add((what, Here()));
    }

    private LoopShape? ShapeOf(Cil.MethodIL code, int at, int body)
    {
        if (!loopShapes.TryGetValue((code, at), out var shape))
            loopShapes[(code, at)] = shape = LoopShape.Of(code, at, body);
        return shape;
    }

    private void CloseLoop(OpenLoop loop)
    {
        var collected = loop.Collected();
        loops.Pop();
        foreach (var outer in loops)
            if (collected.FirstOrDefault(entry => outer.Knows(entry.Collection)).Collection is not null)
                throw RefuseOuter(loop);
        var turn = new List<Node>();
        for (var node = loop.Number.next; node != graph.End; node = node.next)
            turn.Add(node);
        var values = collected.Select(entry => entry.Value is NodeArgument { Node: var value } ? value : throw RefuseOuter(loop))
            .ToImmutableArray();
        // Each turn of the program makes a constant anew, or they share one of the trace's: a later write would be to the graph's own.
        if (values.Any(Constants.MayBeOwn))
            throw RefuseOuter(loop);
        Prune(turn, values);
        if (values.IsEmpty && !turn.Exists(node => node.op != Opcode.get_attr))
        {
            graph.erase_node(loop.Number);
            loop.Frame.Locals[loop.Shape.Index] = Value.Of(0);
            return;
        }
        var (body, operands) = Extracted(loop.Number, turn, values);
        Value[] done = [.. values.Select(value => Value.OfObject(value))];
        tracer.Forget(turn);
        foreach (var node in Enumerable.Reverse(turn).Where(node => node.op != Opcode.get_attr).Append(loop.Number))
            graph.erase_node(node);
        loop.Frame.Locals[loop.Shape.Index] = Value.Of(0);
        Collect(loop, body, operands, [.. collected.Select(entry => entry.Collection)], [.. values]);
    }

    /// <summary>The loop is refused that was just closed.</summary>
    private LoopRefusal RefuseOuter(OpenLoop loop)
    {
        loops.Push(loop);
        return new LoopRefusal("what it collects is no tensor, a constant, or belongs to a loop around it");
    }

    /// <summary>Takes out what only the loop's condition asked for.</summary>
    private void Prune(List<Node> turn, ImmutableArray<Node> values)
    {
        for (var i = turn.Count - 1; i >= 0; i--)
            if (turn[i] is { users.Count: 0, target: MemberTarget or BuiltinTarget { Operation: not Builtin._assert } } unread
                && !values.Contains(unread))
            {
                tracer.Forget([unread]);
                graph.erase_node(unread);
                turn.RemoveAt(i);
            }
    }

    /// <summary>The turn as a graph, and what it reads of the graph around it: parameters and buffers, too.</summary>
    private static (Graph Body, Node[] Operands) Extracted(Node number, List<Node> turn, ImmutableArray<Node> values)
    {
        var inside = turn.Where(node => node.op != Opcode.get_attr).Append(number).ToHashSet();
        Node[] operands =
            [.. turn.Where(inside.Contains).SelectMany(node => node.all_input_nodes).Concat(values).Where(node => !inside.Contains(node))
                .Distinct()];
        var (body, copies) = (new Graph(), new Dictionary<Node, Node>());
        foreach (var given in operands.Prepend(number))
            copies[given] = body.placeholder(given.name, given.type);
        foreach (var node in turn.Where(inside.Contains))
            copies[node] = body.node_copy(node, read => copies[read]);
        body.output(new ListArgument([.. values.Select(value => new NodeArgument(copies[value]))], typeof(torch.Tensor)),
            typeof(torch.Tensor[]));
        return (body, operands);
    }

    /// <summary>Records the loop, and makes its collections the symbols of what it gives.</summary>
    private void Collect(OpenLoop loop, Graph body, Node[] operands, object[] collections, Node[] first)
    {
        var count = loop.First == 0 ? loop.Bound : SymbolicBinary(Cil.Op.Sub, loop.Bound, Value.Of(loop.First));
        Type[] types = [.. collections.Select(collection => collection.GetType())];
        firstTurn = first;
        var map = tracer.create_proxy(Opcode.call_function, new MapTarget(body),
            [ToArgument(count, typeof(long)), .. operands.Select(operand => new NodeArgument(operand))], Collections.TypeOf(types));
        for (var i = 0; i < collections.Length; i++)
        {
            var part = collections.Length == 1
                ? map : tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin.getitem, map.type),
                    [map.Argument, new Literal(i)], types[i]);
            if (collections[i] is List<torch.Tensor> list)
            {
                list.Clear();
                Symbols.Bind(list, part);
            }
            else if (Sequences.TryGet(collections[i], out var sequence))
                sequence.Fill(part.Argument);
        }
    }

    /// <summary>The result of the traced turn: the example of the loop begins with it.</summary>
    private Node[]? firstTurn;
}
