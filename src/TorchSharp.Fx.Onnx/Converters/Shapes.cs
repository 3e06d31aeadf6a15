using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>What moves elements around without computing: reshaping, joining, cutting, indexing, reducing.</summary>
internal static class Shapes
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var name in new[] { "reshape", "view", "flatten", "squeeze", "unsqueeze", "unflatten" })
            table[name] = Reshape;
        foreach (var name in new[] { "expand", "expand_as", "broadcast_to" })
            table[name] = step => step.Add("Expand", [step.Value(0), step.Graph.Sizes(step.Shape())]);
        table["permute"] = step => step.Add("Transpose", [step.Value(0)], OnnxGraph.Attribute("perm", step.Longs(0, "permutation", "dims")!.Select(dim => step.Dimension(dim))));
        foreach (var name in new[] { "transpose", "swapaxes" })
            table[name] = Transpose;
        table["cat"] = step => step.Add("Concat", step.Values(0), OnnxGraph.Attribute("axis", step.Long("dim", 0)));
        table["stack"] = step => step.Add("Concat", step.Values(0).Select(value => step.Add("Unsqueeze", [value, step.Graph.Integers(step.Long("dim", 0))])), OnnxGraph.Attribute("axis", step.Long("dim", 0)));
        foreach (var name in new[] { "chunk", "split", "tensor_split" })
            table[name] = Split;
        table["unbind"] = Unbind;
        table["roll"] = Roll;
        table["narrow"] = step => step.Sizes(1) is [{ IsFixed: true } axis, { IsFixed: true } start, { IsFixed: true } length]
            ? Slice(step, step.Value(0), step.Dimension(axis.Constant), start.Constant, start.Constant + length.Constant, 1)
            : throw new NotSupportedException("it cuts by the free dimension");
        table["mean"] = step => Reduce(step, "ReduceMean");
        table["sum"] = Sum;
        table["getitem"] = Item;
        table["to"] = table["to_type"] = table["type_as"] = table["float"] = step => step.Output.Type == step.Input.Type ? step.Value(0) : step.Add("Cast", [step.Value(0)], OnnxGraph.Attribute("to", DataTypes.Of(step.Output.Type)));
    }

    /// <summary>Whatever the operation, the result's shape is known: one size that grows with the free dimension is what is left over (−1).</summary>
    private static string Reshape(Step step)
    {
        var shape = step.Shape();
        if (shape.Count(size => !size.IsFixed) == 1)
            shape = [.. shape.Select(size => size.IsFixed ? size : new Size(-1, 0))];
        return step.Add("Reshape", [step.Value(0), step.Graph.Sizes(shape)]);
    }

    private static string Transpose(Step step)
    {
        var (first, second) = ((int)step.Dimension(step.Sizes(1)[0].Constant), (int)step.Dimension(step.Sizes(1)[1].Constant));
        var order = Enumerable.Range(0, step.Rank).Select(i => (long)(i == first ? second : i == second ? first : i));
        return step.Add("Transpose", [step.Value(0)], OnnxGraph.Attribute("perm", order));
    }

    private static string[] Split(Step step)
    {
        var axis = step.Dimension(step.Long("dim", 0));
        var parts = (step.Parts ?? throw new NotSupportedException("its result is no list of tensors")).Select(part => part.Shape[axis]).ToArray();
        if (!step.Shape(0)[axis].IsFixed)
            throw new NotSupportedException("it cuts the free dimension");
        return step.Graph.Add("Split", step.Node.name, [step.Value(0), step.Graph.Integers(parts)], parts.Length, [OnnxGraph.Attribute("axis", axis)]);
    }

    private static string[] Unbind(Step step)
    {
        var axis = step.Dimension(step.Long("dimension", 0));
        return [.. Enumerable.Range(0, (int)step.Input.Shape[axis]).Select(i => step.Add("Gather", [step.Value(0), step.Graph.Integer(i)], OnnxGraph.Attribute("axis", axis)))];
    }

    /// <summary>The end of a dimension, then its beginning.</summary>
    private static string Roll(Step step)
    {
        var value = step.Add("Identity", [step.Value(0)]);
        var (shifts, dims) = (step.Longs(1, "shifts")!, step.Longs(1, "dims") ?? throw new NotSupportedException("it rolls a flattened tensor"));
        foreach (var (shift, dim) in shifts.Zip(dims))
        {
            var (axis, size) = (step.Dimension(dim), step.Shape()[step.Dimension(dim)]);
            if (!size.IsFixed)
                throw new NotSupportedException("it rolls the free dimension");
            var cut = ((-shift % size.Constant) + size.Constant) % size.Constant;
            if (cut != 0)
                value = step.Add("Concat", [Slice(step, value, axis, cut, long.MaxValue, 1), Slice(step, value, axis, 0, cut, 1)], OnnxGraph.Attribute("axis", axis));
        }
        return value;
    }

    private static string Reduce(Step step, string op)
    {
        var keeps = OnnxGraph.Attribute("keepdims", step.Flag("keepdim") ? 1 : 0);
        return step.Longs(1, "dimensions", "dim") is { } axes ? step.Add(op, [step.Value(0)], OnnxGraph.Attribute("axes", axes), keeps) : step.Add(op, [step.Value(0)], keeps);
    }

    private static string Sum(Step step)
    {
        string[] inputs = step.Longs(1, "dim") is { } axes ? [step.Value(0), step.Graph.Integers(axes)] : [step.Value(0)];
        return step.Add("ReduceSum", inputs, OnnxGraph.Attribute("keepdims", step.Flag("keepdim") ? 1 : 0));
    }

    /// <summary>An element of a list of tensors, or <c>x[…]</c> of numbers, ranges and ellipses.</summary>
    private static string Item(Step step)
    {
        if (step.IsList)
            return step.Values(0) is var values && step.Sizes(1) is [{ IsFixed: true, Constant: var at }] ? values[at < 0 ? (int)at + values.Length : (int)at] : throw new NotSupportedException("its index is no number");
        var value = step.Value(0);
        var axis = 0;
        var indices = step.Node.args[1..].SelectMany(index => index is ListArgument list ? list.Items : [index]).ToArray();
        foreach (var index in indices)
            switch (index)
            {
                case EllipsisArgument: axis += step.Rank - (indices.Length - 1); break;
                case SliceArgument slice: value = Cut(step, value, axis++, slice); break;
                case Literal { Value: (long or int) and var number }: value = step.Add("Gather", [value, step.Graph.Integer(Convert.ToInt64(number, CultureInfo.InvariantCulture))], OnnxGraph.Attribute("axis", axis)); break;
                case NodeArgument when indices.Count(other => other is NodeArgument) == 1 && step.Read(index) is var (name, facts) && facts.Type == ScalarType.Int64:
                    value = step.Add("Gather", [value, name], OnnxGraph.Attribute("axis", axis));
                    axis += facts.Shape.Length;
                    break;
                default: throw new NotSupportedException($"its index {index} is not supported: numbers, ranges, ellipses and one tensor of integers are");
            }
        return value;
    }

    private static string Cut(Step step, string value, int axis, SliceArgument slice)
    {
        return slice is { Start: null, Stop: null, Step: null } ? value : Slice(step, value, axis, Bound(slice.Start, 0), Bound(slice.Stop, long.MaxValue), Bound(slice.Step, 1));

        static long Bound(Argument? bound, long open) => bound switch
        {
            null => open,
            Literal { Value: (long or int) and var number } => Convert.ToInt64(number, CultureInfo.InvariantCulture),
            _ => throw new NotSupportedException($"its bound {bound} is no fixed number"),
        };
    }

    private static string Slice(Step step, string value, long axis, long start, long stop, long stride)
        => step.Add("Slice", [value, step.Graph.Integers(start), step.Graph.Integers(stop), step.Graph.Integers(axis), step.Graph.Integers(stride)]);
}
