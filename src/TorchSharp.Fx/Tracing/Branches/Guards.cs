using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>Facts about code that has not run: whether it is bound to throw, and whether it is a guard of several parts.</summary>
internal static class Guards
{
    /// <summary>
    /// The message of the exception that the code at <paramref name="at"/> is bound to throw; null if it may do anything else.
    /// </summary>
    internal static string? ThrowMessage(MethodIL code, int at)
    {
        var message = new List<string>();
        var kept = new Dictionary<int, string>();
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
                case Op.Ldstr when code.Instructions[at + 1] is { Op: Op.Stloc } store: kept[store.Index] = (string)i.Operand!; break;
                case Op.Ldstr: message.Add((string)i.Operand!); break;
                case Op.Ldloc when kept.TryGetValue(i.Index, out var text): message.Add(text); break;
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

    /// <summary>
    /// Whether the code at <paramref name="at"/> only computes a further condition without effects, of which one answer throws and the
    /// other goes to where
    /// <paramref name="passing"/> leads.
    /// </summary>
    internal static bool LeadsToThrowOr(MethodIL code, int at, int passing)
    {
        for (var steps = 0; steps < 40 && at < code.Instructions.Length; steps++, at++)
        {
            ref readonly var i = ref code.Instructions[at];
            switch (i.Op)
            {
                case Op.Br: at = i.Index - 1; break;
                case Op.BrFalse or Op.BrTrue or (>= Op.Beq and <= Op.BltUn): return IsGuard(code, i.Index, at + 1, passing)
                    || IsGuard(code, at + 1, i.Index, passing);
                case Op.Call when !IsPlainQuestion(i.Get<Cil.CallSite>()): return false;
                case Op.Stloc when !IsTemporary(code, i.Index): return false;
                case Op.Nop or Op.Call or Op.Ldarg or Op.Ldloc or Op.Stloc or Op.LdcI4 or Op.LdcI8 or Op.Ldfld or Op.Conv or Op.Ldlen
                    or (>= Op.Ceq and <= Op.CltUn): break;
                default: return false;
            }
        }
        return false;
    }

    /// <summary>
    /// Whether nothing but the next branch reads a local: one that is read later too would go on with an answer that was only asked for.
    /// </summary>
    private static bool IsTemporary(MethodIL code, int local)
        => Array.TrueForAll(code.Instructions, i => i.Op != Op.Ldloca || i.Index != local)
            && code.Instructions.Count(i => i.Op == Op.Ldloc && i.Index == local) == 1;

    private static bool IsGuard(MethodIL code, int passes, int fails, int passing)
        => Goal(code, passes) == Goal(code, passing) && (ThrowMessage(code, fails) is not null || LeadsToThrowOr(code, fails, passing));

    /// <summary>Something like <c>x.dim()</c>: what throws for some inputs must not be asked of those that passed already.</summary>
    private static bool IsPlainQuestion(Cil.CallSite site) => site.HasThis && site.ArgumentCount == 1 && site.ReturnType != typeof(void);

    /// <summary>Where the code at a place gets to without doing anything but follow flags that are known.</summary>
    private static int Goal(MethodIL code, int at)
    {
        var known = new KnownSlots();
        for (var goal = at; at < code.Instructions.Length; at++)
        {
            ref readonly var i = ref code.Instructions[at];
            if (i.Op is Op.BrFalse or Op.BrTrue && known.Top is { } flag)
                goal = at = (flag != 0) == (i.Op == Op.BrTrue) ? i.Index : at + 1;
            else if (i.Op == Op.Br)
                at = i.Index;
            else if (i.Op is not (Op.Nop or Op.LdcI4 or Op.Ldloc or Op.Stloc or Op.Ceq))
                return goal;
            else
            {
                known.Step(i);
                continue;
            }
            known.Step(i);
            at--;
        }
        return at;
    }
}
