using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Pooling.</summary>
internal static class Pooling
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table[$"maxpool{n}d"] = table[$"max_pool{n}d"] = step => step.Images(dimensions, images => MaxPool(images, dimensions));
            table[$"avgpool{n}d"] = table[$"avg_pool{n}d"] = step => step.Images(dimensions, images => AveragePool(images, dimensions));
            table[$"adaptiveavgpool{n}d"] = table[$"adaptive_avg_pool{n}d"] = step =>
                step.Images(dimensions, images => Adaptive(images, dimensions, "AveragePool", "ReduceMean"));
        }
        // TorchSharp 0.107 can't run the one of three dimensions.
        for (var n = 1; n <= 2; n++)
        {
            var dimensions = n;
            table[$"adaptivemaxpool{n}d"] = table[$"adaptive_max_pool{n}d"] = step =>
                step.Images(dimensions, images => Adaptive(images, dimensions, "MaxPool", "ReduceMax"));
        }
    }

    private static string MaxPool(Step step, int n)
    {
        var kernel = step.Longs(n, "kernel_size")!;
        return step.Add("MaxPool", [step.Value(0)], OnnxGraph.Attribute("kernel_shape", kernel),
            OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? kernel),
            OnnxGraph.Attribute("pads", Layers.Pads(step, n)),
            OnnxGraph.Attribute("dilations", step.Longs(n, "dilation") ?? Layers.Ones(n)),
            OnnxGraph.Attribute("ceil_mode", step.Flag("ceil_mode") ? 1 : 0));
    }

    private static string AveragePool(Step step, int n)
    {
        var kernel = step.Longs(n, "kernel_size")!;
        var strides = step.Longs(n, "stride", "strides") ?? kernel;
        var pads = Layers.Pads(step, n);
        if (step.Setting("divisor_override") is { } divisor)
            return step.Add("Mul",
                [Average(step, step.Value(0), kernel, strides, pads, true),
                    step.Scalar(kernel.Aggregate((a, b) => a * b) / Convert.ToDouble(divisor,
                        System.Globalization.CultureInfo.InvariantCulture))]);
        var counts = step.Setting("count_include_pad") is not false;
        return step.Flag("ceil_mode")
            ? Ceiling(step, kernel, strides, pads, counts) : Average(step, step.Value(0), kernel, strides, pads, counts);
    }

    private static string Average(Step step, string value, long[] kernel, long[] strides, long[] pads, bool counts)
        => step.Add("AveragePool", [value],
        OnnxGraph.Attribute("kernel_shape", kernel), OnnxGraph.Attribute("strides", strides), OnnxGraph.Attribute("pads", pads),
        OnnxGraph.Attribute("count_include_pad", counts ? 1 : 0));

    /// <summary>
    /// Windows that reach over the end divide by what of them lies inside: the average of the numbers, with zeros around, by that of ones
    /// where something counts.
    /// </summary>
    private static string Ceiling(Step step, long[] kernel, long[] strides, long[] pads, bool counts)
    {
        var n = kernel.Length;
        var sizes = Fixed(step, n);
        var ends = Enumerable.Range(0, n).Select(i => ((step.Output.Shape[^(n - i)] - 1) * strides[i]) + kernel[i] - sizes[i] - pads[i])
            .Select((over, i) => Math.Max(over, pads[n + i])).ToArray();
        long[] around = [.. pads[..n], .. ends];
        using var inside = counts ? ones([1, 1, .. sizes.Select((size, i) => size + pads[i] + pads[n + i])]) : ones([1, 1, .. sizes]);
        long[] beyond = counts
            ? [.. Enumerable.Range(0, n).SelectMany(i => new[] { 0, ends[^(i + 1)] - pads[^(i + 1)] })]
                : [.. Enumerable.Range(0, n).SelectMany(i => new[] { pads[n - 1 - i], ends[^(i + 1)] })];
        var mask = step.Graph.Constant(step.Name, nn.functional.pad(inside, beyond).to(step.Input.Type));
        var padded = step.Add("Pad", [step.Value(0), step.Graph.Integers([0, 0, .. around[..n], 0, 0, .. around[n..]])]);
        return step.Add("Div",
            [Average(step, padded, kernel, strides, new long[2 * n], true), Average(step, mask, kernel, strides, new long[2 * n], true)]);
    }

    /// <summary>
    /// Where the output's size divides the input's, adaptive pooling is plain pooling; otherwise windows overlap, one axis after the other.
    /// </summary>
    internal static string Adaptive(Step step, int n, string op, string reduce)
    {
        step.Ignore("output_size");
        var to = step.Output.Shape[^n..];
        if (to.All(size => size == 1))
            return step.Add("Global" + op, [step.Value(0)]);
        var from = Fixed(step, n);
        if (from.Zip(to).Any(pair => pair.First % pair.Second != 0))
            return Enumerable.Range(0, n)
                .Aggregate(step.Value(0), (value, i) => Windows(step, value, step.Rank - n + i, from[i], to[i], reduce));
        var kernel = from.Zip(to, (size, parts) => size / parts).ToArray();
        return step.Add(op, [step.Value(0)], OnnxGraph.Attribute("kernel_shape", kernel), OnnxGraph.Attribute("strides", kernel));
    }

    private static string Windows(Step step, string value, long axis, long from, long to, string reduce)
    {
        if (from == to)
            return value;
        var windows = Enumerable.Range(0, (int)to)
            .Select(i => Index.Slice(step, value, [new(axis, new(i * from / to), new((((i + 1) * from) + to - 1) / to), 1, Drops: false)]));
        return step.Add("Concat", windows.Select(window => step.Add(reduce, [window], OnnxGraph.Attribute("axes", [axis]))),
            OnnxGraph.Attribute("axis", axis));
    }

    private static long[] Fixed(Step step, int n)
        => [.. step.Shape()[^n..].Select(size => size.IsFixed
            ? size.Constant : throw new NotSupportedException("its windows depend on a free size; fix that size"))];
}
