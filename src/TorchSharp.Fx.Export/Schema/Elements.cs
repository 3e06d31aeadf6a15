using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>The format's numbers for types of elements, layouts and memory formats: <c>torch/_export/serde/schema.py</c>.</summary>
internal static class Elements
{
    private static readonly (int Number, ScalarType Type)[] Types =
    [
        (1, ScalarType.Byte), (2, ScalarType.Int8), (3, ScalarType.Int16), (4, ScalarType.Int32), (5, ScalarType.Int64),
            (6, ScalarType.Float16), (7, ScalarType.Float32),
        (8, ScalarType.Float64), (10, ScalarType.ComplexFloat32), (11, ScalarType.ComplexFloat64), (12, ScalarType.Bool),
            (13, ScalarType.BFloat16),
    ];

    /// <summary>The number of the usual layout, <c>torch.strided</c>.</summary>
    internal const int Strided = 7;

    /// <summary>The type of elements that a number stands for.</summary>
    internal static ScalarType Type(int number)
        => Array.Find(Types, type => type.Number == number) is { Number: > 0 } found ? found.Type
            : throw new JsonException($"There is no type of elements {number}.");

    /// <summary>The number of a type of elements.</summary>
    internal static int Number(ScalarType type)
        => Array.Find(Types, entry => entry.Type == type) is { Number: > 0 } found ? found.Number
            : throw new NotSupportedException($"a file of PyTorch can't have elements of type {type}");

    internal static bool IsStrided(int layout) => layout is Strided or 0;

    /// <summary>Whether a memory format asks for nothing: as it is, or row by row.</summary>
    internal static bool IsPlain(int format) => format is 0 or 1 or 4;
}
