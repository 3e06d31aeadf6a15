using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Operators that quantise and dequantise with plain integer tensors; quantised graphs are made of them. Counterpart:
/// <c>torch.ops.quantized_decomposed</c>.
/// </summary>
public static partial class quantized_decomposed
{
    /// <summary>Rounds <c>input / scale + zero_point</c> to the nearest whole number, ties to even, and clamps it.</summary>
    /// <param name="input">A float32 tensor of any shape.</param>
    /// <param name="scale">The distance between two neighbouring quantised values.</param>
    /// <param name="zero_point">The quantised value that stands for 0.</param>
    /// <param name="quant_min">The lowest quantised value.</param>
    /// <param name="quant_max">The highest quantised value.</param>
    /// <param name="dtype">The result's type: <c>uint8</c>, <c>int8</c>, <c>int16</c> or <c>int32</c>.</param>
    /// <returns>The quantised values, in the shape of <paramref name="input"/>.</returns>
    public static Tensor quantize_per_tensor(Tensor input, double scale, long zero_point, long quant_min, long quant_max, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (IsFake(input))
            return empty_like(input, dtype);
        using var scope = NewDisposeScope();
        return input.detach().mul(1 / scale).round().add_(zero_point).clamp_(quant_min, quant_max).to(dtype).MoveToOuterDisposeScope();
    }

    /// <summary>The same with a computed scale and zero point, each a tensor of one element.</summary>
    /// <inheritdoc cref="quantize_per_tensor(Tensor, double, long, long, long, ScalarType)"/>
    public static Tensor quantize_per_tensor(
        Tensor input, Tensor scale, Tensor zero_point, long quant_min, long quant_max, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scale);
        if (IsFake(input))
            return empty_like(input, dtype);
        using var scope = NewDisposeScope();
        return input.mul(scale.reciprocal()).round().add_(zero_point).clamp_(quant_min, quant_max).to(dtype).MoveToOuterDisposeScope();
    }

    /// <summary><c>(input - zero_point) * scale</c></summary>
    /// <param name="input">Quantised values, a tensor of any shape.</param>
    /// <param name="scale">The distance between two neighbouring quantised values.</param>
    /// <param name="zero_point">The quantised value that stands for 0.</param>
    /// <returns>A float32 tensor of the shape of <paramref name="input"/>.</returns>
    public static Tensor dequantize_per_tensor(Tensor input, double scale, long zero_point)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        return input.to(ScalarType.Float32).sub_(zero_point).mul_(scale).MoveToOuterDisposeScope();
    }

    /// <summary>The same with a computed scale and zero point, each a tensor of one element.</summary>
    /// <inheritdoc cref="dequantize_per_tensor(Tensor, double, long)"/>
    public static Tensor dequantize_per_tensor(Tensor input, Tensor scale, Tensor zero_point)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        return input.to(ScalarType.Float32).sub_(zero_point).mul_(scale).MoveToOuterDisposeScope();
    }

    /// <summary>Quantises with a scale and zero point for each index along one dimension.</summary>
    /// <param name="input">A float32 tensor of any shape.</param>
    /// <param name="scales">The scale for each index along <paramref name="axis"/>, a vector.</param>
    /// <param name="zero_points">The zero point for each index along <paramref name="axis"/>, a vector.</param>
    /// <param name="axis">The dimension.</param>
    /// <param name="quant_min">The lowest quantised value.</param>
    /// <param name="quant_max">The highest quantised value.</param>
    /// <param name="dtype">The result's type: <c>uint8</c>, <c>int8</c>, <c>int16</c> or <c>int32</c>.</param>
    /// <returns>The quantised values, in the shape of <paramref name="input"/>.</returns>
    public static Tensor quantize_per_channel(
        Tensor input, Tensor scales, Tensor zero_points, long axis, long quant_min, long quant_max, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (IsFake(input))
            return empty_like(input, dtype);
        using var scope = NewDisposeScope();
        var steps = input.detach().mul(Along(scales, axis, input).reciprocal()).round().add_(Along(zero_points, axis, input));
        return steps.clamp_(quant_min, quant_max).to(dtype).MoveToOuterDisposeScope();
    }

    /// <summary><c>(input - zero_points) * scales</c> along one dimension.</summary>
    /// <param name="input">Quantised values, a tensor of any shape.</param>
    /// <param name="scales">The scale for each index along <paramref name="axis"/>, a vector.</param>
    /// <param name="zero_points">The zero point for each index along <paramref name="axis"/>, a vector.</param>
    /// <param name="axis">The dimension.</param>
    /// <returns>A float32 tensor of the shape of <paramref name="input"/>.</returns>
    public static Tensor dequantize_per_channel(Tensor input, Tensor scales, Tensor zero_points, long axis)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var shifted = input.to(ScalarType.Float32).sub_(Along(zero_points, axis, input));
        return shifted.mul_(Along(scales, axis, input)).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the scale and zero point that cover the range of an input.</summary>
    /// <param name="input">A float32 tensor of any shape.</param>
    /// <param name="quant_min">The lowest quantised value.</param>
    /// <param name="quant_max">The highest quantised value.</param>
    /// <param name="eps">The smallest scale.</param>
    /// <returns>Two tensors of one element: the scale as float32, the zero point as int64.</returns>
    public static Tensor[] choose_qparams(Tensor input, long quant_min, long quant_max, double eps)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (IsFake(input))
            return [empty([], ScalarType.Float32, META), empty([], ScalarType.Int64, META)];
        using var scope = NewDisposeScope();
        var (low, high) = (input.min().clamp_(max: 0), input.max().clamp_(min: 0));
        var scale = high.sub(low).div_(quant_max - quant_min).clamp_(min: eps);
        var zero = low.div(scale).round().neg_().add_(quant_min).clamp_(quant_min, quant_max).to(ScalarType.Int64);
        return [scale.MoveToOuterDisposeScope(), zero.MoveToOuterDisposeScope()];
    }

    /// <summary>Whether a tensor has no content: libtorch then never comes back from rounding.</summary>
    private static bool IsFake(Tensor tensor) => tensor.device_type == DeviceType.META;

    /// <summary>A number for each place along a dimension, in a shape that goes with a tensor.</summary>
    internal static Tensor Along(Tensor places, long axis, Tensor like)
    {
        var shape = Enumerable.Repeat(1L, (int)like.dim()).ToArray();
        shape[axis < 0 ? axis + like.dim() : axis] = -1;
        return places.reshape(shape);
    }
}
