using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// How many live values of one run of a graph hold each tensor, and which tensors a module of the user's keeps: the last to hold one
/// disposes it, if nobody keeps it.
/// </summary>
internal sealed class Owners
{
    private readonly Dictionary<object, int> holders = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<object> kept = new(ReferenceEqualityComparer.Instance);

    /// <summary>A value was made, or given. What a module among the inputs has stays its own.</summary>
    internal void Hold(object? value)
    {
        foreach (var leaf in Disposal.IsPlain(value) ? Disposal.Inside(value) : Structure.LeavesOf(value, TensorTypes.MayHold))
            if (leaf is nn.Module module)
                kept.UnionWith(Disposal.State([module]));
            else if (Disposal.IsItem(leaf))
                CollectionsMarshal.GetValueRefOrAddDefault(holders, leaf, out _)++;
    }

    /// <summary>After a call of a module: what it was given or gave and has somewhere now stays its own.</summary>
    internal void Keep(nn.Module module, object?[] values)
    {
        var passed = new HashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var value in values)
            foreach (var item in Disposal.Inside(value))
                if (!kept.Contains(item))
                    passed.Add(item);
        if (passed.Count > 0)
            foreach (var item in Disposal.State([module]))
                if (passed.Contains(item))
                    kept.Add(item);
    }

    /// <summary>A value was needed for the last time.</summary>
    /// <param name="dead">The value.</param>
    /// <param name="isOwned">Whether its tensors are its own, and not those of what it was taken out of.</param>
    internal void Release(object? dead, bool isOwned)
    {
        foreach (var item in Disposal.Inside(dead))
            CollectionsMarshal.GetValueRefOrAddDefault(holders, item, out _)--;
        if (isOwned)
            foreach (var item in Disposal.TensorsIn(dead))
                if (holders.GetValueOrDefault(item) <= 0 && !kept.Contains(item))
                    item.Dispose();
    }
}
