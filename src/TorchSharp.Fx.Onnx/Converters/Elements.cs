namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Operations on elements.</summary>
internal static class Elements
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (name, op) in new[] { ("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("truediv", "Div"), ("div", "Div"), ("pow", "Pow"), ("maximum", "Max"), ("minimum", "Min") })
            table[name] = step => Binary(step, op);
        foreach (var (name, op) in new[] { ("neg", "Neg"), ("exp", "Exp"), ("log", "Log"), ("sqrt", "Sqrt"), ("abs", "Abs"), ("sin", "Sin"), ("cos", "Cos"), ("floor", "Floor"), ("ceil", "Ceil"), ("reciprocal", "Reciprocal") })
            table[name] = step => step.Add(op, [step.Value(0)]);
        table["rsqrt"] = step => step.Add("Reciprocal", [step.Add("Sqrt", [step.Value(0)])]);
        table["clamp"] = step => step.Add("Clip", [step.Value(0), step.Node.args[1] is Literal { Value: null } ? "" : step.Value(1), step.Count < 3 || step.Node.args[2] is Literal { Value: null } ? "" : step.Value(2)]);
        foreach (var name in new[] { "matmul", "bmm" })
            table[name] = step => step.Add("MatMul", [step.Value(0), step.Value(1)]);
        table["linear"] = Linear;
        table["einsum"] = step => step.Add("Einsum", step.Values(1), OnnxGraph.Attribute("equation", (string)step.Setting("equation")!));
    }

    /// <summary><c>alpha</c> scales the second operand of <c>add</c> and <c>sub</c>.</summary>
    private static string Binary(Step step, string op)
    {
        var type = step.Output.Type;
        var right = step.Value(1, type);
        if (step.Setting("alpha") is { } alpha)
            right = step.Add("Mul", [right, step.Graph.Scalar(Convert.ToDouble(alpha, System.Globalization.CultureInfo.InvariantCulture), type)]);
        return step.Add(op, [step.Value(0, type), right]);
    }

    private static string Linear(Step step)
    {
        var weight = step.Tensor("weight", "weights")!;
        var product = step.Add("MatMul", [step.Value(0), step.Add("Transpose", [weight], OnnxGraph.Attribute("perm", [1, 0]))]);
        return step.Tensor("bias") is { } bias ? step.Add("Add", [product, bias]) : product;
    }
}
