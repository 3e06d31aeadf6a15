using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>A range of one axis; a single index is a range of one that drops the axis afterwards.</summary>
internal sealed record Range(long Axis, Size Start, Size Stop, long Stride, bool Drops)
{
    internal static Size Open => new(long.MaxValue);
}

/// <summary>The indices of <c>x[…]</c>, taken apart by axes of <c>x</c>.</summary>
/// <param name="Ranges">Ranges and numbers.</param>
/// <param name="Tensors">Tensors of integers or bools, each with the axis that it begins at.</param>
/// <param name="NewAxes">Where the result has further axes of size one, counted with these and without dropped ones.</param>
internal sealed record Index(IReadOnlyList<Range> Ranges, IReadOnlyList<(long Axis, string Name, TensorFacts Facts)> Tensors,
    IReadOnlyList<long> NewAxes)
{
    /// <summary>The index of a node on a tensor of some rank.</summary>
    internal static Index Of(Step step, IEnumerable<Argument> arguments, int rank)
    {
        var items = arguments.SelectMany(argument => argument is ListArgument list ? list.Items : [argument])
            .Select(item => item is ConvertArgument { Value: var inner } ? inner : item).ToArray();
        var (ranges, tensors, newAxes) = (new List<Range>(), new List<(long, string, TensorFacts)>(), new List<long>());
        long axis = 0, result = 0;
        foreach (var item in items)
            switch (item)
            {
                case EllipsisArgument:
                    var skipped = rank - items.Sum(other => Consumed(step, other));
                    (axis, result) = (axis + skipped, result + skipped);
                    break;
                case Literal { Value: null }:
                    newAxes.Add(result++);
                    break;
                case SliceArgument slice:
                    if (slice is not { Start: null, Stop: null, Step: null })
                        ranges.Add(new(axis, Bound(slice.Start, new(0)), Bound(slice.Stop, Range.Open),
                            slice.Step is null ? 1 : Bound(slice.Step, default).Constant, Drops: false));
                    (axis, result) = (axis + 1, result + 1);
                    break;
                case var _ when step.Read(item) is var (name, facts)
                    && facts.Type is ScalarType.Int64 or ScalarType.Bool or ScalarType.Int32:
                    tensors.Add((axis, name, facts));
                    (axis, result) = (axis + Consumed(step, item), result + facts.Shape.Length);
                    break;
                case Literal { Value: long or int } or NodeArgument:
                    ranges.Add(One(step, axis++, step.Scope.Numbers.Size(item)));
                    break;
                default:
                    throw new NotSupportedException(
                        $"its index {item} is not supported: numbers, ranges, ellipses, new axes and tensors of integers or bools are");
            }
        return new(ranges, tensors, newAxes);

        Size Bound(Argument? bound, Size open) => bound is null or Literal { Value: null } ? open : step.Scope.Numbers.Size(bound);
    }

    /// <summary>One index of an axis.</summary>
    internal static Range One(Step step, long axis, Size at)
        => new(axis, at, at.IsFixed ? at.Constant == -1
            ? Range.Open : new(at.Constant + 1) : new(0, step.Add("Add", [at.Name!, step.Graph.Integers(1)])), 1, Drops: true);

    /// <summary>The value of <c>x[…]</c>.</summary>
    internal string Read(Step step, string value)
    {
        if (this is { Ranges: [{ Drops: true, Start: { IsFixed: true, Constant: var at }, Axis: var axis }], Tensors: [], NewAxes: [] })
            return step.Add("Gather", [value, step.Graph.Integer(at)], OnnxGraph.Attribute("axis", axis));
        value = Dropped(step, Sliced(step, value));
        if (Tensors.Count > 0)
            value = Gathered(step, value);
        return NewAxes.Count == 0 ? value : step.Add("Unsqueeze", [value, step.Graph.Integers([.. NewAxes])]);
    }

    /// <summary>A tensor with other numbers where <c>x[…]</c> reads.</summary>
    internal string Write(Step step, string value, string written, bool accumulate = false, bool isNumber = false)
    {
        if (this is { Ranges: [], NewAxes: [], Tensors: [(0, var mask, { Type: ScalarType.Bool, Shape.Length: var covered })] } && isNumber
            && !accumulate)
            return step.Add("Where", [Widened(step, mask, step.Rank - covered), written, value]);
        if (this is { Ranges: [], NewAxes: [] } && Tuples(step) is { } indices)
            return step.Add("ScatterND", [value, indices, Fitted(step, written, step.Add("GatherND", [value, indices]))],
                accumulate ? [OnnxGraph.Attribute("reduction", "add")] : Array.Empty<Format.AttributeProto>());
        if (accumulate || Tensors.Count > 0 || NewAxes.Count > 0 || Ranges.Any(range => range.Stride != 1))
            return Scattered(step, value, written, accumulate);
        var normal = this with { Ranges = [.. Ranges.Select(range => Normal(step, value, range))] };
        return normal.Replaced(step, value, written);
    }

    /// <summary>Whatever the index is: of a tensor of positions it reads those of the elements that are written to.</summary>
    private string Scattered(Step step, string value, string written, bool accumulate)
    {
        var (shape, flat) = (step.Add("Shape", [value]), step.Graph.Integers(-1));
        var positions =
            Read(step, step.Add("Reshape",
                [step.Add("Range", [step.Graph.Integer(0), step.Add("Size", [value]), step.Graph.Integer(1)]), shape]));
        string[] inputs =
            [.. new[] { value, positions, Fitted(step, written, positions) }.Select(tensor => step.Add("Reshape", [tensor, flat]))];
        var result =
            step.Add("ScatterElements", inputs,
                accumulate ? [OnnxGraph.Attribute("reduction", "add")] : Array.Empty<Format.AttributeProto>());
        return step.Add("Reshape", [result, shape]);
    }

    private string Replaced(Step step, string value, string written)
    {
        var region = Sliced(step, value);
        var fitted = Fitted(step, written, Dropped(step, region));
        return Joined(step, value, Drops.Length == 0 ? fitted : step.Add("Unsqueeze", [fitted, step.Graph.Integers(Drops)]), 0);
    }

    /// <summary>Which elements of the first dimensions the tensors tell: one mask, or integers for each of them; null for others.</summary>
    private string? Tuples(Step step) => Tensors switch
    {
        [(0, var mask, { Type: ScalarType.Bool })] =>
            step.Add("Transpose", [step.Add("NonZero", [mask])], OnnxGraph.Attribute("perm", [1, 0])),
        [] => null,
        _ when Tensors.Any(tensor => tensor.Facts.Type == ScalarType.Bool)
            || !Tensors.Select(tensor => tensor.Axis).SequenceEqual(Enumerable.Range(0, Tensors.Count).Select(i => (long)i)) => null,
        _ => Together(step, [.. Tensors]),
    };

    private long[] Drops => [.. Ranges.Where(range => range.Drops).Select(range => range.Axis)];

    private string Sliced(Step step, string value) => Ranges.Count == 0 ? value : Slice(step, value, Ranges);

    private string Dropped(Step step, string value) => Drops.Length == 0 ? value : step.Add("Squeeze", [value, step.Graph.Integers(Drops)]);

    /// <summary>
    /// A range whose ends are both counted from the same side, and whose stop is not before its start: what is before and what is after it
    /// would overlap.
    /// </summary>
    private static Range Normal(Step step, string value, Range range)
    {
        if (range.Drops || range is { Start: { IsFixed: true, Constant: var start }, Stop: { IsFixed: true, Constant: var stop } }
            && start < 0 == stop < 0 && start <= stop)
            return range;
        var size = step.Graph.Dimension(value, range.Axis);
        var from = Within(step, range.Start, size);
        return range with { Start = new(0, from), Stop = new(0, step.Add("Max", [from, Within(step, range.Stop, size)])) };
    }

    /// <summary>An index counted from the front, between the first and the last.</summary>
    private static string Within(Step step, Size at, string size)
    {
        var (index, zero) = (step.Graph.Sizes([at]), step.Graph.Integers(0));
        var counted = step.Add("Where", [step.Add("Less", [index, zero]), step.Add("Add", [index, size]), index]);
        return step.Add("Max", [step.Add("Min", [counted, size]), zero]);
    }

    /// <summary>The part before the range, the other numbers, the part after it: one axis after the other.</summary>
    private string Joined(Step step, string value, string written, int from)
    {
        if (from == Ranges.Count)
            return written;
        var range = Ranges[from];
        var parts = new List<string>();
        if (range.Start is not { IsFixed: true, Constant: 0 })
            parts.Add(Slice(step, value, [range with { Start = new(0), Stop = range.Start }]));
        parts.Add(Joined(step, Slice(step, value, [range]), written, from + 1));
        if (range.Stop is not { IsFixed: true, Constant: long.MaxValue })
            parts.Add(Slice(step, value, [range with { Start = range.Stop, Stop = Range.Open }]));
        return parts.Count == 1 ? parts[0] : step.Add("Concat", parts, OnnxGraph.Attribute("axis", range.Axis));
    }

    internal static string Slice(Step step, string value, IReadOnlyList<Range> ranges) => step.Add("Slice", [value,
        step.Graph.Sizes([.. ranges.Select(range => range.Start)]), step.Graph.Sizes([.. ranges.Select(range => range.Stop)]),
        step.Graph.Integers([.. ranges.Select(range => range.Axis)]), step.Graph.Integers([.. ranges.Select(range => range.Stride)])]);

    /// <summary>By tensors: their axes become those of the tensors, which come first where there were others in between.</summary>
    private string Gathered(Step step, string value)
    {
        var dropped = Drops;
        var tensors = Tensors.Select(tensor => tensor with { Axis = tensor.Axis - dropped.Count(axis => axis < tensor.Axis) }).ToArray();
        if (tensors is [var (axis, name, facts)])
            return facts.Type == ScalarType.Bool
                ? Masked(step, value, axis, name) : step.Add("Gather", [value, name], OnnxGraph.Attribute("axis", axis));
        if (tensors.Any(tensor => tensor.Facts.Type == ScalarType.Bool))
            throw new NotSupportedException("a mask stands beside other tensors in its index");
        var rank = step.Rank - dropped.Length;
        long[] indexed = [.. tensors.Select(tensor => tensor.Axis)];
        long[] others = [.. Enumerable.Range(0, rank).Select(i => (long)i).Except(indexed)];
        var leading = step.Add("Transpose", [value], OnnxGraph.Attribute("perm", [.. indexed, .. others]));
        var gathered = step.Add("GatherND", [leading, Together(step, tensors)]);
        return indexed[^1] - indexed[0] != indexed.Length - 1 || indexed[0] == 0
            ? gathered : MovedBack(step, gathered, tensors.Max(tensor => tensor.Facts.Shape.Length), (int)indexed[0], others.Length);
    }

    private static string MovedBack(Step step, string gathered, int first, int before, int others)
    {
        var order = Enumerable.Range(first, before).Concat(Enumerable.Range(0, first))
            .Concat(Enumerable.Range(first + before, others - before));
        return step.Add("Transpose", [gathered], OnnxGraph.Attribute("perm", order.Select(i => (long)i)));
    }

    /// <summary>Several tensors of integers as one of tuples.</summary>
    private static string Together(Step step, (long Axis, string Name, TensorFacts Facts)[] tensors)
    {
        var sum = tensors.Select(tensor => step.Graph.Cast(tensor.Name, tensor.Facts.Type, ScalarType.Int64)).ToArray();
        var shape = step.Add("Shape", [sum.Aggregate((a, b) => step.Add("Add", [a, b]))]);
        return step.Add("Concat", sum.Select(name => step.Add("Unsqueeze", [step.Add("Expand", [name, shape]), step.Graph.Integers(-1)])),
            OnnxGraph.Attribute("axis", -1));
    }

    private static string Masked(Step step, string value, long axis, string mask) => axis == 0
        ? step.Add("GatherND", [value, step.Add("Transpose", [step.Add("NonZero", [mask])], OnnxGraph.Attribute("perm", [1, 0]))])
        : throw new NotSupportedException("its mask is not for the first dimensions");

    private static string Widened(Step step, string mask, int axes)
        => axes == 0 ? mask : step.Add("Unsqueeze", [mask, step.Graph.Integers([.. Enumerable.Range(1, axes).Select(i => -(long)i)])]);

    private static string Fitted(Step step, string written, string region) => step.Add("Expand", [written, step.Add("Shape", [region])]);

    private static int Consumed(Step step, Argument item) => item switch
    {
        EllipsisArgument or Literal { Value: null } => 0,
        _ when step.Read(item) is { Facts: { Type: ScalarType.Bool, Shape.Length: var covered } } => covered,
        _ => 1,
    };
}
