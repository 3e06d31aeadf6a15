using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The symbols of one trace, and how they pass through real memory. An object that depends on an input (a tensor, a shape, a device) is a
/// real object without content, known by reference. A symbolic number is written as a tag: a number that no program computes by chance
/// and that this table knows, so that it survives being copied by code the interpreter doesn't see (docs/decisions/tracing.md).
/// </summary>
internal sealed class Symbols
{
    private const long LongTag = 0x5EED_0000_0000_0000, DoubleTag = 0x7FF8_5EED_0000_0000;
    private const int IntTag = 0x6B00_0000, FloatTag = 0x7FE0_0000;

    private readonly Dictionary<object, Proxy> objects = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<long, Proxy> numbers = [];
    private readonly Dictionary<object, Proxy> enums = [];

    /// <summary>Whether any number has been written to real memory: before that, no read can find a tag.</summary>
    internal bool HasTags => numbers.Count + enums.Count > 0;

    /// <summary>Makes an object stand for a symbol.</summary>
    internal void Bind(object value, Proxy proxy)
    {
        if (!IsClosed)
            objects[value] = proxy;
    }

    /// <summary>Whether nothing becomes a symbol for now, also what a node reads.</summary>
    internal bool IsClosed { get; set; }

    /// <summary>The objects that stand for symbols now.</summary>
    internal Dictionary<object, Proxy> Objects() => new(objects, ReferenceEqualityComparer.Instance);

    /// <summary>Makes an object stand for itself again.</summary>
    internal void Unbind(object value) => objects.Remove(value);

    internal bool TryGet(object? value, out Proxy proxy)
    {
        if (value is not null && objects.TryGetValue(value, out proxy!))
            return true;
        proxy = null!;
        return false;
    }

    /// <summary>
    /// An object without content of the given type, bound to the symbol; null for a type that has none (numbers, structs).
    /// </summary>
    internal object? Placeholder(Proxy proxy)
    {
        var type = Concrete(proxy.type);
        if (type is null)
            return null;
        var value = type.IsArray
            ? Array.CreateInstance(type.GetElementType()!, 0)
            : RuntimeHelpers.GetUninitializedObject(type);
#pragma warning disable CA1816 // The object was never constructed: its finalizer has nothing to finalize.
        GC.SuppressFinalize(value);
#pragma warning restore CA1816
        Bind(value, proxy);
        return value;
    }

    /// <summary>The tag that stands for a symbolic number in memory of a primitive type; null where the type has no room for one.</summary>
    internal object? Tag(Proxy proxy, Type type)
    {
        if (type.IsEnum)
            return EnumTag(proxy, type);
        return Type.GetTypeCode(type) switch
        {
            TypeCode.Int64 => New(proxy, LongTag | Random.Shared.NextInt64(1L << 48)),
            TypeCode.UInt64 => (ulong)New(proxy, LongTag | Random.Shared.NextInt64(1L << 48)),
            TypeCode.Int32 => (int)New(proxy, IntTag | Random.Shared.Next(1 << 24)),
            TypeCode.UInt32 => (uint)New(proxy, IntTag | Random.Shared.Next(1 << 24)),
            TypeCode.Double => BitConverter.Int64BitsToDouble(New(proxy, DoubleTag | Random.Shared.NextInt64(1L << 32))),
            TypeCode.Single => BitConverter.Int32BitsToSingle((int)New(proxy, FloatTag | Random.Shared.Next(1 << 21))),
            _ => null,
        };
    }

    internal bool TryRead(long number, out Proxy proxy)
    {
        // Code that the interpreter doesn't see may widen an int's tag.
        if ((number >> 48) == (LongTag >> 48) || (number >> 24) == (IntTag >> 24))
            return numbers.TryGetValue(number, out proxy!);
        proxy = null!;
        return false;
    }

    internal bool TryRead(int number, out Proxy proxy)
    {
        if ((number >> 24) == (IntTag >> 24))
            return numbers.TryGetValue(number, out proxy!);
        proxy = null!;
        return false;
    }

    internal bool TryRead(double number, out Proxy proxy) => Known(double.IsNaN(number), BitConverter.DoubleToInt64Bits(number), out proxy);

    internal bool TryRead(float number, out Proxy proxy) => Known(float.IsNaN(number), BitConverter.SingleToInt32Bits(number), out proxy);

    internal bool TryRead(Enum value, out Proxy proxy)
    {
        if (enums.Count > 0)
            return enums.TryGetValue(value, out proxy!);
        proxy = null!;
        return false;
    }

    /// <summary>
    /// A value that the enum does not define: <c>ScalarType</c> has one byte, so there is no room for a number by chance. A symbol gets one
    /// tag, not many.
    /// </summary>
    private object? EnumTag(Proxy proxy, Type type)
    {
        foreach (var (tag, known) in enums)
            if (tag.GetType() == type && known.Argument.Equals(proxy.Argument))
                return tag;
        for (var number = sbyte.MaxValue; number > 0; number--)
        {
            var tag = Enum.ToObject(type, number);
            if (!Enum.IsDefined(type, tag) && enums.TryAdd(tag, proxy))
                return tag;
        }
        return null;
    }

    private bool Known(bool possible, long key, out Proxy proxy)
    {
        if (possible)
            return numbers.TryGetValue(key, out proxy!);
        proxy = null!;
        return false;
    }

    private long New(Proxy proxy, long tag)
    {
        numbers[tag] = proxy;
        return tag;
    }

    /// <summary>Whether a symbol can have the type: a value type, or a class that an object without content can be made of.</summary>
    internal static bool CanStandFor(Type type) => type.IsValueType || Concrete(type) is not null;

    /// <summary>A class that can stand for a value of the type.</summary>
    private static Type? Concrete(Type type)
    {
        if (type.IsValueType || type == typeof(string) || type == typeof(void))
            return null;
        if (!type.IsAbstract)
            return type;
        var element = type.IsGenericType && type.GenericTypeArguments.Length == 1 ? type.GenericTypeArguments[0] : null;
        if (element is not null && type.IsAssignableFrom(element.MakeArrayType()))
            return element.MakeArrayType();
        if (type.IsGenericType && type.GenericTypeArguments is [var key, var value]
            && typeof(Dictionary<,>).MakeGenericType(key, value) is var dictionary && type.IsAssignableFrom(dictionary))
            return dictionary;
        return null;
    }
}
