using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>Fourier transforms: <c>DFT</c> and <c>STFT</c> of ONNX, which take and give complex numbers as pairs.</summary>
internal static class Transforms
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        foreach (var (name, kind) in new[] { ("fft", Kind.Forward), ("ifft", Kind.Inverse), ("rfft", Kind.OfReals), ("irfft", Kind.ToReals) })
        {
            table[name] = step => One(step, kind);
            foreach (var ending in new[] { "2", "n" })
                table[name + ending] = step => Several(step, kind, ofTwo: ending == "2");
        }
        table["stft"] = ShortTime;
        table["istft"] = Inverse;
    }

    /// <summary>Half of a dimension, or the other half, to the front.</summary>
    internal static string Shifted(Step step, bool back)
        => (step.Axes("dim") ?? [.. Enumerable.Range(0, step.Rank).Select(axis => (long)axis)]).Aggregate(step.Value(0), (value, axis) =>
        {
            var size = Fixed(step.ShapeAt(axis), "moves halves of a dimension");
            return Pieces.Rolled(step, value, back ? -(size / 2) : size / 2, axis, new(size));
        });

    private enum Kind
    {
        Forward,
        Inverse,
        OfReals,
        ToReals,
    }

    private static object One(Step step, Kind kind)
    {
        var axis = step.Dimension(step.Long("dim", -1));
        return Result(step, Along(step, Pairs(step, kind), axis, step.Long("n", -1), kind), kind);
    }

    /// <summary>One dimension after the other; the halved one is the last, first of all where it is made, and last where it is undone.</summary>
    private static object Several(Step step, Kind kind, bool ofTwo)
    {
        var sizes = step.Longs(1, "s");
        var count = sizes?.Length ?? (ofTwo ? 2 : step.Rank);
        var axes = step.Axes("dim") ?? [.. Enumerable.Range(step.Rank - count, count).Select(axis => (long)axis)];
        var order = Enumerable.Range(0, axes.Length).OrderBy(i => kind == Kind.OfReals ? -i : i).ToArray();
        var value = Pairs(step, kind);
        foreach (var i in order)
        {
            var isHalved = i == axes.Length - 1;
            var own = kind switch
            {
                Kind.OfReals => isHalved ? Kind.OfReals : Kind.Forward,
                Kind.ToReals => isHalved ? Kind.ToReals : Kind.Inverse,
                _ => kind,
            };
            value = Along(step, value, axes[i], sizes?[i] ?? -1, own);
        }
        return Result(step, value, kind);
    }

    /// <summary>The argument as pairs, or as reals with a last dimension of one.</summary>
    private static string Pairs(Step step, Kind kind)
    {
        if (kind == Kind.OfReals)
            return step.Add("Unsqueeze", [step.Value(0, step.Output.Type), step.Graph.Integers(-1)]);
        var (real, imaginary) = ComplexNumbers.Parts(step);
        return new ComplexValue(real, imaginary).Pairs(step.Graph, step.Name);
    }

    private static object Result(Step step, string pairs, Kind kind)
    {
        var parts = ComplexValue.OfPairs(step.Graph, step.Name, pairs);
        return kind == Kind.ToReals ? parts.Real : parts;
    }

    /// <summary>The transform along one dimension of n elements, as many as there are where n is negative.</summary>
    private static string Along(Step step, string value, long axis, long n, Kind kind)
    {
        var size = step.Add("Shape", [value], OnnxGraph.Attribute("start", axis), OnnxGraph.Attribute("end", axis + 1));
        var has = step.ShapeAt(axis);
        if (kind == Kind.ToReals)
        {
            var length = n > 0 ? n : 2 * (Fixed(has, "gives twice as many elements as a free dimension has") - 1);
            value = Whole(step, Sized(step, value, axis, has, length / 2 + 1), axis, length);
            (has, n) = (new(length), -1);
            size = step.Graph.Integers(length);
        }
        else if (n > 0)
        {
            value = Sized(step, value, axis, has, n);
            size = step.Graph.Integers(n);
        }
        // The first dimension is the batch there.
        var isFirst = axis == 0;
        if (isFirst)
            value = step.Add("Unsqueeze", [value, step.Graph.Integers(0)]);
        var inverse = kind is Kind.Inverse or Kind.ToReals;
        value = step.Add("DFT", [value], OnnxGraph.Attribute("axis", axis + (isFirst ? 1 : 0)),
            OnnxGraph.Attribute("inverse", inverse ? 1 : 0), OnnxGraph.Attribute("onesided", kind == Kind.OfReals ? 1 : 0));
        if (isFirst)
            value = step.Add("Squeeze", [value, step.Graph.Integers(0)]);
        return Scaled(step, value, size, inverse);
    }

    /// <summary>ONNX divides by the number of elements on the way back, as <c>norm: Backward</c> does.</summary>
    private static string Scaled(Step step, string value, string size, bool inverse)
    {
        var norm = step.Setting("norm")?.ToString() ?? "Backward";
        if (norm == "Backward")
            return value;
        var count = step.Graph.Cast(size, ScalarType.Int64, step.Output.Type);
        if (norm == "Ortho")
            return step.Add(inverse ? "Mul" : "Div", [value, step.Add("Sqrt", [count])]);
        return step.Add(inverse ? "Mul" : "Div", [value, count]);
    }

    /// <summary>The first n elements of a dimension, with zeros behind where there are fewer.</summary>
    private static string Sized(Step step, string value, long axis, Size has, long n)
    {
        var size = Fixed(has, "cuts or fills a free dimension");
        if (n < size)
            return Index.Slice(step, value, [new(axis, new(0), new(n), 1, Drops: false)]);
        return n == size ? value : step.Add("Pad", [value, step.Graph.Integers([.. new long[2 * (step.Rank + 1)].Select((_, i) =>
            i == step.Rank + 1 + axis ? n - size : 0)])]);
    }

    /// <summary>The second half of what belongs to reals: the first one backwards, conjugated.</summary>
    private static string Whole(Step step, string value, long axis, long n)
    {
        var rest = n - (n / 2 + 1);
        if (rest == 0)
            return value;
        var mirrored = Index.Slice(step, value, [new(axis, new(rest), new(0), -1, Drops: false)]);
        var signs = step.Graph.Constant(step.Name, step.Output.Type == ScalarType.Float64
            ? tensor(new double[] { 1, -1 }) : tensor(new float[] { 1, -1 }));
        return step.Add("Concat", [value, step.Add("Mul", [mirrored, signs])], OnnxGraph.Attribute("axis", axis));
    }

    private static long Fixed(Size size, string what)
        => size.IsFixed ? size.Constant : throw new NotSupportedException($"it {what}; fix that size");

    /// <summary>Frames of the signal, each under the window.</summary>
    private static object ShortTime(Step step)
    {
        var length = step.Long("n_fft", 0);
        var hop = Hop(step, length);
        var signal = Batched(step, step.Value(0));
        var onesided = step.Setting("onesided") is not false;
        if (step.IsComplex(0))
            throw new NotSupportedException("its signal is of complex numbers");
        if (step.Setting("center") is not false)
            signal = step.Add("Pad", [signal, step.Graph.Integers(0, length / 2, 0, length / 2)],
                OnnxGraph.Attribute("mode", Padding(step)));
        else
            step.Ignore("pad_mode");
        var frames = step.Add("STFT", [step.Add("Unsqueeze", [signal, step.Graph.Integers(-1)]), step.Graph.Integer(hop), Window(step, length),
            step.Graph.Integer(length)], OnnxGraph.Attribute("onesided", onesided ? 1 : 0));
        var value = step.Add("Transpose", [frames], OnnxGraph.Attribute("perm", [0L, 2, 1, 3]));
        if (step.Rank == 1)
            value = step.Add("Squeeze", [value, step.Graph.Integers(0)]);
        if (step.Flag("normalized"))
            value = step.Add("Div", [value, step.Graph.Scalar(Math.Sqrt(length), step.Output.Type)]);
        step.Ignore("return_complex");
        return step.GivesComplex ? ComplexValue.OfPairs(step.Graph, step.Name, value) : value;
    }

    private static long Hop(Step step, long length)
    {
        var hop = step.Long("hop_length", -1);
        return hop > 0 ? hop : length / 4;
    }

    private static string Batched(Step step, string value)
        => step.Rank == 1 ? step.Add("Unsqueeze", [value, step.Graph.Integers(0)]) : value;

    private static string Padding(Step step) => step.Setting("pad_mode")?.ToString() switch
    {
        null or "Reflect" => "reflect",
        "Constant" or "Zeros" => "constant",
        "Replicate" => "edge",
        var other => throw new NotSupportedException($"its pad_mode is {other}"),
    };

    /// <summary>The window in the middle of a frame.</summary>
    private static string Window(Step step, long length)
    {
        var size = step.Long("win_length", -1) is var given and > 0 ? given : length;
        var value = step.Tensor("window") ?? step.Add("Expand", [step.Graph.Scalar(1, step.Output.Type), step.Graph.Integers(size)]);
        var before = (length - size) / 2;
        return size == length ? value : step.Add("Pad", [value, step.Graph.Integers(before, length - size - before)]);
    }

    /// <summary>Frames back to a signal: each under the window, put together where they lie, over the sum of the windows' squares.</summary>
    private static object Inverse(Step step)
    {
        var length = step.Long("n_fft", 0);
        var hop = Hop(step, length);
        if (step.Setting("onesided") is false || step.GivesComplex)
            throw new NotSupportedException("it gives a signal of complex numbers, or reads frames of one");
        step.Ignore("onesided", "return_complex");
        var isAlone = step.Rank == 2;
        var (real, imaginary) = ComplexNumbers.Parts(step);
        string[] parts = [.. new[] { real, imaginary }.Select(part => isAlone ? step.Add("Unsqueeze", [part, step.Graph.Integers(0)]) : part)];
        var window = step.Add("Reshape", [Window(step, length), step.Graph.Integers(1, 1, length)]);
        var signal = Laid(step.Add("Concat", parts, OnnxGraph.Attribute("axis", 1)), step.Add("Mul", [Waves(step, length), window]));
        var ones = step.Add("Expand", [step.Graph.Scalar(1, step.Output.Type), step.Add("Concat", [step.Graph.Integers(1, 1),
            step.Add("Shape", [parts[0]], OnnxGraph.Attribute("start", 2), OnnxGraph.Attribute("end", 3))], OnnxGraph.Attribute("axis", 0))]);
        var weights = Laid(ones, step.Add("Mul", [window, window]));
        if (step.Setting("center") is not false)
            (signal, weights) = (Inner(signal), Inner(weights));
        var value = step.Add("Squeeze", [step.Add("Div", [signal, weights]), step.Graph.Integers(isAlone ? [0, 1] : [1])]);
        if (step.Flag("normalized"))
            value = step.Add("Mul", [value, step.Graph.Scalar(Math.Sqrt(length), step.Output.Type)]);
        return value;

        string Laid(string frames, string each) => step.Add("ConvTranspose", [frames, each], OnnxGraph.Attribute("strides", [hop]));

        // What centring had added is cut off, behind it up to the length that is asked for.
        string Inner(string value)
        {
            var end = step.Long("length", -1) is var wanted and > 0 ? length / 2 + wanted : -(length / 2);
            return Index.Slice(step, value, [new(2, new(length / 2), new(end), 1, Drops: false)]);
        }
    }

    /// <summary>What each bin adds to a frame: [2 · bins, 1, length], real parts first.</summary>
    private static string Waves(Step step, long length)
    {
        var bins = length / 2 + 1;
        var angle = arange(bins, ScalarType.Float64).unsqueeze(1) * arange(length, ScalarType.Float64) * (2 * Math.PI / length);
        var both = full([bins, 1], 2.0, ScalarType.Float64);
        both[0] = tensor(1.0, ScalarType.Float64);
        if (length % 2 == 0)
            both[^1] = tensor(1.0, ScalarType.Float64);
        var waves = cat([angle.cos() * both, -angle.sin() * both], 0).div(length).unsqueeze(1);
        return step.Graph.Constant(step.Name, waves.to(step.Output.Type));
    }
}
