namespace TorchSharp.Fx.Tracing;

/// <summary>Branches on symbols.</summary>
internal sealed partial class Interpreter
{
    /// <summary>
    /// The one place that decides a branch on a symbol. Where one way can only throw, the program is taken to go the other, and an
    /// <c>_assert</c> node holds it to that; any other branch would make a graph that is right for some inputs only.
    /// </summary>
    private bool Decide(Frame f, Deferred condition, int ifTrue, int ifFalse)
    {
        if (Loop is not null && Turned(f, condition, ifTrue, ifFalse) is { } ended)
            return ended;
        if (!IsCaught(f) && (Passes(f, condition, ifTrue, ifFalse) ?? Postponed(f, condition, ifTrue, ifFalse)) is { } way)
            return way;
        if (Fixed(Value.Of(condition)) is { } always)
            return always.Int32 != 0;
        if (Turned(f, condition, ifTrue, ifFalse) is { } begun)
            return begun;
        return Examples is not null ? Guard(condition) : throw Untraceable.Branch(this, condition);
    }

    /// <summary>The way that doesn't throw, asserted; null when neither or both might.</summary>
    private bool? Passes(Frame f, Deferred condition, int ifTrue, int ifFalse)
    {
        if (Guards.ThrowMessage(f.Code, ifFalse) is { } messageIfFalse && MayPass(f, condition))
        {
            Assert(f, Either(f, condition), ifFalse, messageIfFalse);
            return true;
        }
        if (Guards.ThrowMessage(f.Code, ifTrue) is { } messageIfTrue && MayPass(f, condition.Negated()))
        {
            Assert(f, Either(f, condition.Negated()), ifTrue, messageIfTrue);
            return false;
        }
        return null;
    }

    /// <summary>
    /// <c>if (a != 2 &amp;&amp; a != 3) throw</c>: one way passes, the other asks a further question, of which one answer passes too and
    /// the other throws. The program is asked the further question, and the assertion is that one of the two passes.
    /// </summary>
    private bool? Postponed(Frame f, Deferred condition, int ifTrue, int ifFalse)
    {
        if (Guards.LeadsToThrowOr(f.Code, ifFalse, ifTrue))
        {
            f.Alternatives = f.Alternatives.Add(condition);
            return false;
        }
        if (Guards.LeadsToThrowOr(f.Code, ifTrue, ifFalse))
        {
            f.Alternatives = f.Alternatives.Add(condition.Negated());
            return true;
        }
        return null;
    }

    /// <summary>
    /// The further question of a guard turned out to have a known answer: either nothing can throw any more, or only the parts before can
    /// let the program pass.
    /// </summary>
    private bool Settled(Frame f, bool answer, int ifTrue, int ifFalse)
    {
        var (way, other) = answer ? (ifTrue, ifFalse) : (ifFalse, ifTrue);
        if (f.Alternatives.Length == 0 || Guards.LeadsToThrowOr(f.Code, way, other))
            return answer;
        if (Guards.ThrowMessage(f.Code, way) is { } message)
        {
            var last = f.Alternatives[^1];
            f.Alternatives = f.Alternatives.RemoveAt(f.Alternatives.Length - 1);
            Assert(f, Either(f, last), way, message);
            return !answer;
        }
        f.Alternatives = [];
        return answer;
    }

    /// <summary>Whether the model or the example inputs, if there are any, pass a guard.</summary>
    private bool MayPass(Frame f, Deferred condition) => Examples is null
        ? MayHold(condition) || f.Alternatives.Any(MayHold)
        : Agreed(values => Holds(condition, values)
            || f.Alternatives.Any(part => Holds(part, values)), () => $"to know whether {Untraceable.Describe(condition)}");

    private Proxy Either(Frame f, Deferred condition)
    {
        Proxy either = condition;
        foreach (var alternative in f.Alternatives.Reverse())
            either = RecordBuiltin(Builtin.or_, typeof(bool), typeof(bool), false, Value.Of(alternative), Value.Of(either));
        f.Alternatives = [];
        return either;
    }

    /// <summary>Whether the program catches what it throws here: then a throw is no end.</summary>
    private static bool IsCaught(Frame? frame)
    {
        for (; frame is not null; frame = frame.Caller)
            foreach (var region in frame.Code.Regions)
                if (region.Kind is RegionKind.Catch or RegionKind.Filter && Covers(region, frame.At))
                    return true;
        return false;
    }

    /// <summary>The assertions that hold the graph to one value of something that depends on an input.</summary>
    internal HashSet<Node> Specialisations { get; } = [];

    internal void Specialised(Proxy isSame, string message)
    {
        RefuseInLoop();
        Specialisations.Add(Assert(isSame, message));
    }

    /// <summary>A condition of one turn need not hold for the others.</summary>
    private void RefuseInLoop()
    {
        if (Loop is not null)
            throw new LoopRefusal("a turn goes by an example");
    }

    internal Node Assert(Proxy condition, string message)
        => tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin._assert, typeof(bool)),
            [condition.Argument, new Literal(message)], typeof(void)).node;
}
