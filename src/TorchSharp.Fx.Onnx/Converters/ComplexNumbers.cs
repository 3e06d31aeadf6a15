using System.Collections.Frozen;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>
/// Operations on complex numbers, by their parts: what only moves or adds elements is done to the real and to the imaginary parts, by the
/// converter that reals have.
/// </summary>
internal static class ComplexNumbers
{
    private static readonly FrozenSet<string> Linear =
    [
        "alias", "broadcast_to", "cat", "chunk", "clone", "concat", "concatenate", "contiguous", "cumsum", "detach", "diagonal", "expand",
        "expand_as", "fftshift", "flatten", "flip", "gather", "getitem", "hstack", "identity", "ifftshift", "index", "index_select", "mean",
        "moveaxis", "movedim", "narrow", "neg", "negative", "pad", "permute", "positive", "ravel", "repeat", "repeat_interleave", "reshape",
        "roll", "select", "slice", "split", "squeeze", "stack", "sum", "swapaxes", "swapdims", "t", "take_along_dim", "tensor_split",
        "tile", "transpose", "tril", "triu", "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as", "where", "zeros_like",
        "T", "mT",
    ];

    private static readonly FrozenSet<string> Bilinear = ["bmm", "matmul", "mm", "mul", "multiply", "mv", "outer"];

    private static readonly FrozenDictionary<string, Func<Step, object>> Own = MakeTable().ToFrozenDictionary();

    /// <summary>The names of what there is only of complex numbers, and of what they have a form of their own for.</summary>
    internal static IEnumerable<string> Names => Own.Keys;

    /// <summary>The converter of an operation on complex numbers, or of one that only they have; null where there is none.</summary>
    internal static Func<Step, object>? Converter(string name) => Own.GetValueOrDefault(name) ?? Own.GetValueOrDefault(name.TrimEnd('_'));

    /// <summary>Converts a node that reads or gives complex numbers.</summary>
    /// <param name="name">The operation.</param>
    /// <param name="written">What it writes to.</param>
    /// <param name="read">Makes a step of the node that reads one part of each argument.</param>
    /// <param name="ofReals">The converter that reals have; null where there is none.</param>
    internal static object Convert(string name, IReadOnlyList<Node> written, Func<int[], Step> read, Func<Step, object>? ofReals)
    {
        if (written.Count > 0)
            throw new NotSupportedException("it writes to complex numbers in place; give the result as a new tensor");
        var count = read([]).Count;
        if (name == "getattr")
            name = ((MemberTarget)read([]).Target).Member.Name;
        if (name == "pad" && read([]).Double("value", 0) != 0)
            throw new NotSupportedException("it pads complex numbers with another number than zero");
        if (Converter(name) is { } own)
            return Whole(own, 0, 0) switch
            {
                // What is of reals has no other part.
                ComplexValue parts when !read([]).GivesComplex => parts.Real,
                var value => value,
            };
        if (ofReals is not null && Linear.Contains(name))
            return Together(Whole(ofReals, 0, 0), Whole(ofReals, 1, 1));
        if (ofReals is not null && Bilinear.Contains(name))
            return (read([]).IsComplex(0), read([]).IsComplex(1)) switch
            {
                (true, false) => Together(Whole(ofReals, 0, 0), Whole(ofReals, 1, 0)),
                (false, _) => Together(Whole(ofReals, 0, 0), Whole(ofReals, 0, 1)),
                _ => new ComplexValue(Combined("Sub", (0, 0), (1, 1)), Combined("Add", (0, 1), (1, 0))),
            };
        throw new NotSupportedException($"there is no converter for '{name}' of complex numbers");

        string Combined(string op, (int, int) a, (int, int) b)
            => read([]).Add(op, [(string)Whole(ofReals!, a.Item1, a.Item2), (string)Whole(ofReals!, b.Item1, b.Item2)]);

        object Whole(Func<Step, object> convert, int first, int others)
        {
            var step = read([first, .. Enumerable.Repeat(others, Math.Max(0, count - 1))]);
            var value = convert(step);
            step.RefuseUnread();
            return value;
        }
    }

    private static object Together(object real, object imaginary) => (real, imaginary) switch
    {
        (string[] a, string[] b) => a.Zip(b, (x, y) => new ComplexValue(x, y)).ToArray(),
        (string a, string b) => new ComplexValue(a, b),
        _ => throw new InvalidOperationException("A converter gave something else for the imaginary part."),
    };

    private static Dictionary<string, Func<Step, object>> MakeTable()
    {
        var table = new Dictionary<string, Func<Step, object>>(StringComparer.Ordinal)
        {
            ["view_as_complex"] = step => ComplexValue.OfPairs(step.Graph, step.Name, step.Value(0)),
            ["view_as_real"] = step => Parts(step).Pairs(step.Graph, step.Name),
            ["complex"] = step => new ComplexValue(step.Value(0), step.Value(1)),
            ["polar"] = step => Polar(step, step.Value(0), step.Value(1)),
            ["real"] = step => step.Add("Identity", [Parts(step).Real]),
            ["imag"] = step => step.Add("Identity", [Parts(step).Imaginary]),
            ["abs"] = step => step.Add("Sqrt", [Square(step, 0)]),
            ["angle"] = step => Elements.ArcTangent(step, Parts(step).Imaginary, Parts(step).Real),
            ["exp"] = step => Polar(step, step.Add("Exp", [Parts(step).Real]), Parts(step).Imaginary),
            ["reciprocal"] = step => Divided(step, Conjugate(step, 0), Square(step, 0)),
            ["square"] = step => Squared(step),
            ["pow"] = step => !step.IsComplex(1) && step.Facts(1) is null && step.Double("exponent", 0) == 2
                ? Squared(step) : throw new NotSupportedException("it takes a power of complex numbers that is not 2"),
            ["div"] = Quotient,
        };
        foreach (var name in new[] { "conj", "conj_physical" })
            table[name] = step => Conjugate(step, 0);
        table["resolve_conj"] = step => Parts(step);
        table["absolute"] = table["abs"];
        table["divide"] = table["true_divide"] = table["truediv"] = table["div"];
        table["add"] = step => Sum(step, "Add");
        table["sub"] = table["subtract"] = step => Sum(step, "Sub");
        foreach (var name in new[] { "to", "to_type", "type" })
            table[name] = Cast;
        Transforms.AddTo(table);
        return table;
    }

    /// <summary>Both parts of an argument; the imaginary one of a real is zero.</summary>
    internal static ComplexValue Parts(Step step, int position = 0)
    {
        var (real, imaginary) = step.Both(position);
        return new(real, imaginary ?? step.Zeros(real));
    }

    private static ComplexValue Sum(Step step, string op)
    {
        var ((a, b), (c, d)) = (Parts(step), Parts(step, 1));
        if (step.At("alpha") is var at and >= 0)
            (c, d) = (step.Add("Mul", [c, step.Value(at, step.Output.Type)]), step.Add("Mul", [d, step.Value(at, step.Output.Type)]));
        return new(step.Add(op, [a, c]), step.Add(op, [b, d]));
    }

    private static ComplexValue Quotient(Step step)
    {
        if (!step.IsComplex(1))
            return Divided(step, Parts(step), step.Value(1, step.Output.Type));
        return Divided(step, Product(step, Parts(step), Conjugate(step, 1)), Square(step, 1));
    }

    private static ComplexValue Squared(Step step) => Product(step, Parts(step), Parts(step));

    private static ComplexValue Product(Step step, ComplexValue a, ComplexValue b)
        => new(step.Add("Sub", [step.Add("Mul", [a.Real, b.Real]), step.Add("Mul", [a.Imaginary, b.Imaginary])]),
            step.Add("Add", [step.Add("Mul", [a.Real, b.Imaginary]), step.Add("Mul", [a.Imaginary, b.Real])]));

    private static ComplexValue Divided(Step step, ComplexValue value, string by)
        => new(step.Add("Div", [value.Real, by]), step.Add("Div", [value.Imaginary, by]));

    private static ComplexValue Conjugate(Step step, int position)
    {
        var (real, imaginary) = Parts(step, position);
        return new(real, step.Add("Neg", [imaginary]));
    }

    /// <summary>The square of the distance from zero.</summary>
    private static string Square(Step step, int position)
    {
        var (real, imaginary) = Parts(step, position);
        return step.Add("Add", [step.Add("Mul", [real, real]), step.Add("Mul", [imaginary, imaginary])]);
    }

    private static ComplexValue Polar(Step step, string distance, string angle)
        => new(step.Add("Mul", [distance, step.Add("Cos", [angle])]), step.Add("Mul", [distance, step.Add("Sin", [angle])]));

    /// <summary>To complex numbers, or to reals, which are their real parts.</summary>
    private static object Cast(Step step)
    {
        var value = Parts(step);
        return step.GivesComplex ? value : value.Real;
    }
}
