using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Tensors made of sizes and numbers.</summary>
internal static class Creation
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Constant", Constant);
        table.Add("ConstantOfShape", Filled);
        table.Add("Range", Range);
        table.Add("EyeLike", Eye);
    }

    private static ConstantValue Constant(OnnxNode node)
    {
        if (node.Attributes.Tensor("value") is { } proto)
            return node.Constants(proto);
        var made = node.Attributes.Has("value_float") ? tensor(node.Attributes.Float("value_float", 0))
            : node.Attributes.Has("value_int") ? tensor(node.Attributes.Int("value_int"))
            : node.Attributes.Floats("value_floats") is { Length: > 0 } floats ? tensor(floats)
            : node.Attributes.Ints("value_ints") is { Length: > 0 } numbers ? tensor(numbers)
            : throw new NotSupportedException("it has a value that is neither a tensor nor numbers");
        return new(new(node.Path, made));
    }

    private static TensorValue Filled(OnnxNode node)
    {
        var sizes = node.Numbers(0);
        var value = node.Attributes.Tensor("value") is { } proto ? node.Constants(proto).Weight.Tensor : tensor(0f);
        if (value.numel() != 1)
            throw new NotSupportedException($"its value has {value.numel()} elements, and one is needed");
        var type = value.dtype;
        var number = value.to(float64).item<double>();
        if (number == Math.Floor(number) && !GraphWriter.IsFloat(type))
        {
            var whole = value.to(int64).item<long>();
            return node.Make((long[] to) => full(to, whole, type), type, Sizes.Known(sizes), OnnxNode.List(sizes));
        }
        return node.Make((long[] to) => full(to, number, type), type, Sizes.Known(sizes), OnnxNode.List(sizes));
    }

    /// <summary>How many numbers it gives is known where all three are.</summary>
    private static TensorValue Range(OnnxNode node)
    {
        var type = node.Type();
        if (GraphWriter.IsFloat(type))
        {
            if (node.Scalar(0) is { } from && node.Scalar(1) is { } to && node.Scalar(2) is { } by)
                return node.Make((double start, double limit, double delta) => arange(start, limit, delta, type), type,
                    [(long)Math.Max(0, Math.Ceiling((to - from) / by))], from, to, by);
            return node.Make((Tensor start, Tensor limit, Tensor delta) =>
                arange(start.to(float64).item<double>(), limit.to(float64).item<double>(), delta.to(float64).item<double>(), type), type,
                [null],
                node.Tensor(), node.Tensor(1), node.Tensor(2));
        }
        var (first, end, step) = (node.Numbers(0)[0], node.Numbers(1)[0], node.Numbers(2)[0]);
        long? count = (first, end, step) is (Literal { Value: long a }, Literal { Value: long b },
            Literal { Value: long and not 0 and var c }) ? Math.Max(0, (b - a + (c > 0 ? c - 1 : c + 1)) / c) : null;
        return node.Make((long start, long limit, long delta) => arange(start, limit, delta, type), type, [count], first, end, step);
    }

    private static TensorValue Eye(OnnxNode node)
    {
        var type = node.Attributes.Has("dtype") ? Elements.Of((int)node.Attributes.Int("dtype")).Type : node.Type();
        var diagonal = node.Attributes.Int("k", 0);
        return node.Make((Tensor x) => ones_like(x, ScalarType.Float32).triu(diagonal).tril(diagonal).to(type), type, node.Shape(),
            node.Tensor());
    }
}
