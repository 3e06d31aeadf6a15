using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>
/// A value that a recorded run keeps for the caller, with handles of its own on the tensors: what the program does with its handles,
/// dispose them or leave them to a scope, is nothing to it. It is the same tensor to automatic differentiation, and becomes a copy only
/// before the program overwrites it.
/// </summary>
internal sealed class KeptValue
{
    private readonly Dictionary<Tensor, nint> shared = new(ReferenceEqualityComparer.Instance);
    private int holders;

    internal KeptValue(object? value, int order)
    {
        Order = order;
        Value = Structure.Map(value, Shared);
    }

    internal object? Value { get; private set; }

    /// <summary>Its place among the run's values.</summary>
    internal int Order { get; }

    internal bool IsHeld => holders > 0;

    /// <summary>Puts a value in the place of another, which is given up when nobody else holds it.</summary>
    internal static void Replace(ref KeptValue? held, KeptValue? value)
    {
        if (value is not null)
            value.holders++;
        if (held is not null && --held.holders == 0)
            held.Dispose();
        held = value;
    }

    /// <summary>The value, which is the caller's from here on.</summary>
    internal object? Take()
    {
        holders = int.MaxValue / 2;
        return Value;
    }

    /// <summary>Copies what lies in memory that is about to be written to.</summary>
    /// <param name="written">What is written; null where that isn't known.</param>
    /// <param name="storage">Its memory, 0 where that isn't known.</param>
    internal void Protect(Tensor? written, nint storage)
    {
        var threatened = shared.Where(entry => storage == 0 || entry.Value == 0 || entry.Value == storage).Select(entry => entry.Key)
            .ToHashSet();
        if (threatened.Count == 0)
            return;
        Value = Structure.Map(Value, tensor => threatened.Contains(tensor) ? Copied(tensor, written) : tensor);
        foreach (var tensor in threatened)
        {
            shared.Remove(tensor);
            tensor.Dispose();
        }
    }

    private void Dispose()
    {
        foreach (var tensor in Structure.Tensors(Value).ToArray())
            tensor.Dispose();
    }

    /// <summary>Another handle on the very same tensor: a conversion to the type that it has gives no other one.</summary>
    private Tensor Shared(Tensor tensor)
    {
        if (tensor.IsInvalid)
            return tensor;
        var same = tensor.to_type(tensor.dtype);
        if (ReferenceEquals(same, tensor) || TensorIdentity.Of(same) != TensorIdentity.Of(tensor))
            same = tensor.alias();
        same.DetachFromDisposeScope();
        shared.Add(same, TensorIdentity.Storage(same));
        return same;
    }

    private static Tensor Copied(Tensor tensor, Tensor? written)
    {
        using var recorded = tensor.requires_grad ? enable_grad() : null;
        var copy = tensor.clone().DetachFromDisposeScope();
        if (written is not null && tensor.requires_grad && !tensor.is_leaf && recorded is not null
            && TensorIdentity.Of(written) == TensorIdentity.Of(tensor))
            PassThrough(tensor, copy);
        return copy;
    }

    /// <summary>
    /// Takes the tensor from its copy, bit for bit: gradients of what is computed with it later flow through the copy, which is the value
    /// that was asked for.
    /// </summary>
    private static void PassThrough(Tensor tensor, Tensor copy)
    {
        try
        {
            if (tensor.copy_(copy) is var passed && !ReferenceEquals(passed, tensor))
                passed.Dispose();
        }
        catch (ExternalException)
        {
            // A view that can't be written: the program's own write says so.
        }
    }
}
