using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Sums, means, extremes and orders along dimensions.</summary>
internal static class Reductions
{
    private const int MostFactors = 256;

    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        table["mean"] = step => Reduce(step, "ReduceMean", step.Value(0, step.Output.Type));
        table["prod"] = step => Reduce(step, "ReduceProd", step.Value(0, step.Output.Type));
        table["logsumexp"] = step => Reduce(step, "ReduceLogSumExp", step.Value(0));
        table["sum"] = step => Reduce(step, "ReduceSum", step.Value(0, step.Output.Type));
        table["amax"] = step => Reduce(step, "ReduceMax", step.Value(0));
        table["amin"] = step => Reduce(step, "ReduceMin", step.Value(0));
        table["max"] = step => Extreme(step, "ReduceMax", "ArgMax", "Max");
        table["min"] = step => Extreme(step, "ReduceMin", "ArgMin", "Min");
        table["argmax"] = step => ArgExtreme(step, "ArgMax");
        table["argmin"] = step => ArgExtreme(step, "ArgMin");
        table["any"] = step => Bools(step, "ReduceMax");
        table["all"] = step => Bools(step, "ReduceMin");
        table["norm"] = table["vector_norm"] = Norm;
        table["normalize"] = Normalize;
        table["var"] = step => Variance(step);
        table["std"] = step => step.Add("Sqrt", [Variance(step)]);
        table["cumsum"] = step =>
            step.Add("CumSum", [step.Value(0, step.Output.Type), step.Graph.Integer(step.Dimension(step.Long("dim", 0)))]);
        table["cumprod"] = Products;
        table["topk"] = step => Order(step, step.Graph.Sizes([step.Size(1)]), step.Long("dim", -1), step.Setting("largest") is not false);
        table["sort"] = Sort;
        table["argsort"] = step => Sort(step)[1];
        table["median"] = Median;
    }

    /// <summary>Each product is the one before by one element more.</summary>
    private static string Products(Step step)
    {
        var axis = step.Dimension(step.Long("dim", 0));
        if (step.Rank == 0)
            return step.Value(0, step.Output.Type);
        if (step.ShapeAt(axis) is not { IsFixed: true, Constant: > 0 and <= MostFactors and var count })
            throw new NotSupportedException($"it multiplies along a dimension that is free, or has more than {MostFactors} elements");
        var (value, parts) = (step.Value(0, step.Output.Type), new List<string>());
        for (long i = 0; i < count; i++)
        {
            var one = Index.Slice(step, value, [new(axis, new(i), new(i + 1), 1, Drops: false)]);
            parts.Add(i == 0 ? one : step.Add("Mul", [parts[^1], one]));
        }
        return step.Add("Concat", parts, OnnxGraph.Attribute("axis", axis));
    }

    private static string Reduce(Step step, string op, string value) => Reduce(step, op, value, Axes(step), step.Flag("keepdim"));

    /// <summary>The dimensions under any of their names: all where none are given.</summary>
    private static long[]? Axes(Step step) => step.At("dim0") >= 0
        ? [.. new[] { "dim0", "dim1", "dim2" }.Where(name => step.At(name) >= 0).SelectMany(name => step.Axes(name)!)]
        : step.Axes("dimensions", "dimension", "dims", "dim");

    /// <summary>The opset gives the axes of a sum as an input, those of all others as an attribute.</summary>
    private static string Reduce(Step step, string op, string value, long[]? axes, bool keepdim)
    {
        var keeps = OnnxGraph.Attribute("keepdims", keepdim ? 1 : 0);
        if (axes is null)
            return step.Add(op, [value], keeps);
        return op == "ReduceSum"
            ? step.Add(op, [value, step.Graph.Integers(axes)], keeps) : step.Add(op, [value], OnnxGraph.Attribute("axes", axes), keeps);
    }

    /// <summary>Of all elements, of two tensors, or along a dimension with the places.</summary>
    private static object Extreme(Step step, string reduce, string place, string ofTwo)
    {
        if (step.Parts is not null)
            return new[] { Reduce(step, reduce, step.Value(0)), ArgExtreme(step, place) };
        return step.Facts(1) is not null
            ? step.Add(ofTwo, [step.Value(0, step.Output.Type), step.Value(1, step.Output.Type)]) : Reduce(step, reduce, step.Value(0));
    }

    private static string ArgExtreme(Step step, string op)
    {
        if (step.Setting("dim") is not null)
            return step.Add(op, [step.Value(0)], OnnxGraph.Attribute("axis", step.Dimension(step.Long("dim", 0))),
                OnnxGraph.Attribute("keepdims", step.Flag("keepdim") ? 1 : 0));
        var flat = step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1)]);
        return step.Add(op, [flat], OnnxGraph.Attribute("axis", 0), OnnxGraph.Attribute("keepdims", 0));
    }

    private static string Bools(Step step, string op)
    {
        var numbers = step.Graph.Cast(step.Value(0, ScalarType.Bool), ScalarType.Bool, ScalarType.Int32);
        return step.Graph.Cast(Reduce(step, op, numbers), ScalarType.Int32, ScalarType.Bool);
    }

    private static string Norm(Step step)
    {
        var axes = step.Axes("dims", "dim", "dimension");
        var order = step.Setting("p", "ord");
        // Of a matrix, linalg.norm has other orders than of a vector.
        if (step.At("ord") >= 0 && step.Target.name == "norm" && (axes?.Length ?? step.Rank) != 1)
            return order is "fro"
                ? Norm(step, 2, axes, step.Flag("keepdim"))
                    : throw new NotSupportedException(
                        $"the order {order} of matrices is not supported, but that of vectors (vector_norm) is");
        return Norm(step, order switch
        {
            null => 2,
            string => throw new NotSupportedException($"its order {order} is not supported"),
            var number => Convert.ToDouble(number, System.Globalization.CultureInfo.InvariantCulture),
        }, axes, step.Flag("keepdim"));
    }

    private static string Norm(Step step, double p, long[]? axes, bool keepdim)
    {
        var value = step.Value(0);
        return p switch
        {
            1 => Reduce(step, "ReduceL1", value, axes, keepdim),
            2 => Reduce(step, "ReduceL2", value, axes, keepdim),
            0 => Reduce(step, "ReduceSum",
                step.Graph.Cast(step.Add("Not", [step.Add("Equal", [value, step.Scalar(0)])]), ScalarType.Bool, step.Output.Type), axes,
                keepdim),
            double.PositiveInfinity => Reduce(step, "ReduceMax", step.Add("Abs", [value]), axes, keepdim),
            double.NegativeInfinity => Reduce(step, "ReduceMin", step.Add("Abs", [value]), axes, keepdim),
            _ => step.Add("Pow",
                [Reduce(step, "ReduceSum", step.Add("Pow", [step.Add("Abs", [value]), step.Scalar(p)]), axes, keepdim),
                    step.Scalar(1 / p)]),
        };
    }

    private static string Normalize(Step step)
    {
        var norm = Norm(step, step.Double("p", 2), [step.Dimension(step.Long("dim", 1))], keepdim: true);
        return step.Add("Div", [step.Value(0), step.Add("Max", [norm, step.Scalar(step.Double("eps", 1e-12))])]);
    }

    /// <summary>The mean of squared differences, by n − 1 where it is unbiased.</summary>
    private static string Variance(Step step)
    {
        var axes = Axes(step) ?? [.. Enumerable.Range(0, step.Rank).Select(axis => (long)axis)];
        var value = step.Value(0);
        var difference = step.Add("Sub", [value, Reduce(step, "ReduceMean", value, axes, keepdim: true)]);
        var squares = Reduce(step, "ReduceSum", step.Add("Mul", [difference, difference]), axes, step.Flag("keepdim"));
        return step.Add("Div", [squares, Count(step, axes, step.Setting("unbiased") is not false)]);
    }

    private static string Count(Step step, long[] axes, bool unbiased)
    {
        var sizes = axes.Select(axis => step.ShapeAt(axis)).ToArray();
        if (sizes.All(size => size.IsFixed))
            return step.Scalar(sizes.Aggregate(1L, (product, size) => product * size.Constant) - (unbiased ? 1 : 0));
        var count = step.Add("ReduceProd", [step.Graph.Sizes(sizes)], OnnxGraph.Attribute("keepdims", 0));
        return step.Graph.Cast(unbiased ? step.Add("Sub", [count, step.Graph.Integer(1)]) : count, ScalarType.Int64, step.Output.Type);
    }

    private static string[] Sort(Step step)
    {
        // Equal numbers stay in order in ONNX.
        step.Ignore("stable");
        var axis = step.Dimension(step.Long("dim", -1));
        return Order(step, step.Graph.Sizes([step.ShapeAt(axis)]), axis, step.Flag("descending"));
    }

    /// <summary>The number in the middle of all, of an even count the lower one: the last of the smallest half.</summary>
    private static string Median(Step step)
    {
        var flat = step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1)]);
        var half = step.Add("Div", [step.Add("Add", [step.Add("Size", [flat]), step.Graph.Integer(1)]), step.Graph.Integer(2)]);
        var smallest =
            step.Graph.Add("TopK", step.Name, [flat, step.Add("Reshape", [half, step.Graph.Integers(1)])], 2,
                [OnnxGraph.Attribute("axis", 0), OnnxGraph.Attribute("largest", 0)])[0];
        return step.Add("Gather", [smallest, step.Add("Sub", [half, step.Graph.Integer(1)])], OnnxGraph.Attribute("axis", 0));
    }

    /// <summary>Numbers in order, and where they were.</summary>
    private static string[] Order(Step step, string count, long axis, bool largest)
        => step.Graph.Add("TopK", step.Name, [step.Value(0), count], 2,
            [OnnxGraph.Attribute("axis", step.Dimension(axis)), OnnxGraph.Attribute("largest", largest ? 1 : 0)]);
}
