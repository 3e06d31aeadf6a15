using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>The scale of whole numbers of eight bits: <c>(step - ZeroPoint) * Scale</c>.</summary>
/// <param name="Scale">The distance between two steps.</param>
/// <param name="ZeroPoint">The step that stands for 0.</param>
/// <param name="Type">The type that holds a step: <c>Byte</c> or <c>Int8</c>; all its values are steps.</param>
internal sealed record Int8Steps(double Scale, long ZeroPoint, ScalarType Type)
{
    private static readonly MethodInfo Dequantize = typeof(quantized_decomposed).GetMethod(
        nameof(quantized_decomposed.dequantize_per_tensor), [typeof(Tensor), typeof(double), typeof(long)])!;

    internal long Lowest => Type == ScalarType.Byte ? 0 : -128;

    internal long Highest => Lowest + 255;

    /// <summary>
    /// The steps that a node makes of numbers; null for any other node, and for one that uses a part of its type's range.
    /// </summary>
    internal static Int8Steps? MadeBy(Node node)
        => Is(node, nameof(quantized_decomposed.quantize_per_tensor))
            && node.args is [NodeArgument, Literal { Value: double scale }, Literal { Value: long zero }, Literal { Value: long low },
                Literal { Value: long high }, Literal { Value: ScalarType type }]
        && (type, low, high) is (ScalarType.Byte, 0, 255) or (ScalarType.Int8, -128, 127) ? new(scale, zero, type) : null;

    /// <summary>The steps of a type that a node makes numbers of; null for any other node.</summary>
    internal static Int8Steps? ReadBy(Node node, ScalarType type)
        => Is(node, nameof(quantized_decomposed.dequantize_per_tensor))
            && node.args is [NodeArgument, Literal { Value: double scale }, Literal { Value: long zero }] ? new(scale, zero, type) : null;

    /// <summary>Whether a node is a function of <see cref="quantized_decomposed"/>.</summary>
    internal static bool Is(Node node, string function)
        => node.target is FunctionTarget { Method.DeclaringType: var type } && type == typeof(quantized_decomposed)
            && node.target.name == function;

    /// <summary>The numbers that steps stand for.</summary>
    internal Tensor Numbers(Tensor steps) => quantized_decomposed.dequantize_per_tensor(steps, Scale, ZeroPoint);

    /// <summary>A node of the numbers that a node's steps stand for, right after it.</summary>
    internal Node Numbers(Node steps)
    {
        using var here = steps.graph.inserting_after(steps);
        return steps.graph.call_function(Dequantize, steps, Scale, ZeroPoint);
    }

    /// <summary>The steps nearest to numbers.</summary>
    internal Tensor Of(Tensor numbers) => quantized_decomposed.quantize_per_tensor(numbers, Scale, ZeroPoint, Lowest, Highest, Type);

    /// <summary>The number that a step stands for.</summary>
    internal float Number(long step) => (float)((step - ZeroPoint) * Scale);
}
