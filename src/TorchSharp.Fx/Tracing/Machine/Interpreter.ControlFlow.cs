namespace TorchSharp.Fx.Tracing;

/// <summary>Branches and exceptions.</summary>
internal sealed partial class Interpreter
{
    private void BranchOn(Frame f, Value value, bool whenTrue, int target)
    {
        value = Known(value);
        var condition = !value.IsSymbol ? null : AsCondition(value) ?? Comparison(Builtin.ne, value.Symbol.type, value, Value.Of(0));
        if (condition is not null && IsChoiceOfFlags(f, whenTrue ? condition : condition.Negated(), target))
            return;
        var isTrue = value.Kind switch
        {
            ValueKind.Symbol => Decide(f, condition!, whenTrue ? target : f.Next, whenTrue ? f.Next : target),
            ValueKind.Object or ValueKind.Address => Present(value.Reference, Guards.ThrowMessage(f.Code, whenTrue ? f.Next : target)),
            ValueKind.Int32 => value.Int32 != 0,
            _ => value.Int64 != 0,
        };
        if (f.Alternatives.Length > 0 && !value.IsSymbol)
            isTrue = Settled(f, isTrue, whenTrue ? target : f.Next, whenTrue ? f.Next : target);
        if (isTrue == whenTrue)
            f.Next = target;
    }

    private void BranchCompare(Frame f, Op op, int target)
    {
        var right = Known(f.Pop());
        var left = Known(f.Pop());
        var condition = left.IsSymbol || right.IsSymbol ? BranchCondition(op, left, right) : null;
        if (condition is not null && IsChoiceOfFlags(f, condition, target))
            return;
        if (condition is not null ? Decide(f, condition, target, f.Next) : Settled(f, Holds(op, left, right), target, f.Next))
            f.Next = target;
    }

    /// <summary><c>condition ? 1 : 0</c> is the condition itself: a Debug compiler branches for it, a Release compiler doesn't.</summary>
    private static bool IsChoiceOfFlags(Frame f, Deferred taken, int target)
    {
        var code = f.Code.Instructions.AsSpan(f.Next);
        if (target != f.Next + 2
            || code is not [{ Op: Op.LdcI4, Index: var otherwise }, { Op: Op.Br, Index: var end }, { Op: Op.LdcI4, Index: var then }, ..]
            || end != target + 1 || (then, otherwise) is not ((1, 0) or (0, 1)))
            return false;
        f.Push(Value.Of(then == 1 ? taken : taken.Negated()));
        f.Next = end;
        return true;
    }

    private void Switch(Frame f, int[] targets)
    {
        var value = f.Pop();
        if (value.IsSymbol)
            value = Specialise(value.Symbol) ?? throw Untraceable.Branch(this, value.Symbol);
        if ((uint)value.Int32 < (uint)targets.Length)
            f.Next = targets[value.Int32];
    }

    /// <summary>throw null throws a NullReferenceException (ECMA-335 III.4.31).</summary>
    private Exception Thrown(object? exception)
    {
        taker = default;
        return ProgramFault.Raise(exception as Exception ?? new NullReferenceException());
    }

    /// <summary>Leaves a protected region: the finally blocks on the way out run first, inner ones first (ECMA-335 III.3.46).</summary>
    private void Leave(Frame f, int target)
    {
        f.ClearStack();
        var from = f.At;
        var blocks = f.Code.Regions.Where(region => region.Kind == RegionKind.Finally && Covers(region, from) && !Covers(region, target))
            .ToArray();
        LeaveHandlers(f, from, target);
        RunBlocks(f, blocks, 0, () => f.Next = target);
    }

    /// <summary>Forgets the exceptions whose handlers are left on the way.</summary>
    private static void LeaveHandlers(Frame f, int from, int to)
    {
        foreach (var region in f.Code.Regions)
            if (region.Kind is RegionKind.Catch or RegionKind.Filter && InHandler(region, from) && !InHandler(region, to))
                f.Caught.Pop();
    }

    private static void RunBlocks(Frame f, ExceptionRegion[] blocks, int next, Action then)
    {
        if (next == blocks.Length)
        {
            then();
            return;
        }
        f.ClearStack();
        f.Next = blocks[next].HandlerStart;
        f.Continuations.Push((blocks[next], () => RunBlocks(f, blocks, next + 1, then)));
    }

    /// <summary>
    /// Goes on after a finally block. One that was left by an exception never came to its end: what it would have done is void.
    /// </summary>
    private static void EndFinally(Frame f)
    {
        while (true)
        {
            var (block, then) = f.Continuations.Pop();
            if (!InHandler(block, f.At))
                continue;
            then();
            return;
        }
    }

    /// <summary>
    /// The handler of the exception in flight, found before any finally block on the way to it runs; no handler if nobody in the program
    /// takes it.
    /// </summary>
    private (Exception? Exception, Frame? Frame, ExceptionRegion? Region) taker;

    /// <summary>
    /// Goes to the handler of an exception in this method, through the finally and fault blocks on the way. False if the method has
    /// nothing to do with it; when it only has finally blocks, the exception goes on after them.
    /// </summary>
    private bool EnterHandler(Frame f, Exception exception)
    {
        if (!ReferenceEquals(taker.Exception, exception))
            taker = FindHandler(f, exception);
        var (at, found) = (f.At, taker);
        var region = found.Frame == f ? found.Region : null;
        var blocks = f.Code.Regions.TakeWhile(inner => inner != region)
            .Where(inner => inner.Kind is RegionKind.Finally or RegionKind.Fault && Covers(inner, at)).ToArray();
        if (region is null && blocks.Length == 0)
            return false;
        RunBlocks(f, blocks, 0, () =>
        {
            // The blocks may have thrown and caught exceptions of their own meanwhile.
            taker = region is null ? found : default;
            if (region is null)
                throw exception;
            LeaveHandlers(f, at, region.HandlerStart);
            f.Caught.Push(exception);
            f.ClearStack();
            f.Push(Value.OfObject(exception));
            f.Next = region.HandlerStart;
        });
        return true;
    }

    /// <summary>
    /// The first pass over the calls in progress: filters run in it, before the finally blocks of what they guard (ECMA-335 I.12.4.2.5).
    /// </summary>
    private (Exception, Frame?, ExceptionRegion?) FindHandler(Frame from, Exception exception)
    {
        for (var frame = from; frame is not null; frame = frame.Caller)
            foreach (var region in frame.Code.Regions)
                if (Covers(region, frame.At) && Takes(frame, region, exception))
                    return (exception, frame, region);
        return (exception, null, null);
    }

    private bool Takes(Frame f, ExceptionRegion region, Exception exception) => region.Kind switch
    {
        _ when exception is RecordingEnded => false,
        RegionKind.Catch => region.CatchType!.IsInstanceOfType(exception),
        RegionKind.Filter => PassesFilter(f, region, exception),
        _ => false,
    };

    private bool PassesFilter(Frame f, ExceptionRegion region, Exception exception)
    {
        var interrupted = current;
        var filter = current = f.Beside(region.FilterStart);
        filter.Push(Value.OfObject(exception));
        try
        {
            return Execute(filter).Int32 != 0;
        }
        catch (Exception inFilter) when (ProgramFault.Is(inFilter))
        {
            // What a filter throws is swallowed, and the filter does not take the exception (ECMA-335 I.12.4.2.5).
            return false;
        }
        finally
        {
            current = interrupted;
        }
    }

    private static bool Covers(ExceptionRegion region, int at) => at >= region.TryStart && at < region.TryEnd;

    private static bool InHandler(ExceptionRegion region, int at) => at >= region.HandlerStart && at < region.HandlerEnd;
}
