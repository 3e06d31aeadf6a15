using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>An element type: safetensors' code for it, TorchSharp's, and its size in bytes.</summary>
internal sealed record SafetensorsType(string code, ScalarType dtype, int size);

internal static class SafetensorsTypes
{
    /// <summary>In the order in which the original writer places tensors: widest first.</summary>
    public static readonly SafetensorsType[] All =
    [
        new("I64", ScalarType.Int64, 8),
        new("F64", ScalarType.Float64, 8),
        new("C64", ScalarType.ComplexFloat32, 8),
        new("F32", ScalarType.Float32, 4),
        new("I32", ScalarType.Int32, 4),
        new("BF16", ScalarType.BFloat16, 2),
        new("F16", ScalarType.Float16, 2),
        new("I16", ScalarType.Int16, 2),
        new("I8", ScalarType.Int8, 1),
        new("U8", ScalarType.Byte, 1),
        new("BOOL", ScalarType.Bool, 1),
    ];
}
