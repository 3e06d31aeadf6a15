namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Arithmetic and functions of single elements.</summary>
internal static class Elements
{
    private static readonly (string Names, string Op)[] Binaries =
    [
        ("add", "Add"), ("sub subtract", "Sub"), ("mul multiply", "Mul"), ("truediv true_divide", "Div"), ("pow", "Pow"),
        ("maximum", "Max"), ("minimum", "Min"),
    ];

    private static readonly (string Names, string Op)[] Unaries =
    [
        ("neg negative", "Neg"), ("exp", "Exp"), ("log", "Log"), ("sqrt", "Sqrt"), ("abs absolute", "Abs"), ("sign", "Sign"),
        ("reciprocal", "Reciprocal"),
        ("sin", "Sin"), ("cos", "Cos"), ("tan", "Tan"), ("asin arcsin", "Asin"), ("acos arccos", "Acos"), ("atan arctan", "Atan"),
        ("sinh", "Sinh"), ("cosh", "Cosh"), ("asinh arcsinh", "Asinh"),
        ("acosh arccosh", "Acosh"), ("atanh arctanh", "Atanh"), ("erf", "Erf"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"),
    ];

    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (names, op) in Binaries)
            foreach (var name in names.Split(' '))
                table[name] = step => Binary(step, op);
        foreach (var (names, op) in Unaries)
            foreach (var name in names.Split(' '))
                table[name] = step => step.Add(op, [step.Value(0, step.Output.Type)]);
        foreach (var (name, op) in new[] { ("floor", "Floor"), ("ceil", "Ceil") })
            table[name] = step => torch.is_floating_point(step.Input.Type) ? step.Add(op, [step.Value(0)]) : step.Value(0);
        table["round"] = Round;
        table["fmax"] = step => Present(step, "Max");
        table["fmin"] = step => Present(step, "Min");
        table["atan2"] = table["arctan2"] =
            step => ArcTangent(step, step.Value(0, step.Output.Type), step.Value(1, step.Output.Type));
        table["div"] = table["divide"] = Divide;
        table["floor_divide"] = step => Rounded(step, "floor");
        table["remainder"] = table["mod"] = Remainder;
        table["fmod"] = step =>
            step.Add("Mod", [step.Value(0, step.Output.Type), step.Value(1, step.Output.Type)], OnnxGraph.Attribute("fmod", 1));
        table["square"] = step => step.Add("Mul", [step.Value(0), step.Value(0)]);
        table["rsqrt"] = step => step.Add("Reciprocal", [step.Add("Sqrt", [step.Value(0, step.Output.Type)])]);
        table["exp2"] = step => step.Add("Pow", [step.Scalar(2), step.Value(0, step.Output.Type)]);
        table["expm1"] = step => step.Add("Sub", [step.Add("Exp", [step.Value(0, step.Output.Type)]), step.Scalar(1)]);
        table["log1p"] = step => step.Add("Log", [step.Add("Add", [step.Value(0, step.Output.Type), step.Scalar(1)])]);
        table["logaddexp"] = LogAddExp;
        table["log2"] = step => Logarithm(step, 2);
        table["log10"] = step => Logarithm(step, 10);
        table["trunc"] = table["fix"] = step => Truncated(step, step.Value(0));
        table["frac"] = step => step.Add("Sub", [step.Value(0), Truncated(step, step.Value(0))]);
        table["addcmul"] = step => Added(step, "Mul");
        table["addcdiv"] = step => Added(step, "Div");
        table["lerp"] = step =>
            step.Add("Add",
                [step.Value(0),
                    step.Add("Mul", [step.Value(2, step.Output.Type), step.Add("Sub", [step.Value(1, step.Output.Type), step.Value(0)])])]);
        table["clamp"] = table["clip"] = step => Clamp(step, "min", "max");
        table["clamp_min"] = step => step.Add("Max", [step.Value(0), step.Value(1, step.Output.Type)]);
        table["clamp_max"] = step => step.Add("Min", [step.Value(0), step.Value(1, step.Output.Type)]);
        table["fill"] = table["copy"] = step => step.Add("Expand", [step.Value(1, step.Input.Type), step.Add("Shape", [step.Value(0)])]);
        table["zero"] = step => step.Add("Expand", [step.Graph.Scalar(0, step.Input.Type), step.Add("Shape", [step.Value(0)])]);
    }

    /// <summary><c>alpha</c> scales the second operand of <c>add</c> and <c>sub</c>.</summary>
    private static string Binary(Step step, string op)
    {
        var type = step.Output.Type;
        var right = step.Value(1, type);
        if (step.At("alpha") is var at and >= 0)
            right = step.Add("Mul", [right, step.Value(at, type)]);
        return step.Add(op, [step.Value(0, type), right]);
    }

    private static string Divide(Step step)
        => step.Setting("rounding_mode") is { } mode && mode.ToString() != "None" ? Rounded(step, mode.ToString()!) : Binary(step, "Div");

    /// <summary>To whole numbers, or to decimals: those before the point where they are negative.</summary>
    private static string Round(Step step)
    {
        var (value, decimals) = (step.Value(0), step.Long("decimals", 0));
        if (!torch.is_floating_point(step.Input.Type))
            return decimals == 0 ? value : throw new NotSupportedException("it rounds whole numbers to decimals");
        if (decimals == 0)
            return step.Add("Round", [value]);
        var (power, before, after) =
            (step.Scalar(Math.Pow(10, Math.Abs(decimals))), decimals > 0 ? "Mul" : "Div", decimals > 0 ? "Div" : "Mul");
        return step.Add(after, [step.Add("Round", [step.Add(before, [value, power])]), power]);
    }

    /// <summary>Where one of two is no number it is the other.</summary>
    private static string Present(Step step, string op)
    {
        var (a, b) = (step.Value(0, step.Output.Type), step.Value(1, step.Output.Type));
        var value = step.Add(op, [a, b]);
        return torch.is_floating_point(step.Output.Type)
            ? step.Add("Where", [step.Add("IsNaN", [a]), b, step.Add("Where", [step.Add("IsNaN", [b]), a, value])]) : value;
    }

    /// <summary>
    /// The angle of the point (x, y): the arc tangent of y / x in the right half of the plane, half a turn more or less in the left one, a
    /// quarter of a turn on the axis.
    /// </summary>
    internal static string ArcTangent(Step step, string y, string x)
    {
        var zero = step.Scalar(0);
        var below = step.Add("Less", [y, zero]);
        var half = step.Add("Where", [below, step.Scalar(-Math.PI), step.Scalar(Math.PI)]);
        var quarter = step.Add("Mul", [step.Add("Sign", [y]), step.Scalar(Math.PI / 2)]);
        var angle = step.Add("Atan", [step.Add("Div", [y, x])]);
        angle = step.Add("Where", [step.Add("Less", [x, zero]), step.Add("Add", [angle, half]), angle]);
        return step.Add("Where", [step.Add("Equal", [x, zero]), quarter, angle]);
    }

    /// <summary>ONNX divides integers towards zero, as <c>trunc</c> does.</summary>
    private static string Rounded(Step step, string mode)
    {
        var type = step.Output.Type;
        var quotient = step.Add("Div", [step.Value(0, type), step.Value(1, type)]);
        if (!torch.is_floating_point(type))
            return mode == "trunc"
                ? quotient : step.Add("Div", [step.Add("Sub", [step.Value(0, type), Remainder(step)]), step.Value(1, type)]);
        return mode == "trunc" ? Truncated(step, quotient) : step.Add("Floor", [quotient]);
    }

    /// <summary>The sign is the divisor's, as in Python.</summary>
    private static string Remainder(Step step)
    {
        var (a, b) = (step.Value(0, step.Output.Type), step.Value(1, step.Output.Type));
        return torch.is_floating_point(step.Output.Type)
            ? step.Add("Sub", [a, step.Add("Mul", [step.Add("Floor", [step.Add("Div", [a, b])]), b])]) : step.Add("Mod", [a, b]);
    }

    private static string Truncated(Step step, string value)
        => step.Add("Mul", [step.Add("Sign", [value]), step.Add("Floor", [step.Add("Abs", [value])])]);

    /// <summary>
    /// The larger one and a part below log 2 of the distance, which is none where both are equal, infinite ones included.
    /// </summary>
    private static string LogAddExp(Step step)
    {
        var (a, b) = (step.Value(0, step.Output.Type), step.Value(1, step.Output.Type));
        var distance = step.Add("Where", [step.Add("Equal", [a, b]), step.Scalar(0), step.Add("Abs", [step.Add("Sub", [a, b])])]);
        var part = step.Add("Log", [step.Add("Add", [step.Add("Exp", [step.Add("Neg", [distance])]), step.Scalar(1)])]);
        return step.Add("Add", [step.Add("Max", [a, b]), part]);
    }

    private static string Logarithm(Step step, double basis)
        => step.Add("Mul", [step.Add("Log", [step.Value(0, step.Output.Type)]), step.Scalar(1 / Math.Log(basis))]);

    private static string Added(Step step, string op)
        => step.Add("Add",
            [step.Value(0),
                step.Add("Mul",
                    [step.Add(op, [step.Value(1, step.Output.Type), step.Value(2, step.Output.Type)]), step.Count > 3
                        ? step.Value(3, step.Output.Type) : step.Scalar(1)])]);

    /// <summary>Between two bounds, numbers or tensors, of which either may be left out.</summary>
    internal static string Clamp(Step step, string min, string max)
    {
        var value = step.Value(0, step.Output.Type);
        foreach (var (name, op) in new[] { (min, "Max"), (max, "Min") })
            if (step.At(name) is var at and >= 0 && step.Given(at) is not null)
                value = step.Add(op, [value, step.Value(at, step.Output.Type)]);
        return value;
    }
}
