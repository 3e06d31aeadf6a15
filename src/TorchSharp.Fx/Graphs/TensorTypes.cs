using System.Collections.Concurrent;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>What a C# type says about the tensors in its values.</summary>
internal static class TensorTypes
{
    private static readonly ConcurrentDictionary<Type, bool> Holders = new()
    {
        [typeof(string)] = false, [typeof(Scalar)] = false, [typeof(Device)] = false, [typeof(decimal)] = false, [typeof(void)] = false,
        [typeof(Range)] = false, [typeof(Index)] = false, [typeof(Generator)] = false, [typeof(Type)] = false, [typeof(Size)] = false,
    };

    /// <summary>TorchSharp's own assembly, whose operations the tables describe.</summary>
    internal static readonly Assembly TorchSharp = typeof(Tensor).Assembly;

    internal static bool IsTensor(Type type) => typeof(Tensor).IsAssignableFrom(type);

    /// <summary>Whether a value of this type may be or contain a tensor: true unless the type rules it out.</summary>
    internal static bool MayHold(Type type) => Holders.GetOrAdd(type, static type =>
    {
        if (type.IsPrimitive || type.IsEnum)
            return false;
        if (type.GetElementType() is { } element)
            return MayHold(element);
        if (type.IsGenericType && type.Namespace!.StartsWith("System", StringComparison.Ordinal))
            return type.GetGenericArguments().Any(MayHold);
        return true;
    });
}
