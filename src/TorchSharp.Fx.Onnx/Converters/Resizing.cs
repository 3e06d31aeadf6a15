using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Images made larger and smaller, padded, and their pixels rearranged.</summary>
internal static class Resizing
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        table["interpolate"] = table["upsample"] = Resize;
        table["pad"] = Pad;
        table["grid_sample"] = step =>
            step.Add("GridSample", [step.Value(0), step.Value(1)], OnnxGraph.Attribute("mode", Named(step, "mode", "bilinear")),
            OnnxGraph.Attribute("padding_mode", Named(step, "padding_mode", "zeros")),
            OnnxGraph.Attribute("align_corners", step.Flag("align_corners") ? 1 : 0));
        table["affine_grid"] = AffineGrid;
        foreach (var name in new[] { "constantpad", "reflectionpad", "replicationpad" })
            for (var n = 1; n <= 3; n++)
                table[$"{name}{n}d"] = Pad;
        table["zeropad2d"] = Pad;
        table["pixelshuffle"] = table["pixel_shuffle"] = step =>
            step.Add("DepthToSpace", [step.Value(0)], OnnxGraph.Attribute("blocksize", step.Long("upscale_factor", 1)),
                OnnxGraph.Attribute("mode", "CRD"));
        table["pixelunshuffle"] = table["pixel_unshuffle"] = PixelUnshuffle;
        table["channelshuffle"] = table["channel_shuffle"] = ChannelShuffle;
    }

    /// <summary>Where each pixel, or voxel, of the result lies in the input, by a matrix: places between −1 and 1, x first.</summary>
    private static string AffineGrid(Step step)
    {
        var (corners, shape) = (step.Flag("align_corners"), step.Result());
        step.Ignore("size");
        long[] sizes = [.. shape[1..^1].Select(size => size ?? throw new NotSupportedException("its sizes are free; fix them"))];
        var axes = sizes.Select(size => corners ? linspace(-1, 1, size) : linspace(-1 + (1.0 / size), 1 - (1.0 / size), size)).ToArray();
        var places =
            cat([.. torch.meshgrid(axes, "ij").Reverse().Select(axis => axis.reshape(-1, 1)),
                ones(sizes.Aggregate(1L, (product, size) => product * size), 1)], 1).to(step.Output.Type);
        var moved = step.Add("MatMul",
            [step.Graph.Constant("places", places), step.Add("Transpose", [step.Value(0)], OnnxGraph.Attribute("perm", [0, 2, 1]))]);
        return step.Add("Reshape",
            [moved, step.Graph.Sizes([step.ShapeAt(0), .. sizes.Select(size => new Size(size)), new(sizes.Length)])]);
    }

    private static string Named(Step step, string setting, string otherwise)
        => step.Setting(setting)?.ToString()?.ToLowerInvariant() ?? otherwise;

    private static string Resize(Step step)
    {
        var kind = step.Setting("mode")?.ToString()?.ToLowerInvariant();
        if (kind == "area")
        {
            step.Ignore("size", "scale_factor", "recompute_scale_factor");
            return Pooling.Adaptive(step, step.Rank - 2, "AveragePool", "ReduceMean");
        }
        if (step.Flag("antialias"))
            throw new NotSupportedException("antialiasing is not supported");
        var mode = kind switch
        {
            "nearest" or "nearestexact" => "nearest",
            "linear" or "bilinear" or "trilinear" => "linear",
            "bicubic" => "cubic",
            _ => throw new NotSupportedException($"its mode {kind} is not supported"),
        };
        var coordinates = step.Flag("align_corners") ? "align_corners" : kind == "nearest" ? "asymmetric" : "half_pixel";
        return step.Add("Resize", [step.Value(0), "", .. Target(step)], OnnxGraph.Attribute("mode", mode),
            OnnxGraph.Attribute("coordinate_transformation_mode", coordinates),
            OnnxGraph.Attribute("nearest_mode", kind == "nearest" ? "floor" : "round_prefer_ceil"),
            OnnxGraph.Attribute("cubic_coeff_a", -0.75));
    }

    /// <summary>Scales, or no scales and sizes: what the program gives, for which of them is exact makes a difference.</summary>
    private static string[] Target(Step step)
    {
        if (Factors(step) is { } factors && step.Setting("recompute_scale_factor") is not true)
            return [Scales(step, factors)];
        var given = step.Result();
        step.Ignore("size", "scale_factor");
        if (given.All(size => size is not null))
            return ["", step.Graph.Integers([.. given.Select(size => size!.Value)])];
        var at = step.At("size");
        var target = at >= 0 && step.Given(at) is not null
            ? [.. step.Scope.Numbers.Sizes(step.Argument(at))]
                : given[2..].Select(size =>
                    new Size(size ?? throw new NotSupportedException("its result depends on a free size; give a size or a factor")))
                        .ToArray();
        return ["", step.Graph.Sizes([step.ShapeAt(0), step.ShapeAt(1), .. target])];
    }

    private static double[]? Factors(Step step)
        => (step.Module is null ? step.Setting("scale_factor") : step.Setting("_scale_factor")) switch
        {
            double[] { Length: 1 } one => [.. Enumerable.Repeat(one[0], step.Rank - 2)],
            double[] { Length: > 1 } all => all,
            object?[] { Length: > 0 } boxed =>
                [.. Enumerable.Range(0, step.Rank - 2).Select(i => (double)boxed[Math.Min(i, boxed.Length - 1)]!)],
            _ => null,
        };

    private static string Scales(Step step, double[] factors)
        => step.Graph.Constant("scales", tensor([1f, 1f, .. factors.Select(factor => (float)factor)]));

    /// <summary>PyTorch lists the last dimension first, ONNX all beginnings and then all ends.</summary>
    private static string Pad(Step step)
    {
        var mode = step.Module is null ? step.Setting("mode")?.ToString() : step.Setting("padding_mode")?.ToString();
        var given = step.Module is null
            ? [.. step.Scope.Numbers.Sizes(step.Argument(1))] : step.Longs(1, "padding")!.Select(size => new Size(size)).ToArray();
        // TorchSharp takes one number for all four sides.
        if (given.Length == 1)
            given = [.. Enumerable.Repeat(given[0], step.Module is null ? 4 : 2 * (step.Rank - 2))];
        var (begins, ends) = (new Size[step.Rank], new Size[step.Rank]);
        for (var i = 0; i < given.Length / 2; i++)
            (begins[^(i + 1)], ends[^(i + 1)]) = (given[2 * i], given[(2 * i) + 1]);
        Size[] pads = [.. begins, .. ends];
        return pads.All(size => size.IsFixed)
            ? Padded(step, step.Value(0), mode, [.. pads.Select(size => size.Constant)])
            : step.Add("Pad", [step.Value(0), step.Graph.Sizes(pads), step.Scalar(step.Double("value", 0))],
                OnnxGraph.Attribute("mode", Name(mode)));
    }

    /// <summary>Around the last dimensions, by zeros or by what is inside.</summary>
    internal static string Padded(Step step, string value, string? mode, long[] pads)
    {
        if (Array.TrueForAll(pads, size => size == 0))
            return step.Add("Identity", [value]);
        if (mode == "Circular")
            return Enumerable.Range(0, pads.Length / 2)
                .Aggregate(value, (inside, axis) => Around(step, inside, axis, pads[axis], pads[(pads.Length / 2) + axis]));
        return step.Add("Pad", [value, step.Graph.Integers(pads), step.Scalar(step.Double("value", 0))],
            OnnxGraph.Attribute("mode", Name(mode)));
    }

    private static string Around(Step step, string value, long axis, long begin, long end)
    {
        string[] parts =
            [.. begin > 0
                ? [Index.Slice(step, value, [new(axis, new(-begin), Range.Open, 1, Drops: false)])] : Array.Empty<string>(), value,
            .. end > 0 ? [Index.Slice(step, value, [new(axis, new(0), new(end), 1, Drops: false)])] : Array.Empty<string>()];
        return parts.Length == 1 ? value : step.Add("Concat", parts, OnnxGraph.Attribute("axis", axis));
    }

    private static string Name(string? mode) => mode switch
    {
        null or "Constant" or "Zeros" => "constant",
        "Reflect" => "reflect",
        "Replicate" => "edge",
        _ => throw new NotSupportedException($"its mode {mode} is not supported for sizes that are free"),
    };

    /// <summary>[N, C, H · r, W · r] to [N, C · r · r, H, W].</summary>
    private static string PixelUnshuffle(Step step)
    {
        var (r, shape) = (step.Long("downscale_factor", 1), step.Input.Shape);
        if (step.Rank != 4)
            throw new NotSupportedException("its input has no batch, or more dimensions than four");
        var split = step.Add("Reshape", [step.Value(0), step.Graph.Integers(-1, shape[1], shape[2] / r, r, shape[3] / r, r)]);
        var moved = step.Add("Transpose", [split], OnnxGraph.Attribute("perm", [0, 1, 3, 5, 2, 4]));
        return step.Add("Reshape", [moved, step.Graph.Integers(-1, shape[1] * r * r, shape[2] / r, shape[3] / r)]);
    }

    private static string ChannelShuffle(Step step)
    {
        var (groups, channels) = (step.Long("groups", 1), step.Input.Shape[1]);
        var split = step.Add("Reshape", [step.Value(0), step.Graph.Integers(0, groups, channels / groups, -1)]);
        var moved = step.Add("Transpose", [split], OnnxGraph.Attribute("perm", [0, 2, 1, 3]));
        return step.Add("Reshape", [moved, step.Add("Shape", [step.Value(0)])]);
    }
}
