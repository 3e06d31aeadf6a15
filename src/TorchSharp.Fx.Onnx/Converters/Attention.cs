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
        if (step.Flag("is_casual"))
            throw new NotSupportedException("its causal form is not supported; give a mask");
        if (step.Tensor("attn_mask") is not null && step.Facts(3)!.Type != step.Input.Type)
            throw new NotSupportedException($"its mask is not of type {step.Input.Type}");
        var order = Enumerable.Range(0, step.Rank - 2).Append(step.Rank - 1).Append(step.Rank - 2).Select(axis => (long)axis);
        var scores = step.Add("MatMul", [step.Value(0), step.Add("Transpose", [step.Value(1)], OnnxGraph.Attribute("perm", order))]);
        scores = step.Add("Div", [scores, step.Graph.Scalar(Math.Sqrt(step.Input.Shape[^1]), step.Input.Type)]);
        if (step.Tensor("attn_mask") is { } mask)
            scores = step.Add("Add", [scores, mask]);
        return step.Add("MatMul", [step.Add("Softmax", [scores], OnnxGraph.Attribute("axis", -1)), step.Value(2)]);
    }
}
