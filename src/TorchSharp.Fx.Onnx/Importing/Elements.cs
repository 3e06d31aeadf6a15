using System.Collections.Frozen;
using System.Runtime.InteropServices;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>
/// Types of elements as a file numbers them, and how tensors of each are read. A type that TorchSharp lacks is held in the next that has
/// all its numbers: <c>uint16</c> as <c>int32</c>, <c>uint32</c>
/// and <c>uint64</c> as <c>int64</c>, four-bit integers as eight-bit ones.
/// </summary>
/// <param name="Name">ONNX's name of the type.</param>
/// <param name="Type">The type that a tensor of it has here.</param>
/// <param name="Bits">How many bits an element has in the file.</param>
/// <param name="Widen">Makes the tensor's elements of the file's bytes; null where those are the same.</param>
internal sealed record Elements(string Name, ScalarType Type, int Bits, Func<byte[], Array>? Widen = null)
{
    internal const int MostDimensions = 64;

    private static readonly FrozenDictionary<int, Elements> Numbered = new Dictionary<int, Elements>
    {
        [1] = new("float", ScalarType.Float32, 32), [2] = new("uint8", ScalarType.Byte, 8), [3] = new("int8", ScalarType.Int8, 8),
        [4] = new("uint16", ScalarType.Int32, 16, bytes => Array.ConvertAll(Cast<ushort>(bytes), number => (int)number)),
        [5] = new("int16", ScalarType.Int16, 16), [6] = new("int32", ScalarType.Int32, 32), [7] = new("int64", ScalarType.Int64, 64),
            [9] = new("bool", ScalarType.Bool, 8),
        [10] = new("float16", ScalarType.Float16, 16), [11] = new("double", ScalarType.Float64, 64),
        [12] = new("uint32", ScalarType.Int64, 32, bytes => Array.ConvertAll(Cast<uint>(bytes), number => (long)number)),
        [13] = new("uint64", ScalarType.Int64, 64), [14] = new("complex64", ScalarType.ComplexFloat32, 64),
            [15] = new("complex128", ScalarType.ComplexFloat64, 128),
        [16] = new("bfloat16", ScalarType.BFloat16, 16),
        [21] = new("uint4", ScalarType.Byte, 4, bytes => Nibbles(bytes, nibble => nibble)),
        [22] = new("int4", ScalarType.Int8, 4, bytes => Nibbles(bytes, nibble => (sbyte)((nibble ^ 8) - 8))),
    }.ToFrozenDictionary();

    /// <summary>The type of a number.</summary>
    internal static Elements Of(int number) => Numbered.TryGetValue(number, out var found) ? found
        : throw new NotSupportedException(number == 8 ? "tensors of strings have no counterpart in TorchSharp"
            : $"elements of ONNX's type {number} can't be read");

    /// <summary>Reads a tensor; what the file says of its size is checked before anything is allocated.</summary>
    internal static Tensor Read(TensorProto proto, ModelFile? file)
    {
        var elements = Of(proto.DataType);
        var count = Count(proto);
        // Whole bytes; a count was checked to be far from overflowing.
        var needed = elements.Bits < 8 ? (count * elements.Bits + 7) / 8 : count * (elements.Bits / 8);
        long[] shape = [.. proto.Dims];
        if ((file is null ? ModelFile.Within(proto) : file.Bytes(proto)) is not { } place)
            return FromNumbers(proto, elements, count, shape);
        if (place.Length != needed)
            throw new InvalidDataException(
                $"the tensor '{proto.Name}' is {elements.Name} [{string.Join(", ", shape)}], which takes {needed} bytes, and the file has "
                    + $"{place.Length} for it");
        place.Stream.Position = place.Offset;
        if (elements.Widen is not null)
        {
            var bytes = new byte[needed];
            place.Stream.ReadExactly(bytes);
            return Made(elements, elements.Widen(bytes), count, shape);
        }
        var tensor = empty(shape, elements.Type, CPU);
        if (needed > 0)
        {
            LargePages.AdviseFor(tensor.bytes);
            place.Stream.ReadExactly(tensor.bytes);
        }
        return tensor;
    }

    /// <summary>How many elements a tensor has by its dimensions.</summary>
    private static long Count(TensorProto proto)
    {
        if (proto.Dims.Count > MostDimensions)
            throw new InvalidDataException(
                $"the tensor '{proto.Name}' has {proto.Dims.Count} dimensions, more than the {MostDimensions} that a tensor can have");
        var count = (UInt128)1;
        foreach (var size in proto.Dims)
            if (size is < 0 or > int.MaxValue || (count *= (UInt128)size) > long.MaxValue / 16)
                throw new InvalidDataException(
                    $"the tensor '{proto.Name}' has the shape [{string.Join(", ", proto.Dims)}], which no tensor can have");
        return (long)count;
    }

    /// <summary>Elements as numbers in fields of the message, by type; smaller integers and the bits of halves are in the field of
    /// <c>int32</c>.</summary>
    private static Tensor FromNumbers(TensorProto proto, Elements elements, long count, long[] shape)
    {
        var numbers = proto.DataType switch
        {
            1 => proto.FloatData.ToArray(),
            6 => proto.Int32Data.ToArray(),
            7 => proto.Int64Data.ToArray(),
            11 => proto.DoubleData.ToArray(),
            12 or 13 => proto.Uint64Data.Select(number => (long)number).ToArray(),
            14 => proto.FloatData.ToArray(),
            15 => proto.DoubleData.ToArray(),
            4 => proto.Int32Data.ToArray(),
            2 => proto.Int32Data.Select(number => (byte)number).ToArray(),
            3 => proto.Int32Data.Select(number => (sbyte)number).ToArray(),
            5 => proto.Int32Data.Select(number => (short)number).ToArray(),
            9 => proto.Int32Data.Select(number => number != 0).ToArray(),
            10 or 16 => proto.Int32Data.Select(number => (ushort)number).ToArray(),
            _ => elements.Widen!([.. proto.Int32Data.Select(number => (byte)number)]),
        };
        return Made(elements, (Array)numbers, proto.DataType is 14 or 15 ? 2 * count : count, shape, proto.Name,
            proto.DataType is 21 or 22);
    }

    private static Tensor Made(Elements elements, Array numbers, long count, long[] shape, string name = "", bool mayBeLonger = true)
    {
        if (numbers.LongLength < count || (!mayBeLonger && numbers.LongLength > count))
            throw new InvalidDataException(
                $"the tensor '{name}' is {elements.Name} [{string.Join(", ", shape)}], which are {count} numbers, and the file has "
                    + $"{numbers.LongLength}");
        var tensor = empty(shape, elements.Type, CPU);
        if (count > 0)
            MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(numbers),
                Buffer.ByteLength(numbers))[..tensor.bytes.Length].CopyTo(tensor.bytes);
        return tensor;
    }

    private static T[] Cast<T>(byte[] bytes) where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes).ToArray();

    /// <summary>Two four-bit integers a byte, the lower first.</summary>
    private static T[] Nibbles<T>(byte[] bytes, Func<byte, T> of)
        => [.. bytes.SelectMany(pair => new[] { of((byte)(pair & 15)), of((byte)(pair >> 4)) })];
}
