using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>The tensors in values of a C# type, as far as the type tells.</summary>
internal static class TensorTypes
{
    private static readonly HashSet<Type> Never =
        [typeof(string), typeof(Scalar), typeof(Device), typeof(decimal), typeof(void), typeof(Range), typeof(Index), typeof(Generator),
            typeof(Type), typeof(Size)];

    private static readonly Memo<Type, bool> Holders = new(Holds);

    /// <summary>TorchSharp's own assembly, whose operations the tables describe.</summary>
    internal static readonly Assembly TorchSharp = typeof(Tensor).Assembly;

    internal static bool IsTensor(Type type) => typeof(Tensor).IsAssignableFrom(type);

    /// <summary>Whether a value of this type may be or contain a tensor: true unless the type rules it out.</summary>
    internal static bool MayHold(Type type) => Holders.Of(type);

    private static bool Holds(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || Never.Contains(type))
            return false;
        if (type.GetElementType() is { } element)
            return MayHold(element);
        if (type.IsGenericType && Homes.Of(type) == Home.Platform)
            return type.GetGenericArguments().Any(MayHold);
        return true;
    }
}
