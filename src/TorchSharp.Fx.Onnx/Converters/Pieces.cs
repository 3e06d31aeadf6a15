using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Tensors joined, cut, and picked from.</summary>
internal static class Pieces
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var name in new[] { "cat", "concat", "concatenate" })
            table[name] = Cat;
        table["hstack"] = step =>
            step.Add("Concat", step.Values(0, step.Output.Type), OnnxGraph.Attribute("axis", step.Output.Shape.Length == 1 ? 0 : 1));
        table["stack"] = Stack;
        foreach (var name in new[] { "chunk", "split", "tensor_split" })
            table[name] = Split;
        table["unbind"] = Unbind;
        table["pad_sequence"] = PadSequence;
        table["roll"] = Roll;
        table["fftshift"] = step => Transforms.Shifted(step, back: false);
        table["ifftshift"] = step => Transforms.Shifted(step, back: true);
        table["bincount"] = Count;
        table["flip"] = step =>
            Index.Slice(step, step.Value(0),
                [.. step.Axes("dims")!.Select(axis => new Range(axis, new(-1), new(long.MinValue + 1), -1, Drops: false))]);
        table["narrow"] = step => Index.Slice(step, step.Value(0), [InPlace.Narrowed(step)]);
        table["slice"] = step =>
            Index.Slice(step, step.Value(0),
                [new(step.Dimension(step.Size(1).Constant), step.Size(2), step.Size(3), step.Size(4).Constant, Drops: false)]);
        table["select"] = step =>
            new Index([Index.One(step, step.Dimension(step.Size(1).Constant), step.Size(2))], [], []).Read(step, step.Value(0));
        table["getitem"] = table["index"] = Item;
        table["setitem"] = step => Index.Of(step, step.Arguments(1..^1), step.Rank)
            .Write(step, step.Value(0), step.Value(step.Count - 1, step.Input.Type), isNumber: IsNumber(step, step.Count - 1));
        table["index_put"] = step => Index.Of(step, [step.Argument(2)], step.Rank)
            .Write(step, step.Value(0), step.Value(1, step.Input.Type), step.Flag("accumulate"), IsNumber(step, 1));
        table["take_along_dim"] = Along;
        table["gather"] = step => step.Add("GatherElements", [step.Value(0), step.Value(step.At("dim") == 1 ? 2 : 1)], Axis(step));
        table["index_select"] = step => step.Add("Gather", [step.Value(0), step.Value(2)], Axis(step));
        table["scatter"] = step => step.Add("ScatterElements", [step.Value(0), step.Value(2), step.Value(3, step.Input.Type)], Axis(step));
        table["scatter_add"] = step =>
            step.Add("ScatterElements", [step.Value(0), step.Value(2), step.Value(3, step.Input.Type)], Axis(step),
                OnnxGraph.Attribute("reduction", "add"));
        table["index_add"] = step =>
            Scattered(step,
                step.Double("alpha", 1) is 1 ? step.Value(3) : step.Add("Mul", [step.Value(3), step.Scalar(step.Double("alpha", 1))]),
                OnnxGraph.Attribute("reduction", "add"));
        table["index_copy"] = step => Scattered(step, step.Value(3));
        table["index_fill"] = step =>
            Scattered(step,
                step.Add("Expand",
                    [step.Value(3, step.Input.Type), step.Add("Shape", [step.Add("Gather", [step.Value(0), step.Value(2)], Axis(step))])]));
        table["masked_select"] = step =>
            step.Add("Compress",
                [step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1)]),
                    step.Add("Reshape",
                        [step.Add("Expand", [step.Value(1), step.Add("Shape", [step.Value(0)])]), step.Graph.Integers(-1)])]);
        table["nonzero"] = table["argwhere"] = step =>
            step.Add("Transpose", [step.Add("NonZero", [step.Value(0)])], OnnxGraph.Attribute("perm", [1, 0]));
        table["tril"] = step =>
            step.Add("Trilu", [step.Value(0), step.Graph.Integer(step.Long("diagonal", 0))], OnnxGraph.Attribute("upper", 0));
        table["triu"] = step =>
            step.Add("Trilu", [step.Value(0), step.Graph.Integer(step.Long("diagonal", 0))], OnnxGraph.Attribute("upper", 1));
        table["diagonal"] = Diagonal;
        table["unfold"] = step => step.At("step") >= 0 ? Windows(step) : Patches(step);
    }

    /// <summary>Along a dimension; without one, of all elements in a row.</summary>
    private static string Along(Step step)
    {
        if (step.At("dim") >= 0)
            return step.Add("GatherElements", [step.Value(0), step.Value(1)], Axis(step));
        string[] flat = [.. new[] { step.Value(0), step.Value(1) }.Select(value => step.Add("Reshape", [value, step.Graph.Integers(-1)]))];
        return step.Add("GatherElements", flat, OnnxGraph.Attribute("axis", 0));
    }

    /// <summary>Rows of one dimension, each at the place that a list of indices has for it.</summary>
    private static string Scattered(Step step, string source, params ReadOnlySpan<Format.AttributeProto> attributes)
    {
        var axis = step.Dimension(step.Long("dim", 0));
        long[] shape = [.. Enumerable.Range(0, step.Rank).Select(i => i == axis ? -1L : 1)];
        var places = step.Add("Expand", [step.Add("Reshape", [step.Value(2), step.Graph.Integers(shape)]), step.Add("Shape", [source])]);
        return step.Add("ScatterElements", [step.Value(0), places, source], [OnnxGraph.Attribute("axis", axis), .. attributes]);
    }

    /// <summary>How often each number is there, or the sum of its weights. How many numbers there are has to be said.</summary>
    private static string Count(Step step)
    {
        var count = step.Output.Shape[0];
        if (step.Long("minlength", 0) != count)
            throw new NotSupportedException("how many numbers it counts depends on data; give a minlength that is as large");
        var places = step.Value(0, ScalarType.Int64);
        var zero = step.Graph.Scalar(0, step.Output.Type);
        var added = step.Tensor("weights") is { } weights ? step.Graph.Cast(weights, step.Graph.TypeOf(weights), step.Output.Type)
            : step.Add("Expand", [step.Scalar(1), step.Add("Shape", [places])]);
        return step.Add("ScatterElements", [step.Add("Expand", [zero, step.Graph.Integers(count)]), places, added],
            OnnxGraph.Attribute("axis", 0), OnnxGraph.Attribute("reduction", "add"));
    }

    private static bool IsNumber(Step step, int position) => step.Facts(position) is null or { Shape.Length: 0 };

    private static Format.AttributeProto Axis(Step step) => OnnxGraph.Attribute("axis", step.Dimension(step.Long("dim", 0)));

    private static string Cat(Step step)
    {
        var axis = step.Setting("dim", "axis") is { } dim ? Convert.ToInt64(dim, System.Globalization.CultureInfo.InvariantCulture) : 0;
        return Loops.Joined(step, step.Dimension(axis, step.Output.Shape.Length), isNew: false)
            ?? step.Add("Concat", step.Values(0, step.Output.Type), OnnxGraph.Attribute("axis", axis));
    }

    private static string Stack(Step step)
    {
        var axis = step.Dimension(step.Long("dim", 0), step.Output.Shape.Length);
        return Loops.Joined(step, axis, isNew: true)
            ?? step.Add("Concat",
                step.Values(0, step.Output.Type).Select(value => step.Add("Unsqueeze", [value, step.Graph.Integers(axis)])),
                OnnxGraph.Attribute("axis", axis));
    }

    private static object Split(Step step)
    {
        var axis = step.Dimension(step.Long("dim", 0));
        // The example shows how many there are, and how large.
        step.Ignore("chunks", "split_size_or_sections", "sizes", "size", "indices_or_sections", "indices", "split_size", "sections");
        var parts = (step.Parts
            ?? throw new NotSupportedException("its result is no list of tensors")).Select(part => new Size(part.Shape[axis])).ToArray();
        if (!step.ShapeAt(axis).IsFixed)
        {
            Size[] given = [.. step.Scope.Numbers.Sizes(step.Argument(1))];
            if (given is [var each] && step.Given(1) is long or int && step.Target.name == "split")
                return Loops.Cut(step, axis, each);
            parts = given.Length == parts.Length ? given : throw new NotSupportedException("it cuts a dimension whose size is free");
        }
        return step.Graph.Add("Split", step.Name, [step.Value(0), step.Graph.Sizes(parts)], parts.Length,
            [OnnxGraph.Attribute("axis", axis)]);
    }

    /// <summary>Each to the length of the longest, then side by side.</summary>
    private static string PadSequence(Step step)
    {
        var values = step.Values(0, step.Output.Type);
        var lengths = values.Select(value => step.Graph.Dimension(value, 0)).ToArray();
        var (longest, rest) = (step.Add("Max", lengths), step.Graph.Integers(new long[step.Output.Shape.Length - 2]));
        var (axis, begin) = (step.Flag("batch_first") ? 0 : 1, step.Graph.Integers(0));
        var padded =
            values.Zip(lengths,
                (value, length) =>
                    step.Add("Pad",
                        [value, step.Add("Concat", [begin, rest, step.Add("Sub", [longest, length]), rest], OnnxGraph.Attribute("axis", 0)),
                            step.Scalar(step.Double("padding_value", 0))]));
        return step.Add("Concat", padded.Select(value => step.Add("Unsqueeze", [value, step.Graph.Integers(axis)])),
            OnnxGraph.Attribute("axis", axis));
    }

    private static object Unbind(Step step)
    {
        var axis = step.Dimension(step.Long(step.At("dim") >= 0 ? "dim" : "dimension", 0));
        return step.ShapeAt(axis).IsFixed
            ? (object)(string[])[.. Enumerable.Range(0, (int)step.Input.Shape[axis])
                .Select(i => step.Add("Gather", [step.Value(0), step.Graph.Integer(i)], OnnxGraph.Attribute("axis", axis)))]
            : Loops.Cut(step, axis, null);
    }

    /// <summary>The end of a dimension, then its beginning; without dimensions, of all elements in a row.</summary>
    private static string Roll(Step step)
    {
        var (shifts, dims) = (step.Longs(1, "shifts")!, step.Axes("dims"));
        // Without a parameter for dimensions, TorchSharp takes the first.
        if (step.At("dims") < 0 && step.Setting("shifts") is Array)
            dims = [0];
        if (dims is null)
            return step.Add("Reshape",
                [Rolled(step, step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1)]), shifts[0], 0, null),
                    step.Add("Shape", [step.Value(0)])]);
        return shifts.Zip(dims)
            .Aggregate(step.Add("Identity", [step.Value(0)]),
                (value, by) => Rolled(step, value, by.First, by.Second, step.ShapeAt(by.Second)));
    }

    internal static string Rolled(Step step, string value, long shift, long axis, Size? size)
    {
        var cut = size is { IsFixed: true, Constant: var all } ? ((-shift % all) + all) % all : -shift;
        return cut == 0 ? value : step.Add("Concat",
            [Index.Slice(step, value, [new(axis, new(cut), Range.Open, 1, Drops: false)]),
                Index.Slice(step, value, [new(axis, new(0), new(cut), 1, Drops: false)])], OnnxGraph.Attribute("axis", axis));
    }

    /// <summary>An element of a list of tensors, or <c>x[…]</c>.</summary>
    private static object Item(Step step)
    {
        if (step.Given(0) is TensorFacts)
            return Index.Of(step, step.Arguments(1..), step.Rank).Read(step, step.Value(0));
        if (Loops.Item(step) is { } item)
            return item;
        var at = step.Size(1);
        var values = step.Values(0);
        return at.IsFixed
            ? values[at.Constant < 0 ? at.Constant + values.Length : at.Constant]
                : throw new NotSupportedException("its index is no fixed number");
    }

    /// <summary>A diagonal of two dimensions, as the last one: every so many of their elements in a row.</summary>
    private static string Diagonal(Step step)
    {
        var (offset, rows, columns) = (step.Long("offset", 0), step.Dimension(step.Long("dim1", 0)), step.Dimension(step.Long("dim2", 1)));
        if (step.ShapeAt(rows) is not { IsFixed: true, Constant: var height }
            || step.ShapeAt(columns) is not { IsFixed: true, Constant: var width })
            throw new NotSupportedException("its dimensions have a size that is free");
        long[] others = [.. Enumerable.Range(0, step.Rank).Select(axis => (long)axis).Where(axis => axis != rows && axis != columns)];
        var last = step.Add("Transpose", [step.Value(0)], OnnxGraph.Attribute("perm", [.. others, rows, columns]));
        var flat = step.Add("Reshape", [last, step.Graph.Sizes([.. others.Select(axis => step.ShapeAt(axis)), new(height * width)])]);
        var places = arange(0, Math.Max(0, Math.Min(height + Math.Min(0, offset), width - Math.Max(0, offset)))) * (width + 1)
            + (offset < 0 ? -offset * width : offset);
        return step.Add("Gather", [flat, step.Graph.Constant("diagonal", places)], OnnxGraph.Attribute("axis", step.Rank - 2));
    }

    /// <summary><c>x.unfold(dimension, size, step)</c>: overlapping windows of one dimension, each in a new last one.</summary>
    private static string Windows(Step step)
    {
        var (axis, size, stride) = (step.Dimension(step.Long("dimension", 0)), step.Long("size", 1), step.Long("step", 1));
        if (step.ShapeAt(axis) is not { IsFixed: true, Constant: var length })
            throw new NotSupportedException("how many windows there are depends on a free size; fix that size");
        var starts = arange(0, length - size + 1, stride);
        var gathered =
            step.Add("Gather", [step.Value(0), step.Graph.Constant("windows", starts.unsqueeze(1) + arange(size))],
                OnnxGraph.Attribute("axis", axis));
        var order = Enumerable.Range(0, step.Rank + 1).Select(i => (long)i).Where(i => i != axis + 1).Append(axis + 1);
        return step.Add("Transpose", [gathered], OnnxGraph.Attribute("perm", order));
    }

    /// <summary>The patches that a convolution sees: [N, C, H, W] to [N, C · kh · kw, patches], by a convolution that copies.</summary>
    private static string Patches(Step step)
    {
        var (kernel, channels) = (step.Longs(2, "kernel_size")!, step.Input.Shape[1]);
        var padding = step.Longs(2, "padding") ?? new long[2];
        var area = kernel[0] * kernel[1];
        var copies = eye(area, dtype: step.Input.Type).reshape(area, 1, kernel[0], kernel[1]).repeat(channels, 1, 1, 1);
        var patches =
            step.Add("Conv", [step.Value(0), step.Graph.Constant("copies", copies)], OnnxGraph.Attribute("group", channels),
                OnnxGraph.Attribute("strides", step.Longs(2, "stride") ?? [1, 1]),
            OnnxGraph.Attribute("pads", [.. padding, .. padding]), OnnxGraph.Attribute("dilations", step.Longs(2, "dilation") ?? [1, 1]));
        return step.Add("Reshape", [patches, step.Graph.Integers(0, channels * area, -1)]);
    }
}
