using System.Collections.Frozen;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>ONNX's numbers for types of elements.</summary>
internal static class DataTypes
{
    private static readonly FrozenDictionary<ScalarType, int> Numbers = new Dictionary<ScalarType, int>
    {
        [ScalarType.Float32] = 1, [ScalarType.Byte] = 2, [ScalarType.Int8] = 3, [ScalarType.Int16] = 5, [ScalarType.Int32] = 6,
        [ScalarType.Int64] = 7, [ScalarType.Bool] = 9,
        [ScalarType.Float16] = 10, [ScalarType.Float64] = 11, [ScalarType.ComplexFloat32] = 14, [ScalarType.ComplexFloat64] = 15,
        [ScalarType.BFloat16] = 16,
    }.ToFrozenDictionary();

    /// <summary>The type that a C# number has there.</summary>
    internal static ScalarType OfNumber(Type type)
        => type == typeof(float) ? ScalarType.Float32 : type == typeof(double) ? ScalarType.Float64 : ScalarType.Int64;

    internal static int Of(ScalarType type)
        => Numbers.TryGetValue(type, out var number) ? number : throw new NotSupportedException($"ONNX has no type {type}");
}
