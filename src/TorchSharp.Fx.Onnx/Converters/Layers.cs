using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Convolutions and normalisations.</summary>
internal static class Layers
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table[$"conv{n}d"] = table[$"conv{n}d_padding"] = step => step.Images(dimensions, images => Convolution(images, dimensions));
            table[$"convtranspose{n}d"] = table[$"conv_transpose{n}d"] = step =>
                step.Images(dimensions, images => Transposed(images, dimensions));
            table[$"batchnorm{n}d"] = BatchNorm;
            table[$"instancenorm{n}d"] = step => step.Images(dimensions, InstanceNorm);
        }
        table["batch_norm"] = BatchNorm;
        table["instance_norm"] = InstanceNorm;
        table["layernorm"] = table["layer_norm"] = LayerNorm;
        table["groupnorm"] = table["group_norm"] = GroupNorm;
        table["localresponsenorm"] = table["local_response_norm"] = LocalResponseNorm;
    }

    private static string Convolution(Step step, int n)
    {
        var weight = step.Facts(1)?.Shape ?? step.Module!.get_parameter("weight")!.shape;
        var dilation = step.Longs(n, "dilation") ?? Ones(n);
        // How much it is, or a word for it.
        var named = step.Setting("padding_type") ?? (step.Setting("padding") is Enum word ? word : null);
        var (value, pads) = (step.Value(0), named is null ? Pads(step, n) : new long[2 * n]);
        if (named?.ToString() is "Same")
            pads = Same([.. weight[2..].Zip(dilation, (size, apart) => (size - 1) * apart)]);
        if (step.Setting("padding_mode")?.ToString() is { } mode and not "Zeros")
            (value, pads) =
                (Resizing.Padded(step, value, mode, [.. new long[2], .. pads[..n], .. new long[2], .. pads[n..]]), new long[2 * n]);
        string[] inputs =
            [value, step.Tensor("weight")!, .. (Quantization.Bias(step) ?? step.Tensor("bias")) is { } bias
                ? [bias] : Array.Empty<string>()];
        return step.Add("Conv", inputs, OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? Ones(n)),
            OnnxGraph.Attribute("pads", pads),
            OnnxGraph.Attribute("dilations", dilation), OnnxGraph.Attribute("group", step.Long("groups", 1)));
    }

    /// <summary>Where the padding is odd, PyTorch has the larger part at the end.</summary>
    private static long[] Same(long[] reaches) => [.. reaches.Select(reach => reach / 2), .. reaches.Select(reach => reach - (reach / 2))];

    private static string Transposed(Step step, int n)
    {
        string[] inputs = [step.Value(0), step.Tensor("weight")!, .. step.Tensor("bias") is { } bias ? [bias] : Array.Empty<string>()];
        return step.Add("ConvTranspose", inputs, OnnxGraph.Attribute("strides", step.Longs(n, "stride", "strides") ?? Ones(n)),
            OnnxGraph.Attribute("pads", Pads(step, n)),
            OnnxGraph.Attribute("dilations", step.Longs(n, "dilation") ?? Ones(n)), OnnxGraph.Attribute("group", step.Long("groups", 1)),
            OnnxGraph.Attribute("output_padding", step.Longs(n, "output_padding") ?? new long[n]));
    }

    private static string BatchNorm(Step step)
    {
        if (step.Module is { training: true } || step.Flag("training"))
            throw new NotSupportedException("it updates its statistics in training mode; export the model in evaluation mode");
        step.Ignore("momentum", "track_running_stats");
        if (step.Tensor("running_mean") is not { } mean || step.Tensor("running_var") is not { } variance)
            throw new NotSupportedException("it has no running statistics");
        return step.Add("BatchNormalization", [step.Value(0), Weight(step), Bias(step), mean, variance],
            OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
    }

    private static string InstanceNorm(Step step)
    {
        if (step.Rank < 3)
            throw new NotSupportedException("its input has no dimension beside those of the batch and of channels");
        step.Ignore("momentum", "track_running_stats");
        if (step.Setting("use_input_stats") is true && step.Facts(1) is not null)
            throw new NotSupportedException("it updates its statistics");
        if (step.Tensor("running_mean") is not null && step.Setting("use_input_stats") is not true)
            return BatchNorm(step);
        return step.Add("InstanceNormalization", [step.Value(0), Weight(step), Bias(step)],
            OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
    }

    private static string Weight(Step step)
        => step.Tensor("weight") ?? step.Graph.Initializer($"ones {step.Input.Shape[1]}", ones(step.Input.Shape[1], step.Input.Type));

    private static string Bias(Step step)
        => step.Tensor("bias") ?? step.Graph.Initializer($"zeros {step.Input.Shape[1]}", zeros(step.Input.Shape[1], step.Input.Type));

    private static string LayerNorm(Step step)
    {
        var shape = step.Longs(1, "normalized_shape")!;
        var weight = step.Tensor("weight") ?? step.Graph.Initializer($"ones {string.Join('x', shape)}", ones(shape, step.Input.Type));
        string[] inputs = [step.Value(0), weight, .. step.Tensor("bias") is { } bias ? [bias] : Array.Empty<string>()];
        return step.Add("LayerNormalization", inputs, OnnxGraph.Attribute("axis", -shape.Length),
            OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
    }

    /// <summary>The groups are instances of one channel each.</summary>
    private static string GroupNorm(Step step)
    {
        var groups = step.Long("num_groups", 1);
        var (scale, offset) =
            (step.Graph.Initializer($"ones {groups}", ones(groups, step.Input.Type)),
                step.Graph.Initializer($"zeros {groups}", zeros(groups, step.Input.Type)));
        var grouped = step.Add("Reshape", [step.Value(0), step.Graph.Integers(0, groups, -1)]);
        var normal = step.Add("InstanceNormalization", [grouped, scale, offset], OnnxGraph.Attribute("epsilon", step.Double("eps", 1e-5)));
        var value = step.Add("Reshape", [normal, step.Add("Shape", [step.Value(0)])]);
        var perChannel = step.Graph.Integers([-1, .. Enumerable.Repeat(1L, step.Rank - 2)]);
        foreach (var (tensor, op) in new[] { (step.Tensor("weight"), "Mul"), (step.Tensor("bias"), "Add") })
            if (tensor is not null)
                value = step.Add(op, [value, step.Rank == 2 ? tensor : step.Add("Reshape", [tensor, perChannel])]);
        return value;
    }

    /// <summary>Of an even number of channels PyTorch has the larger half before, ONNX behind.</summary>
    private static string LocalResponseNorm(Step step)
    {
        var (size, alpha, beta, k) = (step.Long("size", 5), step.Double("alpha", 1e-4), step.Double("beta", 0.75), step.Double("k", 1));
        if (size % 2 == 1)
            return step.Add("LRN", [step.Value(0)], OnnxGraph.Attribute("size", size), OnnxGraph.Attribute("alpha", alpha),
                OnnxGraph.Attribute("beta", beta), OnnxGraph.Attribute("bias", k));
        var squares =
            step.Add("Reshape",
                [step.Add("Mul", [step.Value(0), step.Value(0)]), step.Graph.Sizes([step.ShapeAt(0), new(1), step.ShapeAt(1), new(-1)])]);
        var means = step.Add("AveragePool", [squares], OnnxGraph.Attribute("kernel_shape", [size, 1]),
            OnnxGraph.Attribute("strides", [1, 1]),
            OnnxGraph.Attribute("pads", [size / 2, 0, (size - 1) / 2, 0]), OnnxGraph.Attribute("count_include_pad", 1));
        var divisor = step.Add("Pow", [step.Add("Add", [step.Add("Mul", [means, step.Scalar(alpha)]), step.Scalar(k)]), step.Scalar(beta)]);
        return step.Add("Div", [step.Value(0), step.Add("Reshape", [divisor, step.Add("Shape", [step.Value(0)])])]);
    }

    internal static long[] Pads(Step step, int n) => step.Longs(n, "padding") is { } padding ? [.. padding, .. padding] : new long[2 * n];

    internal static long[] Ones(int n) => [.. Enumerable.Repeat(1L, n)];
}
