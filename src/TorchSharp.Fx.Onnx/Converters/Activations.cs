namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Activation functions, and what does nothing when a model is not trained.</summary>
internal static class Activations
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (name, op) in new[] { ("relu", "Relu"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("softplus", "Softplus"), ("softsign", "Softsign"), ("erf", "Erf"), ("hardswish", "HardSwish") })
            table[name] = step => step.Add(op, [step.Value(0)]);
        table["relu6"] = step => step.Add("Clip", [step.Value(0), step.Graph.Scalar(0, step.Input.Type), step.Graph.Scalar(6, step.Input.Type)]);
        table["silu"] = step => step.Add("Mul", [step.Value(0), step.Add("Sigmoid", [step.Value(0)])]);
        table["hardsigmoid"] = step => step.Add("HardSigmoid", [step.Value(0)], OnnxGraph.Attribute("alpha", 1 / 6.0), OnnxGraph.Attribute("beta", 0.5));
        table["leakyrelu"] = table["leaky_relu"] = step => step.Add("LeakyRelu", [step.Value(0)], OnnxGraph.Attribute("alpha", step.Double("negative_slope", 0.01)));
        table["elu"] = step => step.Add("Elu", [step.Value(0)], OnnxGraph.Attribute("alpha", step.Double("alpha", 1)));
        table["softmax"] = step => step.Add("Softmax", [step.Value(0)], OnnxGraph.Attribute("axis", step.Long("dim", -1)));
        table["gelu"] = Gelu;
        foreach (var name in new[] { "dropout", "dropout1d", "dropout2d", "dropout3d" })
            table[name] = Dropout;
        foreach (var name in new[] { "identity", "contiguous", "alias", "detach" })
            table[name] = step => step.Value(0);
        // A value of its own: what is written to the one in place doesn't show in the other.
        table["clone"] = step => step.Add("Identity", [step.Value(0)]);
    }

    /// <summary><c>x/2 · (1 + erf(x/√2))</c>: an operation of its own is younger than the opset.</summary>
    private static string Gelu(Step step)
    {
        if (step.Setting("approximate")?.ToString() is { } approximate and not "none")
            throw new NotSupportedException($"its approximation by {approximate} is not supported");
        var (x, type) = (step.Value(0), step.Input.Type);
        var erf = step.Add("Erf", [step.Add("Div", [x, step.Graph.Scalar(Math.Sqrt(2), type)])]);
        var sum = step.Add("Add", [erf, step.Graph.Scalar(1, type)]);
        return step.Add("Mul", [step.Add("Mul", [x, sum]), step.Graph.Scalar(0.5, type)]);
    }

    private static string Dropout(Step step)
        => (step.Module?.training ?? step.Flag("training")) ? throw new NotSupportedException("it draws at random in training mode; export the model in evaluation mode") : step.Value(0);
}
