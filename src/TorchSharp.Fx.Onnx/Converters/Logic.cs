using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Comparisons, tensors of bools, choices by them, and changes of type.</summary>
internal static class Logic
{
    private static readonly (string Names, string Op)[] Comparisons =
    [
        ("gt greater", "Greater"), ("ge greater_equal", "GreaterOrEqual"), ("lt less", "Less"), ("le less_equal", "LessOrEqual"),
        ("eq", "Equal"),
    ];

    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (names, op) in Comparisons)
            foreach (var name in names.Split(' '))
                table[name] = step => Compare(step, op);
        table["ne"] = table["not_equal"] = step => step.Add("Not", [Compare(step, "Equal")]);
        foreach (var (name, op) in new[] { ("and", "And"), ("or", "Or"), ("xor", "Xor") })
        {
            table["logical_" + name] = step => step.Add(op, [step.Value(0, ScalarType.Bool), step.Value(1, ScalarType.Bool)]);
            table["bitwise_" + name] = table[name == "xor" ? name : name + "_"] = step => Bitwise(step, op);
        }
        table["logical_not"] = step => step.Add("Not", [step.Value(0, ScalarType.Bool)]);
        table["bitwise_not"] = table["invert"] = step => step.Input.Type == ScalarType.Bool
            ? step.Add("Not", [step.Value(0)]) : step.Add("Sub", [step.Add("Neg", [step.Value(0)]), step.Graph.Scalar(1, step.Input.Type)]);
        table["isnan"] = step => step.Add("IsNaN", [step.Value(0)]);
        table["isinf"] = step => step.Add("IsInf", [step.Value(0)]);
        table["isfinite"] = step =>
            step.Add("Not", [step.Add("Or", [step.Add("IsNaN", [step.Value(0)]), step.Add("IsInf", [step.Value(0)])])]);
        table["where"] = Where;
        table["masked_fill"] = step => step.Add("Where", [step.Value(1), step.Value(2, step.Input.Type), step.Value(0)]);
        table["nan_to_num"] = NanToNum;
        foreach (var name in new[] { "to", "to_type", "type_as", "type", "float", "double", "half", "bfloat16", "long", "int", "short",
            "byte", "char", "bool", "cpu" })
            table[name] = Converted;
    }

    /// <summary>The example shows the type that an argument asks for.</summary>
    private static string Converted(Step step)
    {
        step.Ignore("tensor", "other");
        return step.Value(0, step.Output.Type);
    }

    /// <summary>Two operands in the type that PyTorch compares them in.</summary>
    private static string Compare(Step step, string op)
    {
        var type = (step.Facts(0), step.Facts(1)) switch
        {
            ({ } left, { } right) => Common(left, right),
            var (left, right) => Of((left ?? right)!.Type, step.Given(left is null ? 0 : 1)),
        };
        // Bools are equal or not, but not in order.
        if (type == ScalarType.Bool && (op != "Equal" || step.Facts(1) is null))
            type = ScalarType.Int32;
        return step.Add(op, [step.Value(0, type), step.Value(1, type)]);
    }

    /// <summary>A number with a fraction makes whole ones floats.</summary>
    private static ScalarType Of(ScalarType type, object? number)
        => (number is double or float || number is Scalar { Type: ScalarType.Float64 or ScalarType.Float32 })
            && !torch.is_floating_point(type) ? ScalarType.Float32 : type;

    /// <summary>A tensor without dimensions is a number: its type counts only where it is of another kind.</summary>
    private static ScalarType Common(TensorFacts a, TensorFacts b)
    {
        using var x = empty(new long[a.Shape.Length == 0 ? 0 : 1], a.Type);
        using var y = empty(new long[b.Shape.Length == 0 ? 0 : 1], b.Type);
        return result_type(x, y);
    }

    private static string Bitwise(Step step, string op) => step.Output.Type == ScalarType.Bool
        ? step.Add(op, [step.Value(0, ScalarType.Bool), step.Value(1, ScalarType.Bool)])
        : throw new NotSupportedException($"bits of {step.Output.Type} have no operation before opset 18");

    private static string Where(Step step)
    {
        if (step.Count == 1)
            throw new NotSupportedException(
                "with a condition alone it gives as many indices as are true; give it two tensors to choose from");
        // x.where(condition, y) and where(condition, x, y)
        var (condition, chosen) = step.At("condition") == 1 ? (1, 0) : (0, 1);
        return step.Add("Where",
            [step.Value(condition, ScalarType.Bool), step.Value(chosen, step.Output.Type), step.Value(2, step.Output.Type)]);
    }

    private static string NanToNum(Step step)
    {
        if (!torch.is_floating_point(step.Input.Type))
        {
            step.Ignore("nan", "posinf", "neginf");
            return step.Value(0);
        }
        var (given, value, largest) = (step.Value(0), step.Value(0), finfo(step.Input.Type).max);
        foreach (var (test, number) in new[] { ("IsNaN", step.Double("nan", 0)), ("+", step.Double("posinf", largest)),
            ("-", step.Double("neginf", -largest)) })
            value = step.Add("Where", [Is(test), step.Scalar(number), value]);
        return value;

        string Is(string test) => test == "IsNaN" ? step.Add(test, [given])
            : step.Add("IsInf", [given], OnnxGraph.Attribute("detect_positive", test == "+" ? 1 : 0),
                OnnxGraph.Attribute("detect_negative", test == "-" ? 1 : 0));
    }
}
