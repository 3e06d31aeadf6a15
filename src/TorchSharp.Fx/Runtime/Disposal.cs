using System.Collections;
using System.Runtime.CompilerServices;
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

    /// <summary>Whether the value is the tensor or a structure with it inside.</summary>
    internal static bool Holds(object? owner, IDisposable item) => owner switch
    {
        null => false,
        Tensor => ReferenceEquals(owner, item),
        nn.Module module => State(module).Any(held => ReferenceEquals(held, item)),
        _ => TensorsIn(owner).Any(held => ReferenceEquals(held, item)) || FieldsHold(owner, item),
    };

    /// <summary>The tensors of a value: itself, or the elements of a sequence, dictionary, tuple or record. Other objects keep theirs.</summary>
    internal static IEnumerable<IDisposable> TensorsIn(object? value) => value switch
    {
        Tensor tensor => [tensor],
        nn.utils.rnn.PackedSequence packed => [packed],
        null or string => [],
        IDictionary dictionary => dictionary.Values.Cast<object?>().SelectMany(TensorsIn),
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(index => TensorsIn(tuple[index])),
        IEnumerable sequence => sequence is Array { Length: 0 } || !TensorTypes.MayHold(sequence.GetType()) ? [] : sequence.Cast<object?>().SelectMany(TensorsIn),
        _ when IsRecord(value.GetType()) => Fields(value).SelectMany(TensorsIn),
        _ => [],
    };

    private static bool IsRecord(Type type) => TensorTypes.MayHold(type) && (type.IsValueType || type.GetMethod("<Clone>$") is not null);

    private static bool FieldsHold(object owner, IDisposable item) => !IsRecord(owner.GetType()) && Fields(owner).SelectMany(TensorsIn).Any(held => ReferenceEquals(held, item));

    private static IEnumerable<object?> Fields(object owner)
        => ModuleHierarchy.FieldsOf(owner.GetType()).Where(field => TensorTypes.MayHold(field.FieldType)).Select(field => field.GetValue(owner));

    /// <summary>What a module keeps between calls and may return: a buffer, a cache in a field.</summary>
    private static IEnumerable<object?> State(nn.Module module)
        => module.modules().Prepend(module).SelectMany(Fields).SelectMany(value => value is nn.Module ? [] : TensorsIn(value))
            .Concat(module.parameters()).Concat(module.buffers());
}
