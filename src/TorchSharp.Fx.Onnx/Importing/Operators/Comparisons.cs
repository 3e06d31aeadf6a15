using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Operators that give bools, and choices by them.</summary>
internal static class Comparisons
{
    internal static void AddTo(OperatorTable table)
    {
        Compare(table, "Equal", (a, b) => a.eq(b), (a, b) => a.eq(b));
        Compare(table, "Less", (a, b) => a.lt(b), (a, b) => a.lt(b));
        Compare(table, "LessOrEqual", (a, b) => a.le(b), (a, b) => a.le(b));
        Compare(table, "Greater", (a, b) => a.gt(b), (a, b) => a.gt(b));
        Compare(table, "GreaterOrEqual", (a, b) => a.ge(b), (a, b) => a.ge(b));
        Compare(table, "And", (a, b) => a.logical_and(b));
        Compare(table, "Or", (a, b) => a.logical_or(b));
        Compare(table, "Xor", (a, b) => a.logical_xor(b));
        Elementwise.Unary(table, "Not", x => x.logical_not());
        table.Add("IsNaN", node => node.Make((Tensor x) => x.isnan(), ScalarType.Bool, node.Shape(), node.Tensor()));
        table.Add("IsInf", IsInfinite);
        table.Add("Where", node => node.Make(
            (Tensor condition, Tensor x, Tensor y) => where(condition, x, y), node.Type(1),
                Sizes.Broadcast(node.Shape(), node.Shape(1), node.Shape(2)), node.Tensor(), node.Tensor(1), node.Tensor(2)));
    }

    private static void Compare(OperatorTable table, string name, Func<Tensor, Tensor, Tensor> function, Func<Tensor, Scalar,
        Tensor>? ofNumber = null)
        => table.Add(name, node => Elementwise.Binary(node, function, ofNumber, ScalarType.Bool));

    private static TensorValue IsInfinite(OnnxNode node)
    {
        Func<Tensor, Tensor> function = (node.Attributes.Flag("detect_positive", true),
            node.Attributes.Flag("detect_negative", true)) switch
        {
            (true, true) => x => x.isinf(),
            (true, false) => x => isposinf(x),
            (false, true) => x => isneginf(x),
            _ => x => zeros_like(x, ScalarType.Bool),
        };
        return node.Make(function, ScalarType.Bool, node.Shape(), node.Tensor());
    }
}
