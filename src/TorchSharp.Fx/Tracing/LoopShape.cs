namespace TorchSharp.Fx.Tracing;

/// <summary>
/// A loop of compiled code that counts a local up by one and hands nothing else from turn to turn: <c>for (var i = 0; i &lt; n; i++)</c>,
/// or <c>foreach</c> over an array.
/// </summary>
/// <param name="Index">The local that counts.</param>
/// <param name="Written">The other locals that a turn writes; the next turn, and what comes after the loop, write them before they read
/// them.</param>
internal sealed record LoopShape(int Index, IReadOnlySet<int> Written)
{
    /// <summary>The loop that a branch closes; null where it is none of this kind.</summary>
    /// <param name="code">The code.</param>
    /// <param name="at">The branch that goes back.</param>
    /// <param name="body">Where it goes to.</param>
    internal static LoopShape? Of(MethodIL code, int at, int body)
    {
        var region = code.Instructions.AsSpan(body, at + 1 - body);
        if (IsLeft(region, body, at))
            return null;
        var written = new HashSet<int>();
        foreach (ref readonly var i in region)
            if (i.Op is Op.Stloc or Op.Ldloca)
                written.Add(i.Index);
        var found = -1;
        foreach (var local in written)
            if (Counts(region, local))
            {
                if (found >= 0)
                    return null;
                found = local;
            }
        if (found < 0)
            return null;
        written.Remove(found);
        var live = new Liveness(code);
        return written.Any(local => live.At(body, local) || live.At(at + 1, local)) || live.At(at + 1, found) ? null : new(found, written);
    }

    /// <summary>Whether the loop may be left in the middle, or changes an argument of the method.</summary>
    private static bool IsLeft(ReadOnlySpan<Instruction> region, int body, int at)
    {
        for (var i = 0; i < region.Length; i++)
        {
            if (region[i].Op is Op.Ret or Op.Starg or Op.Jmp)
                return true;
            foreach (var target in Liveness.Targets(region[i]))
                if (target < body || target > at)
                    return true;
        }
        return false;
    }

    /// <summary>Whether a local is only counted up, once, and the condition after that reads it.</summary>
    private static bool Counts(ReadOnlySpan<Instruction> region, int local)
    {
        var step = -1;
        for (var i = 0; i < region.Length; i++)
            if (region[i].Op == Op.Ldloca && region[i].Index == local)
                return false;
            else if (region[i].Op == Op.Stloc && region[i].Index == local)
            {
                if (step >= 0 || !IsStep(region[..i], local))
                    return false;
                step = i;
            }
        foreach (ref readonly var after in region[(step + 1)..])
            if (after.Op == Op.Ldloc && after.Index == local)
                return step >= 0;
        return false;
    }

    private static bool IsStep(ReadOnlySpan<Instruction> before, int local) => before switch
    {
        [.., { Op: Op.Ldloc } read, { Op: Op.LdcI4, Index: 1 }, { Op: Op.Conv }, { Op: Op.Add }] => read.Index == local,
        [.., { Op: Op.Ldloc } read, { Op: Op.LdcI4, Index: 1 }, { Op: Op.Add or Op.AddOvf }] => read.Index == local,
        _ => false,
    };
}
