using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Quantised tensors and operators: these take numbers back to floats, compute, and round again.</summary>
internal static class Quantization
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("QuantizeLinear", node => Quantized(node, node[0], 1, 2, Axis(node)));
        table.Add("DequantizeLinear", node => Dequantized(node, 0, 1, 2, Axis(node)));
        table.AddAll("DynamicQuantizeLinear", Dynamic);
        table.Add("QLinearMatMul", node =>
        {
            var (a, b) = (Dequantized(node, 0, 1, 2, -2), Dequantized(node, 3, 4, 5, -1));
            var product = node.Make((Tensor x, Tensor y) => x.matmul(y), ScalarType.Float32, Products.Product(a.Shape, b.Shape),
                node.Writer.Tensor(a), node.Writer.Tensor(b));
            return Quantized(node, product, 6, 7, -2);
        });
        table.Add("QLinearConv", node =>
        {
            var (x, w) = (Dequantized(node, 0, 1, 2, 1), Dequantized(node, 3, 4, 5, 0));
            Value? bias = node.Optional(8) is null ? null
                : node.Make((Tensor b, Tensor xs, Tensor ws) => b.mul(xs.mul(ws)), ScalarType.Float32, node.Shape(8), node.Tensor(8),
                node.Tensor(1), node.Tensor(4));
            return Quantized(node, Layers.Convolution(node.With(node.Writer, [x, w, bias])), 6, 7, 1);
        });
        table.Add("ConvInteger", node => Integer(node, other => Layers.Convolution(other)));
        table.Add("MatMulInteger", node => Integer(node, other => other.Make((Tensor a, Tensor b) => a.matmul(b), ScalarType.Float64,
            Products.Product(other.Shape(), other.Shape(1)), other.Tensor(), other.Tensor(1))));
    }

    private static int Axis(OnnxNode node)
    {
        node.Attributes.Ignore("saturate", "precision");
        if (node.Attributes.Int("block_size", 0) != 0)
            throw new NotSupportedException("scales of blocks are not known");
        return (int)node.Attributes.Int("axis", 1);
    }

    /// <summary>A scale or zero point for each place along an axis, with the dimensions behind that it takes to fit.</summary>
    private static Argument Along(OnnxNode node, Value value, Value like, int axis)
    {
        if (value.Rank is 0 || value.Count == 1 || like.Rank is not { } rank || value.Rank is null)
            return node.Writer.Tensor(value);
        var behind = rank - 1 - (axis < 0 ? axis + rank : axis);
        long[] places = [.. Enumerable.Repeat(-1L, value.Rank == 1 ? Math.Max(0, behind) : 0)];
        return places.Length == 0 ? node.Writer.Tensor(value)
            : node.Writer.Write((Tensor x) => Elementwise.Unsqueezed(x, places), node.Writer.Tensor(value));
    }

    private static Value Quantized(OnnxNode node, Value value, int scale, int zero, int axis)
    {
        var asked = node.Attributes.Int("output_dtype", 0);
        var type = node.Optional(zero)?.Type ?? (asked == 0 ? ScalarType.Byte : Elements.Of((int)asked).Type);
        var (low, high) = type switch
        {
            ScalarType.Byte => (0.0, 255.0),
            ScalarType.Int8 => (-128.0, 127.0),
            ScalarType.Int16 => (-32768.0, 32767.0),
            ScalarType.Int32 => (0.0, 65535.0),
            _ => throw new NotSupportedException($"numbers can't be quantised to {type}"),
        };
        if (type is ScalarType.Byte or ScalarType.Int8 && value.Type == ScalarType.Float32
            && Known(node, scale, zero) is var (known, zeroPoint))
            return node.Make((Tensor x) => quantized_decomposed.quantize_per_tensor(x, known, zeroPoint, (long)low, (long)high, type), type,
                value.Shape, node.Writer.Tensor(value));
        var by = Along(node, node[scale], value, axis);
        return node.Optional(zero) is null
            ? node.Make((Tensor x, Tensor s) => x.div(s).round().clamp(low, high).to(type), type, value.Shape, node.Writer.Tensor(value),
                by)
            : node.Make((Tensor x, Tensor s, Tensor z) => x.div(s).round().add(z.to(ScalarType.Float32)).clamp(low, high).to(type), type,
                value.Shape, node.Writer.Tensor(value), by, Along(node, node[zero], value, axis));
    }

    private static TensorValue Dequantized(OnnxNode node, int value, int scale, int zero, int axis)
    {
        var type = node.Type(scale);
        if (type == ScalarType.Float32 && Known(node, scale, zero) is var (known, zeroPoint))
            return node.Make((Tensor x) => quantized_decomposed.dequantize_per_tensor(x, known, zeroPoint), type, node.Shape(value),
                node.Tensor(value));
        if (type == ScalarType.Float32 && node.Constant(scale) is { } scales && scales.dim() == 1 && node.Optional(zero) is ConstantValue)
            return node.Make((Tensor x, Tensor s, Tensor z) => quantized_decomposed.dequantize_per_channel(x, s, z, axis), type,
                node.Shape(value), node.Tensor(value), node.Tensor(scale), node.Tensor(zero));
        var by = Along(node, node[scale], node[value], axis);
        return node.Optional(zero) is null
            ? node.Make((Tensor x, Tensor s) => x.to(type).mul(s), type, node.Shape(value), node.Tensor(value), by)
            : node.Make((Tensor x, Tensor s, Tensor z) => x.to(type).sub(z.to(type)).mul(s), type, node.Shape(value), node.Tensor(value),
                by, Along(node, node[zero], node[value], axis));
    }

    /// <summary>One scale and zero point that the file has; null where they are computed, or there are several.</summary>
    private static (double Scale, long ZeroPoint)? Known(OnnxNode node, int scale, int zero)
        => node.Scalar(scale) is { } by && (node.Optional(zero) is null ? 0 : node.Scalar(zero)) is { } point ? (by, (long)point) : null;

    private static Value[] Dynamic(OnnxNode node) =>
        node.MakeAll((Tensor x) => Dynamic(x), [(ScalarType.Byte, node.Shape()), (ScalarType.Float32, []), (ScalarType.Byte, [])],
        node.Tensor());

    private static Tensor[] Dynamic(Tensor x)
    {
        var (low, high) = (x.min().clamp(max: 0), x.max().clamp(min: 0));
        var scale = high.sub(low).div(255);
        var zero = low.neg().div(scale).clamp(0, 255).round();
        return [x.div(scale).round().add(zero).clamp(0, 255).to(ScalarType.Byte), scale, zero.to(ScalarType.Byte)];
    }

    /// <summary>Doubles hold every sum of such products exactly.</summary>
    private static TensorValue Integer(OnnxNode node, Func<OnnxNode, Value> compute)
    {
        Value[] inputs = [Shifted(node, 0, 2, -2), Shifted(node, 1, 3, node.Attributes.Has("kernel_shape") || node.Attributes.Has("pads")
            ? 0 : -1)];
        var result = compute(node.With(node.Writer, [.. inputs]));
        return node.Make((Tensor x) => x.to(ScalarType.Int32), ScalarType.Int32, result.Shape, node.Writer.Tensor(result));
    }

    private static TensorValue Shifted(OnnxNode node, int value, int zero, int axis) => node.Optional(zero) is null
        ? node.Make((Tensor x) => x.to(ScalarType.Float64), ScalarType.Float64, node.Shape(value), node.Tensor(value))
        : node.Make((Tensor x, Tensor z) => x.to(ScalarType.Float64).sub(z.to(ScalarType.Float64)), ScalarType.Float64, node.Shape(value),
            node.Tensor(value), Along(node, node[zero], node[value], axis));
}
