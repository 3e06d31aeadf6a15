using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Disposes the tensors of values that are no longer needed, but none that something live holds.</summary>
internal static class Disposal
{
    internal static void Release(Tensor? dead) => dead?.Dispose();

    internal static void Release(Tensor? dead, Tensor? live)
    {
        if (!ReferenceEquals(dead, live))
            dead?.Dispose();
    }

    internal static void Release(object? dead, object?[] live)
    {
        foreach (var item in TensorsIn(dead))
            if (!Array.Exists(live, owner => Holds(owner, item)))
                item.Dispose();
    }

    /// <summary>Whether the value is the tensor or has it inside.</summary>
    internal static bool Holds(object? owner, IDisposable item) => owner switch
    {
        null => false,
        Tensor => ReferenceEquals(owner, item),
        nn.Module module => State(module).Any(held => ReferenceEquals(held, item)),
        _ => Structure.LeavesOf(owner, TensorTypes.MayHold).Any(held => ReferenceEquals(held, item)),
    };

    /// <summary>The tensors that a value owns: itself, or those in a collection, tuple, struct or record. Other objects keep theirs.</summary>
    internal static IEnumerable<IDisposable> TensorsIn(object? value)
        => value is Tensor tensor ? [tensor] : Structure.LeavesOf(value, Owns).Where(leaf => leaf is Tensor or nn.utils.rnn.PackedSequence).Cast<IDisposable>();

    private static bool Owns(Type type) => TensorTypes.MayHold(type) && (Structure.KindOf(type) != StructureKind.Object || type.IsValueType || type.GetMethod("<Clone>$") is not null);

    /// <summary>What a module and the modules in it keep between calls and may return: a parameter, a buffer, a cache in a field.</summary>
    private static IEnumerable<object> State(nn.Module module)
    {
        var open = new Stack<nn.Module>([module]);
        var entered = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        while (open.TryPop(out var next))
        {
            if (!entered.Add(next))
                continue;
            foreach (var child in next.children())
                open.Push(child);
            foreach (var registered in next.parameters(recurse: false).Concat<object>(next.buffers(recurse: false)))
                yield return registered;
            foreach (var leaf in Fields(next).SelectMany(value => Structure.LeavesOf(value, TensorTypes.MayHold)))
                if (leaf is nn.Module inside)
                    open.Push(inside);
                else
                    yield return leaf;
        }
    }

    private static IEnumerable<object?> Fields(object owner)
        => ModuleHierarchy.FieldsOf(owner.GetType()).Where(field => TensorTypes.MayHold(field.FieldType)).Select(field => field.GetValue(owner));
}
