using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Convolutions, normalisations and pooling.</summary>
internal static class Layers
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table[$"conv{n}d"] = step => Convolution(step, dimensions);
            table[$"batchnorm{n}d"] = BatchNorm;
            table[$"maxpool{n}d"] = table[$"max_pool{n}d"] = step => MaxPool(step, dimensions);
            table[$"avgpool{n}d"] = table[$"avg_pool{n}d"] = step => AveragePool(step, dimensions);
            table[$"adaptiveavgpool{n}d"] = table[$"adaptive_avg_pool{n}d"] = step => AdaptivePool(step, dimensions);
        }
        table["batch_norm"] = BatchNorm;
        table["interpolate"] = table["upsample"] = Resize;
        table["pad"] = Pad;
        foreach (var n in new[] { "constantpad1d", "constantpad2d", "constantpad3d", "zeropad2d" })
            table[n] = Pad;
        table["layernorm"] = table["layer_norm"] = LayerNorm;
    }

    private static string Convolution(Step step, int n)
    {
        if (step.Setting("padding_mode") is { } mode && mode.ToString() != "Zeros")
            throw new NotSupportedException($"its padding mode {mode} is not supported");
        if (step.Setting("padding_type") is { } named && named.ToString() != "Valid")
            throw new NotSupportedException($"its padding {named} is not supported; give it in numbers");
        string[] inputs = [step.Value(0), step.Tensor("weight")!, .. step.Tensor("bias") is { } bias ? [bias] : Array.Empty<string>()];
        return step.Add("Conv", inputs,
            OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? Ones(n)), OnnxGraph.Attribute("pads", Pads(step, n)),
            OnnxGraph.Attribute("dilations", step.Longs(n, "dilation") ?? Ones(n)), OnnxGraph.Attribute("group", step.Long("groups", 1)));
    }

    private static string BatchNorm(Step step)
    {
        if (step.Module is { training: true } || step.Flag("training"))
            throw new NotSupportedException("it updates its statistics in training mode; export the model in evaluation mode");
        if (step.Tensor("running_mean") is not { } mean || step.Tensor("running_var") is not { } variance)
            throw new NotSupportedException("it has no running statistics");
        var channels = step.Input.Shape[1];
        var weight = step.Tensor("weight") ?? step.Graph.Initializer($"ones {channels}", ones(channels, step.Input.Type));
        var bias = step.Tensor("bias") ?? step.Graph.Initializer($"zeros {channels}", zeros(channels, step.Input.Type));
        return step.Add("BatchNormalization", [step.Value(0), weight, bias, mean, variance], OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
    }

    private static string LayerNorm(Step step)
    {
        var shape = step.Longs(1, "normalized_shape")!;
        var weight = step.Tensor("weight") ?? step.Graph.Initializer($"ones {string.Join('x', shape)}", ones(shape, step.Input.Type));
        string[] inputs = [step.Value(0), weight, .. step.Tensor("bias") is { } bias ? [bias] : Array.Empty<string>()];
        return step.Add("LayerNormalization", inputs, OnnxGraph.Attribute("axis", -shape.Length), OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
    }

    private static string MaxPool(Step step, int n)
    {
        var kernel = step.Longs(n, "kernel_size")!;
        return step.Add("MaxPool", [step.Value(0)], OnnxGraph.Attribute("kernel_shape", kernel), OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? kernel),
            OnnxGraph.Attribute("pads", Pads(step, n)), OnnxGraph.Attribute("dilations", step.Longs(n, "dilation") ?? Ones(n)), OnnxGraph.Attribute("ceil_mode", step.Flag("ceil_mode") ? 1 : 0));
    }

    private static string AveragePool(Step step, int n)
    {
        if (step.Setting("divisor_override") is not null || step.Flag("ceil_mode"))
            throw new NotSupportedException("its divisor_override or ceil_mode is not supported");
        var kernel = step.Longs(n, "kernel_size")!;
        return step.Add("AveragePool", [step.Value(0)], OnnxGraph.Attribute("kernel_shape", kernel), OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? kernel),
            OnnxGraph.Attribute("pads", Pads(step, n)), OnnxGraph.Attribute("count_include_pad", step.Setting("count_include_pad") is false ? 0 : 1));
    }

    /// <summary>Where the output's size divides the input's, adaptive pooling is plain pooling.</summary>
    private static string AdaptivePool(Step step, int n)
    {
        var (from, to) = (step.Input.Shape[^n..], step.Output.Shape[^n..]);
        if (to.All(size => size == 1))
            return step.Add("GlobalAveragePool", [step.Value(0)]);
        if (from.Zip(to).Any(pair => pair.First % pair.Second != 0))
            throw new NotSupportedException($"its output [{string.Join(", ", to)}] does not divide its input [{string.Join(", ", from)}]; give an example input that it does");
        var kernel = from.Zip(to, (size, parts) => size / parts).ToArray();
        return step.Add("AveragePool", [step.Value(0)], OnnxGraph.Attribute("kernel_shape", kernel), OnnxGraph.Attribute("strides", kernel));
    }

    private static string Resize(Step step)
    {
        var mode = step.Setting("mode")?.ToString()?.ToLowerInvariant() switch
        {
            "nearest" => "nearest",
            "linear" or "bilinear" or "trilinear" => "linear",
            var other => throw new NotSupportedException($"its mode {other} is not supported"),
        };
        if (step.Flag("antialias"))
            throw new NotSupportedException("antialiasing is not supported");
        var coordinates = step.Flag("align_corners") ? "align_corners" : mode == "nearest" ? "asymmetric" : "half_pixel";
        return step.Add("Resize", [step.Value(0), "", "", step.Graph.Sizes(step.Shape())], OnnxGraph.Attribute("mode", mode), OnnxGraph.Attribute("coordinate_transformation_mode", coordinates), OnnxGraph.Attribute("nearest_mode", "floor"));
    }

    /// <summary>PyTorch lists the last dimension first, ONNX all beginnings and then all ends.</summary>
    private static string Pad(Step step)
    {
        if (step.Setting("mode", "padding_mode")?.ToString() is { } mode and not "Constant" and not "Zeros")
            throw new NotSupportedException($"its mode {mode} is not supported");
        var given = step.Longs(1, "pad", "padding")!;
        var (begins, ends) = (new long[step.Rank], new long[step.Rank]);
        for (var i = 0; i < given.Length / 2; i++)
            (begins[^(i + 1)], ends[^(i + 1)]) = (given[2 * i], given[(2 * i) + 1]);
        return step.Add("Pad", [step.Value(0), step.Graph.Integers([.. begins, .. ends]), step.Graph.Scalar(step.Double("value", 0), step.Input.Type)]);
    }

    private static long[] Pads(Step step, int n) => step.Longs(n, "padding") is { } padding ? [.. padding, .. padding] : new long[2 * n];

    private static long[] Ones(int n) => [.. Enumerable.Repeat(1L, n)];
}
