using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>A type of elements as PyTorch's files name it.</summary>
/// <param name="storage">The name of its typed storage.</param>
/// <param name="name">The dtype's name.</param>
/// <param name="dtype">TorchSharp's.</param>
/// <param name="size">An element's bytes.</param>
/// <param name="number">The bytes of one number of it: a complex element has two.</param>
internal sealed record ElementType(string storage, string name, ScalarType dtype, int size, int number)
{
    private static readonly ElementType[] all =
    [
        new("FloatStorage", "float32", ScalarType.Float32, 4, 4),
        new("DoubleStorage", "float64", ScalarType.Float64, 8, 8),
        new("HalfStorage", "float16", ScalarType.Float16, 2, 2),
        new("BFloat16Storage", "bfloat16", ScalarType.BFloat16, 2, 2),
        new("LongStorage", "int64", ScalarType.Int64, 8, 8),
        new("IntStorage", "int32", ScalarType.Int32, 4, 4),
        new("ShortStorage", "int16", ScalarType.Int16, 2, 2),
        new("CharStorage", "int8", ScalarType.Int8, 1, 1),
        new("ByteStorage", "uint8", ScalarType.Byte, 1, 1),
        new("BoolStorage", "bool", ScalarType.Bool, 1, 1),
        new("ComplexFloatStorage", "complex64", ScalarType.ComplexFloat32, 8, 4),
        new("ComplexDoubleStorage", "complex128", ScalarType.ComplexFloat64, 16, 8),
    ];

    /// <summary>The type of a storage; that of steps is the type that they are kept in.</summary>
    public static ElementType? OfStorage(string storage)
    {
        var kept = storage switch
        {
            "QInt8Storage" => "CharStorage",
            "QUInt8Storage" => "ByteStorage",
            "QInt32Storage" => "IntStorage",
            _ => storage,
        };
        return Array.Find(all, type => type.storage == kept);
    }

    public static ElementType? OfName(string name) => Array.Find(all, type => type.name == name);

    public static ElementType Of(ScalarType dtype) => Array.Find(all, type => type.dtype == dtype)!;

    /// <summary>Reverses the bytes of each number.</summary>
    public void Swap(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i += number) bytes.Slice(i, number).Reverse();
    }
}
