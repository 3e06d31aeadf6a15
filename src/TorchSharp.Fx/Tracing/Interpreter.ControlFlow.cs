using System.Reflection;
using TorchSharp.Fx.Cil;

namespace TorchSharp.Fx.Tracing;

/// <summary>Branches and exceptions.</summary>
internal sealed partial class Interpreter
{
    private void BranchOn(Frame f, Value value, bool whenTrue, int target)
    {
        value = Known(value);
        var isTrue = value.Kind switch
        {
            ValueKind.Symbol => Decide(f, AsCondition(value) ?? Comparison(Builtin.ne, value.Symbol.type, value, Value.Of(0)), whenTrue ? target : f.Next, whenTrue ? f.Next : target),
            ValueKind.Object or ValueKind.Address => value.Reference is not null,
            ValueKind.Int32 => value.Int32 != 0,
            _ => value.Int64 != 0,
        };
        if (isTrue == whenTrue)
            f.Next = target;
    }

    private void BranchCompare(Frame f, Op op, int target)
    {
        var right = Known(f.Pop());
        var left = Known(f.Pop());
        var holds = left.IsSymbol || right.IsSymbol
            ? Decide(f, BranchCondition(op, left, right), target, f.Next)
            : Holds(op, left, right);
        if (holds)
            f.Next = target;
    }

    private void Switch(Frame f, int[] targets)
    {
        var value = f.Pop();
        if (value.IsSymbol)
            value = Specialise(value.Symbol) ?? throw Untraceable.Branch(this, value.Symbol);
        if ((uint)value.Int32 < (uint)targets.Length)
            f.Next = targets[value.Int32];
    }

    /// <summary>
    /// The one place that decides a branch on a symbol. Where one way can only throw, the program is taken to go the other, and an
    /// <c>_assert</c> node holds it to that; any other branch would make a graph that is right for some inputs only.
    /// </summary>
    private bool Decide(Frame f, Deferred condition, int ifTrue, int ifFalse)
    {
        if (ThrowMessage(f.Code, ifFalse) is { } messageIfFalse && (Examples is null || Holds(condition)))
        {
            Assert(condition, messageIfFalse);
            return true;
        }
        if (ThrowMessage(f.Code, ifTrue) is { } messageIfTrue && (Examples is null || !Holds(condition)))
        {
            Assert(condition.Negated(), messageIfTrue);
            return false;
        }
        return Examples is null ? throw Untraceable.Branch(this, condition) : Guard(condition);
    }

    internal void Assert(Deferred condition, string message)
        => tracer.create_proxy(Opcode.call_function, new BuiltinTarget(Builtin._assert, typeof(bool)), [condition.Argument, new Literal(message)], typeof(void));

    /// <summary>The message of the exception that the code at <paramref name="at"/> is bound to throw; null if it may do anything else.</summary>
    private static string? ThrowMessage(MethodIL code, int at)
    {
        var message = new List<string>();
        string? thrown = null;
        var known = new KnownSlots();
        for (var steps = 0; steps < 100 && at < code.Instructions.Length; steps++, at++)
        {
            ref readonly var i = ref code.Instructions[at];
            if (i.Op is Op.BrFalse or Op.BrTrue && known.Top is { } flag)
                at = (flag != 0) == (i.Op == Op.BrTrue) ? i.Index - 1 : at;
            else if (i.Op is Op.BrFalse or Op.BrTrue)
                return null;
            known.Step(i);
            switch (i.Op)
            {
                case Op.Br: at = i.Index - 1; break;
                case Op.Ldstr: message.Add((string)i.Operand!); break;
                case Op.Newobj when typeof(Exception).IsAssignableFrom(i.Get<Cil.CallSite>().Method.DeclaringType):
                    thrown = i.Get<Cil.CallSite>().Method.DeclaringType!.Name;
                    RemoveParameterName(message, i.Get<Cil.CallSite>().Method.GetParameters());
                    break;
                case Op.Call when NeverReturns(i.Get<Cil.CallSite>().Method): return i.Get<Cil.CallSite>().Method.Name;
                case Op.Call when i.Get<Cil.CallSite>().Method.Name == "AppendFormatted": message.Add("{…}"); break;
                case Op.Throw: return message.Count > 0 ? string.Concat(message) : $"{thrown ?? "exception"} thrown";
                case Op.Switch or Op.Ret or Op.Leave or Op.EndFinally or Op.Rethrow: return null;
                case >= Op.Beq and <= Op.BltUn: return null;
            }
        }
        return null;
    }

    /// <summary>An exception's <c>paramName</c> is no part of its message.</summary>
    private static void RemoveParameterName(List<string> texts, ParameterInfo[] parameters)
    {
        if (texts.Count > 1 && parameters is [.., { Name: "paramName" }])
            texts.RemoveAt(texts.Count - 1);
        else if (texts.Count > 1 && parameters is [{ Name: "paramName" }, ..])
            texts.RemoveAt(0);
    }

    /// <summary>The flags that a Debug compiler keeps between the parts of <c>a || b</c> and the branch on it.</summary>
    private sealed class KnownSlots
    {
        private readonly Dictionary<int, int?> locals = [];
        private int? below;

        internal int? Top { get; private set; }

        internal void Step(in Instruction i)
        {
            (below, Top) = i.Op switch
            {
                Op.Nop or Op.Br => (below, Top),
                Op.LdcI4 => (Top, i.Index),
                Op.Ldloc => (Top, locals.GetValueOrDefault(i.Index)),
                Op.Ceq when below is { } a && Top is { } b => (null, a == b ? 1 : 0),
                Op.Stloc => (null, Stored(i.Index)),
                _ => (null, null),
            };
        }

        private int? Stored(int local)
        {
            locals[local] = Top;
            return below;
        }
    }

    private static bool NeverReturns(MethodBase method)
        => method.IsDefined(typeof(System.Diagnostics.CodeAnalysis.DoesNotReturnAttribute), false);

    /// <summary>throw null throws a NullReferenceException (ECMA-335 III.4.31).</summary>
    private static Exception Thrown(Value value) => value.Reference as Exception ?? new NullReferenceException();

    /// <summary>Leaves a protected region: the finally blocks on the way out run first, inner ones first (ECMA-335 III.3.46).</summary>
    private void Leave(Frame f, int target)
    {
        f.ClearStack();
        var from = f.At;
        var blocks = f.Code.Regions.Where(region => region.Kind == RegionKind.Finally && Covers(region, from) && !Covers(region, target)).ToArray();
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

    /// <summary>Goes on after a finally block. One that was left by an exception never came to its end: what it would have done is void.</summary>
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
    /// Goes to the handler of an exception in this method, through the finally and fault blocks on the way. False if the method has
    /// nothing to do with it; when it only has finally blocks, the exception goes on after them.
    /// </summary>
    private bool EnterHandler(Frame f, Exception exception)
    {
        var at = f.At;
        var blocks = new List<ExceptionRegion>();
        foreach (var region in f.Code.Regions)
        {
            if (!Covers(region, at))
                continue;
            if (region.Kind is RegionKind.Finally or RegionKind.Fault)
            {
                blocks.Add(region);
            }
            else if (Handles(f, region, exception))
            {
                RunBlocks(f, [.. blocks], 0, () =>
                {
                    LeaveHandlers(f, at, region.HandlerStart);
                    f.Caught.Push(exception);
                    f.ClearStack();
                    f.Push(Value.OfObject(exception));
                    f.Next = region.HandlerStart;
                });
                return true;
            }
        }
        if (blocks.Count == 0)
            return false;
        RunBlocks(f, [.. blocks], 0, () => throw exception);
        return true;
    }

    private bool Handles(Frame f, ExceptionRegion region, Exception exception)
    {
        if (region.Kind == RegionKind.Catch)
            return region.CatchType!.IsInstanceOfType(exception);
        var (at, next) = (f.At, f.Next);
        f.ClearStack();
        f.Push(Value.OfObject(exception));
        f.Next = region.FilterStart;
        var verdict = Execute(f);
        (f.At, f.Next) = (at, next);
        return verdict.Int32 != 0;
    }

    private static bool Covers(ExceptionRegion region, int at) => at >= region.TryStart && at < region.TryEnd;

    private static bool InHandler(ExceptionRegion region, int at) => at >= region.HandlerStart && at < region.HandlerEnd;
}
