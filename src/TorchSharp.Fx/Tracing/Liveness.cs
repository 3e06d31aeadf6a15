namespace TorchSharp.Fx.Tracing;

/// <summary>Which locals of a method hold something that may still be read, by place.</summary>
internal sealed class Liveness
{
    private readonly MethodIL code;
    private readonly bool[][] live;

    internal Liveness(MethodIL code)
    {
        this.code = code;
        live = [.. code.Instructions.Select(_ => new bool[code.Locals.Length])];
        for (var changes = true; changes;)
        {
            changes = false;
            for (var at = code.Instructions.Length - 1; at >= 0; at--)
                changes |= Update(at);
        }
    }

    /// <summary>Whether a local may be read at an instruction or after it, before it is written.</summary>
    internal bool At(int at, int local) => at < live.Length && live[at][local];

    /// <summary>The instructions that a branch may go to, beside the next one.</summary>
    internal static int[] Targets(in Instruction i) => i.Op switch
    {
        Op.Br or Op.BrFalse or Op.BrTrue or Op.Leave or (>= Op.Beq and <= Op.BltUn) => [i.Index],
        Op.Switch => i.Get<int[]>(),
        _ => [],
    };

    private bool Update(int at)
    {
        ref readonly var i = ref code.Instructions[at];
        var now = new bool[code.Locals.Length];
        foreach (var next in Next(at))
            for (var local = 0; local < now.Length; local++)
                now[local] |= live[next][local];
        var isCleared = i.Op == Op.Ldloca && at + 1 < code.Instructions.Length && code.Instructions[at + 1].Op == Op.Initobj;
        if (i.Op == Op.Stloc || isCleared)
            now[i.Index] = false;
        else if (i.Op is Op.Ldloc or Op.Ldloca)
            now[i.Index] = true;
        if (now.AsSpan().SequenceEqual(live[at]))
            return false;
        live[at] = now;
        return true;
    }

    /// <summary>Where the code may go on, also by an exception.</summary>
    private IEnumerable<int> Next(int at)
    {
        var i = code.Instructions[at];
        if (i.Op is not (Op.Br or Op.Leave or Op.Ret or Op.Throw or Op.Rethrow or Op.EndFinally or Op.EndFilter or Op.Jmp)
            && at + 1 < code.Instructions.Length)
            yield return at + 1;
        foreach (var target in Targets(i))
            yield return target;
        foreach (var region in code.Regions)
        {
            if (at >= region.TryStart && at < region.TryEnd)
            {
                yield return region.HandlerStart;
                if (region.FilterStart >= 0)
                    yield return region.FilterStart;
            }
            if (i.Op == Op.EndFinally && at >= region.HandlerStart && at < region.HandlerEnd)
                for (var left = region.TryStart; left < region.TryEnd; left++)
                    if (code.Instructions[left].Op == Op.Leave)
                        yield return code.Instructions[left].Index;
        }
    }
}
