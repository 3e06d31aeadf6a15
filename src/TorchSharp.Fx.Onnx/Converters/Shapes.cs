namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>The same elements in another shape or order of dimensions.</summary>
internal static class Shapes
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var name in new[] { "reshape", "view" })
            table[name] = step => Reshape(step, step.Sizes(1));
        table["view_as"] = step => step.Add("Reshape", [step.Value(0), step.Add("Shape", [step.Value(1)])]);
        table["flatten"] = table["ravel"] = Flatten;
        table["unflatten"] = Unflatten;
        table["squeeze"] = Squeeze;
        table["unsqueeze"] = step =>
            step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(step.Dimension(step.Long("dim", 0), step.Rank + 1))]);
        table["expand"] = table["broadcast_to"] = step =>
            step.Add("Expand",
                [step.Value(0),
                    step.Graph.Sizes([.. step.Sizes(1).Select(size => size is { IsFixed: true, Constant: -1 } ? new(1) : size)])]);
        table["expand_as"] = step => step.Add("Expand", [step.Value(0), step.Add("Shape", [step.Value(1)])]);
        table["repeat"] = table["tile"] = Tile;
        table["repeat_interleave"] = RepeatInterleave;
        table["permute"] = step => Transpose(step, step.Value(0), step.Axes("permutation", "dims")!);
        foreach (var name in new[] { "transpose", "swapaxes", "swapdims" })
            table[name] = step => Transpose(step, step.Value(0));
        table["t"] = step => step.Rank < 2 ? step.Value(0) : Transpose(step, step.Value(0), [1, 0]);
        table["movedim"] = table["moveaxis"] = MoveDimensions;
        table["getattr"] = Attribute;
    }

    /// <summary>One size that is not known is what is left over (−1).</summary>
    private static string Reshape(Step step, Size[] shape)
    {
        if (shape.Count(size => !size.IsFixed) == 1 && !shape.Any(size => size is { IsFixed: true, Constant: -1 }))
            shape = [.. shape.Select(size => size.IsFixed ? size : new Size(-1))];
        return step.Add("Reshape", [step.Value(0), step.Graph.Sizes(shape)]);
    }

    private static string Flatten(Step step)
    {
        var (start, end) = ((int)step.Dimension(step.Long("start_dim", 0)), (int)step.Dimension(step.Long("end_dim", -1)));
        if (step.Rank == 0)
            return Reshape(step, [new(1)]);
        var merged = Enumerable.Range(start, end - start + 1).Select(axis => step.ShapeAt(axis)).ToArray();
        var size = merged.All(part => part.IsFixed) ? new Size(merged.Aggregate(1L, (product, part) => product * part.Constant)) : new(-1);
        return Reshape(step,
            [.. Enumerable.Range(0, start).Select(axis => step.ShapeAt(axis)), size,
                .. Enumerable.Range(end + 1, step.Rank - end - 1).Select(axis => step.ShapeAt(axis))]);
    }

    private static string Unflatten(Step step)
    {
        var axis = (int)step.Dimension(step.Long("dim", 0));
        var parts = step.Module is null ? step.Sizes(2) : step.Longs(1, "unflattened_size")!.Select(size => new Size(size));
        return Reshape(step,
            [.. Enumerable.Range(0, axis).Select(before => step.ShapeAt(before)), .. parts,
                .. Enumerable.Range(axis + 1, step.Rank - axis - 1).Select(after => step.ShapeAt(after))]);
    }

    private static string Squeeze(Step step)
    {
        long[] axes = step.Axes("dim") ?? [.. Enumerable.Range(0, step.Rank).Select(axis => (long)axis)];
        axes = [.. axes.Where(axis => step.ShapeAt(axis) is { IsFixed: true, Constant: 1 })];
        return axes.Length == 0 ? step.Add("Identity", [step.Value(0)]) : step.Add("Squeeze", [step.Value(0), step.Graph.Integers(axes)]);
    }

    /// <summary>More repeats than dimensions make new dimensions in front; fewer are for the last ones.</summary>
    private static string Tile(Step step)
    {
        var repeats = step.Sizes(1);
        var value = repeats.Length <= step.Rank
            ? step.Value(0)
                : step.Add("Unsqueeze",
                    [step.Value(0), step.Graph.Integers([.. Enumerable.Range(0, repeats.Length - step.Rank).Select(axis => (long)axis)])]);
        return step.Add("Tile",
            [value, step.Graph.Sizes([.. Enumerable.Repeat(new Size(1), Math.Max(0, step.Rank - repeats.Length)), .. repeats])]);
    }

    private static string RepeatInterleave(Step step)
    {
        if (step.Facts(1) is not null)
            throw new NotSupportedException("how often it repeats is a tensor; give one number");
        var flat = step.Setting("dim") is null;
        var axis = flat ? 0 : step.Dimension(step.Long("dim", 0));
        var value = flat ? step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1)]) : step.Value(0);
        var rank = flat ? 1 : step.Rank;
        var tiled = step.Add("Tile",
            [step.Add("Unsqueeze", [value, step.Graph.Integers(axis + 1)]),
                step.Graph.Sizes([.. Enumerable.Range(0, rank + 1).Select(i => i == axis + 1 ? step.Size(1) : new(1))])]);
        return step.Add("Reshape",
            [tiled, step.Graph.Sizes([.. Enumerable.Range(0, rank).Select(i => i == axis ? new(-1) : step.ShapeAt(i))])]);
    }

    internal static string Transpose(Step step, string value)
    {
        var (first, second) = (step.Dimension(step.Size(1).Constant), step.Dimension(step.Size(2).Constant));
        return Transpose(step, value, [.. Enumerable.Range(0, step.Rank).Select(i => i == first ? second : i == second ? first : i)]);
    }

    private static string Transpose(Step step, string value, long[] order)
        => step.Add("Transpose", [value], OnnxGraph.Attribute("perm", order));

    private static string MoveDimensions(Step step)
    {
        var (from, to) = (step.Axes("source")!, step.Axes("destination")!);
        var others = new Queue<long>(Enumerable.Range(0, step.Rank).Select(i => (long)i).Except(from));
        return Transpose(step, step.Value(0),
            [.. Enumerable.Range(0, step.Rank).Select(i => Array.IndexOf(to, (long)i) is var at and >= 0 ? from[at] : others.Dequeue())]);
    }

    /// <summary>Properties: the transposed tensor.</summary>
    private static string Attribute(Step step)
    {
        var last = Enumerable.Range(0, step.Rank).Select(i => (long)i).ToArray();
        return ((MemberTarget)step.Target).Member.Name switch
        {
            "T" => Transpose(step, step.Value(0), [.. last.Reverse()]),
            "mT" => Transpose(step, step.Value(0), [.. last[..^2], last[^1], last[^2]]),
            var other => throw new NotSupportedException($"there is no converter for the property '{other}'"),
        };
    }
}
