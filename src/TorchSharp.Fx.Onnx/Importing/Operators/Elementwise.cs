using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Arithmetic and functions of each element alone.</summary>
internal static class Elementwise
{
    internal static void AddTo(OperatorTable table)
    {
        Functions(table);
        Binary(table, "Add", (a, b) => a.add(b), (a, b) => a.add(b));
        Binary(table, "Sub", (a, b) => a.sub(b), (a, b) => a.sub(b));
        Binary(table, "Mul", (a, b) => a.mul(b), (a, b) => a.mul(b));
        table.Add("Div", node => node[0].IsInteger
            ? Binary(node, (a, b) => a.div(b, RoundingMode.trunc), (a, b) => a.div(b, RoundingMode.trunc))
            : Binary(node, (a, b) => a.div(b), (a, b) => a.div(b)));
        table.Add("Mod", node => node.Attributes.Flag("fmod")
            ? Binary(node, (a, b) => a.fmod(b), (a, b) => a.fmod(b))
            : Binary(node, (a, b) => a.remainder(b), (a, b) => a.remainder(b)));
        table.Add("Pow", Power);
        table.Add("BitwiseAnd", node => Binary(node, (a, b) => a.bitwise_and(b)));
        table.Add("BitwiseOr", node => Binary(node, (a, b) => a.bitwise_or(b)));
        table.Add("BitwiseXor", node => Binary(node, (a, b) => a.bitwise_xor(b)));
        table.Add("BitShift", node => node.Attributes.Text("direction", "") == "LEFT"
            ? Binary(node, (a, b) => bitwise_left_shift(a, b))
            : Binary(node, (a, b) => bitwise_right_shift(a, b)));
        table.Add("Max", node => Many(node, (a, b) => a.maximum(b)));
        table.Add("Min", node => Many(node, (a, b) => a.minimum(b)));
        table.Add("Sum", node => Many(node, (a, b) => a.add(b)));
        table.Add("Mean", node => Many(node, (a, b) => a.add(b)) is TensorValue sum && node.Inputs.Length is var count && count > 1
            ? sum with { Node = ((TensorValue)node.Make((Tensor x) => x.div(count), sum.Type, sum.Shape, sum.Node)).Node }
            : node[0]);
    }

    private static void Functions(OperatorTable table)
    {
        Unary(table, "Abs", x => x.abs());
        Unary(table, "Neg", x => x.neg());
        Unary(table, "Sign", x => x.sign());
        Unary(table, "Floor", x => x.floor());
        Unary(table, "Ceil", x => x.ceil());
        Unary(table, "Round", x => x.round());
        Unary(table, "Sqrt", x => x.sqrt());
        Unary(table, "Exp", x => x.exp());
        Unary(table, "Log", x => x.log());
        Unary(table, "Reciprocal", x => x.reciprocal());
        Unary(table, "Erf", x => x.erf());
        Unary(table, "Sin", x => x.sin());
        Unary(table, "Cos", x => x.cos());
        Unary(table, "Tan", x => x.tan());
        Unary(table, "Asin", x => x.asin());
        Unary(table, "Acos", x => x.acos());
        Unary(table, "Atan", x => x.atan());
        Unary(table, "Sinh", x => x.sinh());
        Unary(table, "Cosh", x => x.cosh());
        Unary(table, "Asinh", x => x.asinh());
        Unary(table, "Acosh", x => x.acosh());
        Unary(table, "Atanh", x => x.atanh());
        Unary(table, "BitwiseNot", x => x.bitwise_not());
        table.Add("Identity", node => node[0]);
    }

    internal static void Unary(OperatorTable table, string name, Func<Tensor, Tensor> function) =>
        table.Add(name, node => node.Alike(function, node.Tensor()));

    private static void Binary(OperatorTable table, string name, Func<Tensor, Tensor, Tensor> function, Func<Tensor, Scalar,
        Tensor> ofNumber)
        => table.Add(name, node => Binary(node, function, ofNumber));

    /// <summary>An operation on two tensors, the second a number where the file has one.</summary>
    /// <param name="node">The node.</param>
    /// <param name="function">The operation.</param>
    /// <param name="ofNumber">The same with a number.</param>
    /// <param name="type">The type of the result; the first input's when null.</param>
    internal static TensorValue Binary(OnnxNode node, Func<Tensor, Tensor, Tensor> function, Func<Tensor, Scalar,
        Tensor>? ofNumber = null, ScalarType? type = null)
    {
        var result = type ?? node.Type();
        node.Attributes.Ignore("broadcast");
        if (ofNumber is not null && Number(node) is { } number)
            return node.Make(ofNumber, result, node.Shape(), node.Tensor(), number);
        var second = Aligned(node);
        return node.Make(function, result, Sizes.Broadcast(node.Shape(), second.Shape), node.Tensor(), node.Writer.Tensor(second));
    }

    /// <summary>The second input as a number, where it is a constant that adds no dimension.</summary>
    private static Literal? Number(OnnxNode node)
    {
        node.Attributes.Ignore("axis");
        if (node[0] is ConstantValue || node.Scalar(1) is not { } number || !(node[1].Rank == 0 || node[1].Rank <= node[0].Rank))
            return null;
        if (!node[1].IsInteger)
            return GraphWriter.IsFloat(node.Type(1)) ? new Literal(number) : null;
        return new Literal(node.KnownNumbers(1)[0]);
    }

    /// <summary>The second input, with dimensions behind it where an old file says at which axis of the first it lies.</summary>
    private static Value Aligned(OnnxNode node)
    {
        if (!node.Attributes.Has("axis") || node.Version >= 7)
            return node[1];
        var axis = (int)node.Attributes.Int("axis");
        var missing = node.Rank() - (axis < 0 ? axis + node.Rank() : axis) - node.Rank(1);
        long[] places = [.. Enumerable.Repeat(-1L, Math.Max(0, missing))];
        return missing <= 0 ? node[1] : node.Make((Tensor x) => Unsqueezed(x, places), node.Type(1),
            [.. node.Shape(1)!, .. Enumerable.Repeat((long?)1, missing)], node.Tensor(1));
    }

    internal static Tensor Unsqueezed(Tensor x, long[] axes)
    {
        foreach (var axis in axes)
            x = x.unsqueeze(axis);
        return x;
    }

    /// <summary>The result has the base's type; of a base of integers the power is computed in floats where the exponent has a
    /// fraction.</summary>
    private static TensorValue Power(OnnxNode node)
    {
        var type = node.Type();
        return node[0].IsInteger && !node[1].IsInteger
            ? Binary(node, (a, b) => a.to(ScalarType.Float64).pow(b).to(type))
            : node[1].IsInteger && !node[0].IsInteger ? Binary(node, (a, b) => a.pow(b.to(type)), (a, b) => a.pow(b))
            : node.Type(1) == type ? Binary(node, (a, b) => a.pow(b), (a, b) => a.pow(b))
            : Binary(node, (a, b) => a.pow(b).to(type));
    }

    private static Value Many(OnnxNode node, Func<Tensor, Tensor, Tensor> function)
    {
        var result = node[0];
        for (var i = 1; i < node.Inputs.Length; i++)
            result = node.Make(function, node.Type(), Sizes.Broadcast(result.Shape, node.Shape(i)), node.Writer.Tensor(result),
                node.Tensor(i));
        return result;
    }
}
