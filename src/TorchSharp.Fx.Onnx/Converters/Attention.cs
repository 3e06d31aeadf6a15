using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Attention, by what it is defined as: the opset has no operation of its own for it.</summary>
internal static class Attention
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table) => table["scaled_dot_product_attention"] = ScaledDotProduct;

    /// <summary><c>softmax(q · kᵀ / √d + mask) · v</c></summary>
    private static string ScaledDotProduct(Step step)
    {
        if (step.Double("p", 0) > 0)
            throw new NotSupportedException("its dropout draws at random");
        var order = Enumerable.Range(0, step.Rank - 2).Append(step.Rank - 1).Append(step.Rank - 2).Select(axis => (long)axis);
        var scores = step.Add("MatMul", [step.Value(0), step.Add("Transpose", [step.Value(1)], OnnxGraph.Attribute("perm", order))]);
        scores = Masked(step, step.Add("Div", [scores, step.Scalar(Math.Sqrt(step.Input.Shape[^1]))]));
        return step.Add("MatMul", [step.Add("Softmax", [scores], OnnxGraph.Attribute("axis", -1)), step.Value(2)]);
    }

    /// <summary>A mask of numbers is added, one of bools says what may be looked at, a causal one lets nobody look ahead.</summary>
    private static string Masked(Step step, string scores)
    {
        if (step.Flag("is_casual"))
            return step.Add("Where", [Causal(step), scores, step.Scalar(double.NegativeInfinity)]);
        if (step.Facts(3) is not { } mask)
            return scores;
        return mask.Type == ScalarType.Bool
            ? step.Add("Where", [step.Value(3), scores, step.Scalar(double.NegativeInfinity)])
                : step.Add("Add", [scores, step.Value(3, step.Output.Type)]);
    }

    private static string Causal(Step step)
    {
        var all = step.Add("Expand",
            [step.Graph.Scalar(1, ScalarType.Float32), step.Graph.Sizes([step.ShapeAt(step.Rank - 2), step.ShapeAt(step.Rank - 2, 1)])]);
        return step.Graph.Cast(step.Add("Trilu", [all], OnnxGraph.Attribute("upper", 0)), ScalarType.Float32, ScalarType.Bool);
    }
}
