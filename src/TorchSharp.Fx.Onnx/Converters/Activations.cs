namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Activation functions, and what does nothing when a model is not trained.</summary>
internal static class Activations
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (name, op) in new[] { ("relu", "Relu"), ("softsign", "Softsign"), ("hardswish", "HardSwish"), ("selu", "Selu") })
            table[name] = step => step.Add(op, [step.Value(0)]);
        table["relu6"] = step => Between(step, 0, 6);
        table["silu"] = step => step.Add("Mul", [step.Value(0), step.Add("Sigmoid", [step.Value(0)])]);
        table["mish"] = step => step.Add("Mul", [step.Value(0), step.Add("Tanh", [step.Add("Softplus", [step.Value(0)])])]);
        table["hardsigmoid"] = step =>
            step.Add("HardSigmoid", [step.Value(0)], OnnxGraph.Attribute("alpha", 1 / 6.0), OnnxGraph.Attribute("beta", 0.5));
        table["leakyrelu"] = table["leaky_relu"] = step =>
            step.Add("LeakyRelu", [step.Value(0)], OnnxGraph.Attribute("alpha", step.Double("negative_slope", 0.01)));
        table["prelu"] = PRelu;
        table["elu"] = step => step.Add("Elu", [step.Value(0)], OnnxGraph.Attribute("alpha", step.Double("alpha", 1)));
        table["celu"] = step => step.Add("Celu", [step.Value(0)], OnnxGraph.Attribute("alpha", step.Double("alpha", 1)));
        table["glu"] = Glu;
        table["gelu"] = Gelu;
        table["softplus"] = Softplus;
        table["logsigmoid"] = table["log_sigmoid"] = step => step.Add("Neg", [step.Add("Softplus", [step.Add("Neg", [step.Value(0)])])]);
        table["tanhshrink"] = step => step.Add("Sub", [step.Value(0), step.Add("Tanh", [step.Value(0)])]);
        table["softshrink"] = step =>
            step.Add("Shrink", [step.Value(0)], OnnxGraph.Attribute("lambd", step.Double("lambda", 0.5)),
                OnnxGraph.Attribute("bias", step.Double("lambda", 0.5)));
        table["hardshrink"] = step =>
            step.Add("Shrink", [step.Value(0)], OnnxGraph.Attribute("lambd", step.Double("lambda", 0.5)), OnnxGraph.Attribute("bias", 0.0));
        table["threshold"] = step =>
            step.Add("Where",
                [step.Add("Greater", [step.Value(0), step.Scalar(step.Double("threshold", 0))]), step.Value(0),
                    step.Scalar(step.Double("value", 0))]);
        table["softmax"] = step =>
            step.Add("Softmax", [step.Value(0, step.Output.Type)], OnnxGraph.Attribute("axis", step.Long("dim", -1)));
        table["log_softmax"] = table["logsoftmax"] = step =>
            step.Add("LogSoftmax", [step.Value(0, step.Output.Type)], OnnxGraph.Attribute("axis", step.Long("dim", -1)));
        table["softmin"] = step =>
            step.Add("Softmax", [step.Add("Neg", [step.Value(0)])], OnnxGraph.Attribute("axis", step.Long("dim", -1)));
        table["softmax2d"] = step => step.Add("Softmax", [step.Value(0)], OnnxGraph.Attribute("axis", -3));
        foreach (var name in new[] { "dropout", "dropout1d", "dropout2d", "dropout3d", "alphadropout", "alpha_dropout",
            "featurealphadropout", "feature_alpha_dropout" })
            table[name] = Dropout;
        foreach (var name in new[] { "identity", "contiguous", "alias", "detach", "positive" })
            table[name] = step => step.Value(0);
        // A value of its own: what is written to the one in place doesn't show in the other.
        table["clone"] = step => step.Add("Identity", [step.Value(0)]);
    }

    private static string Between(Step step, double min, double max)
        => step.Add("Clip", [step.Value(0), step.Scalar(min), step.Scalar(max)]);

    /// <summary>
    /// <c>x/2 · (1 + erf(x/√2))</c>, which runtimes fuse, for an operation of its own is younger than the opset; or its approximation by
    /// <c>tanh</c>.
    /// </summary>
    private static string Gelu(Step step)
    {
        var (x, approximate) = (step.Value(0), step.Setting("approximate")?.ToString() is "tanh");
        var curve = approximate
            ? step.Add("Tanh",
                [step.Add("Mul",
                    [step.Add("Add", [x, step.Add("Mul", [step.Add("Pow", [x, step.Scalar(3)]), step.Scalar(0.044715)])]),
                        step.Scalar(Math.Sqrt(2 / Math.PI))])])
            : step.Add("Erf", [step.Add("Div", [x, step.Scalar(Math.Sqrt(2))])]);
        return step.Add("Mul", [step.Add("Mul", [x, step.Add("Add", [curve, step.Scalar(1)])]), step.Scalar(0.5)]);
    }

    /// <summary>Beyond the threshold it is the identity, which at 20 makes no difference.</summary>
    private static string Softplus(Step step)
    {
        var (value, beta, threshold) = (step.Value(0), step.Double("beta", 1), step.Double("threshold", 20));
        var scaled = beta == 1 ? value : step.Add("Mul", [value, step.Scalar(beta)]);
        var soft = step.Add("Softplus", [scaled]);
        soft = beta == 1 ? soft : step.Add("Div", [soft, step.Scalar(beta)]);
        return threshold >= 20 ? soft : step.Add("Where", [step.Add("Greater", [scaled, step.Scalar(threshold)]), value, soft]);
    }

    /// <summary>A slope for each channel stands at dimension 1.</summary>
    private static string PRelu(Step step)
    {
        var slope = step.Tensor("weight") ?? step.Value(1);
        return step.Add("PRelu",
            [step.Value(0), step.Rank <= 2
                ? slope : step.Add("Reshape", [slope, step.Graph.Integers([-1, .. Enumerable.Repeat(1L, step.Rank - 2)])])]);
    }

    private static string Glu(Step step)
    {
        var axis = step.Dimension(step.Long("dim", -1));
        var halves = step.Graph.Add("Split", step.Name, [step.Value(0)], 2, [OnnxGraph.Attribute("axis", axis)]);
        return step.Add("Mul", [halves[0], step.Add("Sigmoid", [halves[1]])]);
    }

    private static string Dropout(Step step)
    {
        if (step.Double("p", 0.5) > 0 && (step.Module?.training ?? step.Flag("training")))
            throw new NotSupportedException(
                "it draws at random in training mode; call eval() on the model, and on layers that the model has but doesn't register");
        step.Ignore("training");
        return step.Value(0);
    }
}
