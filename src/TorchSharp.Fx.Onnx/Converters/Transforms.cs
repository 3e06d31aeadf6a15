using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Converters;

/// <summary>
/// Fourier transforms: <c>DFT</c> for powers of two and free sizes, products with matrices for others. Those of a signal's frames are
/// convolutions.
/// </summary>
internal static class Transforms
{
    internal static void AddTo(Dictionary<string, Func<Step, object>> table)
    {
        (string, Kind)[] kinds = [("fft", Kind.Forward), ("ifft", Kind.Inverse), ("rfft", Kind.OfReals), ("irfft", Kind.ToReals)];
        foreach (var (name, kind) in kinds)
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

    // Matrices of 4,096 columns have 67 MB of floats.
    private const long MostByMatrix = 4096;

    private enum Kind
    {
        Forward,
        Inverse,
        OfReals,
        ToReals,
    }

    private static object One(Step step, Kind kind)
        => Result(Along(step, Parts(step, kind), step.Dimension(step.Long("dim", -1)), step.Long("n", -1), kind), kind);

    /// <summary>
    /// One dimension after the other. The halved one is the last dimension: it comes first where it is made, and last where it is undone.
    /// </summary>
    private static object Several(Step step, Kind kind, bool ofTwo)
    {
        var sizes = step.Longs(1, "s");
        var count = sizes?.Length ?? (ofTwo ? 2 : step.Rank);
        var axes = step.Axes("dim") ?? [.. Enumerable.Range(step.Rank - count, count).Select(axis => (long)axis)];
        if (ofTwo && axes.Length != 2)
            throw new NotSupportedException($"its dim has {axes.Length} dimensions, and TorchSharp always reads two there");
        var order = Enumerable.Range(0, axes.Length).OrderBy(i => kind == Kind.OfReals ? -i : i).ToArray();
        var value = Parts(step, kind);
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
        return Result(value, kind);
    }

    /// <summary>The parts of the argument; that of reals has no imaginary one.</summary>
    private static ComplexValue Parts(Step step, Kind kind)
        => kind == Kind.OfReals ? new(step.Value(0, step.Output.Type), "") : ComplexNumbers.Parts(step);

    private static object Result(ComplexValue value, Kind kind) => kind == Kind.ToReals ? value.Real : value;

    /// <summary>The transform along one dimension of n elements, as many as there are where n is negative.</summary>
    private static ComplexValue Along(Step step, ComplexValue value, long axis, long n, Kind kind)
    {
        var has = step.ShapeAt(axis);
        if (kind == Kind.ToReals && n <= 0)
            n = 2 * (Fixed(has, "gives twice as many elements as a free dimension has") - 1);
        if (n > 0)
            value = Each(value, part => Sized(step, part, axis, has, kind == Kind.ToReals ? n / 2 + 1 : n));
        var count = n > 0 ? new(n) : has;
        // ONNX Runtime's sums of hundreds of elements that are no power of two are exact to a thousandth only.
        var isShort = count.IsFixed && count.Constant <= MostByMatrix && !long.IsPow2(count.Constant);
        value = isShort ? ByMatrix(step, value, axis, count.Constant, kind) : ByTransform(step, value, axis, count, kind);
        return Scaled(step, value, count, kind is Kind.Inverse or Kind.ToReals);
    }

    private static ComplexValue Each(ComplexValue value, Func<string, string> change)
        => new(change(value.Real), value.Imaginary.Length == 0 ? "" : change(value.Imaginary));

    /// <summary>By products with constant matrices of cosines and sines.</summary>
    private static ComplexValue ByMatrix(Step step, ComplexValue value, long axis, long n, Kind kind)
    {
        long[] order = [.. Enumerable.Range(0, step.Rank).Select(i => i == axis ? step.Rank - 1L : i == step.Rank - 1 ? axis : i)];
        var (real, imaginary) = Each(value, part => Swapped(part));
        if (kind == Kind.ToReals)
        {
            var waves = Waves(n);
            var bins = n / 2 + 1;
            return new(Swapped(step.Add("Add", [Product(real, "cosines to reals", waves[..(int)bins]),
                Product(imaginary, "sines to reals", waves[(int)bins..])])), "");
        }
        var angle = Angles(n, kind == Kind.OfReals ? n / 2 + 1 : n);
        var divisor = kind == Kind.Inverse ? n : 1;
        var name = $"{kind}".ToLowerInvariant();
        var (cosines, sines) = (angle.cos() / divisor, angle.sin() * (kind == Kind.Inverse ? -1.0 : 1) / divisor);
        var (first, second) = (Product(real, $"cosines {name}", cosines), step.Add("Neg", [Product(real, $"sines {name}", sines)]));
        if (imaginary.Length > 0)
            (first, second) = (step.Add("Add", [first, Product(imaginary, $"sines {name}", sines)]),
                step.Add("Add", [second, Product(imaginary, $"cosines {name}", cosines)]));
        return new(Swapped(first), Swapped(second));

        string Swapped(string part)
            => axis == step.Rank - 1 ? part : step.Add("Transpose", [part], OnnxGraph.Attribute("perm", order));

        string Product(string part, string matrix, Tensor content)
            => step.Add("MatMul", [part, step.Graph.Initializer($"{matrix} {n} {step.Output.Type}", content.to(step.Output.Type))]);
    }

    /// <summary>2 π i k / n for i from 0 to n and k from 0 to the number of bins.</summary>
    private static Tensor Angles(long n, long bins)
    {
        var turns = arange(n, ScalarType.Int64).unsqueeze(1).mul(arange(bins, ScalarType.Int64)).remainder(n);
        return turns.to(ScalarType.Float64) * (2 * Math.PI / n);
    }

    /// <summary>By <c>DFT</c>.</summary>
    private static ComplexValue ByTransform(Step step, ComplexValue value, long axis, Size count, Kind kind)
    {
        if (kind == Kind.ToReals)
            value = Whole(step, value, axis, count.Constant);
        var pairs = value.Imaginary.Length == 0
            ? step.Add("Unsqueeze", [value.Real, step.Graph.Integers(-1)]) : value.Pairs(step.Graph, step.Name);
        // The first dimension is the batch there.
        if (axis == 0)
            pairs = step.Add("Unsqueeze", [pairs, step.Graph.Integers(0)]);
        pairs = step.Add("DFT", [pairs], OnnxGraph.Attribute("axis", Math.Max(axis, 1)),
            OnnxGraph.Attribute("inverse", kind is Kind.Inverse or Kind.ToReals ? 1 : 0),
            OnnxGraph.Attribute("onesided", kind == Kind.OfReals ? 1 : 0));
        if (axis == 0)
            pairs = step.Add("Squeeze", [pairs, step.Graph.Integers(0)]);
        return ComplexValue.OfPairs(step.Graph, step.Name, pairs);
    }

    /// <summary>ONNX divides by the number of elements on the way back, as <c>norm: Backward</c> does.</summary>
    private static ComplexValue Scaled(Step step, ComplexValue value, Size size, bool inverse)
    {
        var norm = step.Setting("norm")?.ToString() ?? "Backward";
        if (norm == "Backward")
            return value;
        var count = step.Graph.Cast(step.Graph.Sizes([size]), ScalarType.Int64, step.Output.Type);
        if (norm == "Ortho")
            count = step.Add("Sqrt", [count]);
        return Each(value, part => step.Add(inverse ? "Mul" : "Div", [part, count]));
    }

    /// <summary>The first n elements of a dimension, with zeros behind where there are fewer.</summary>
    private static string Sized(Step step, string value, long axis, Size has, long n)
    {
        var size = Fixed(has, "cuts or fills a free dimension");
        if (n < size)
            return Index.Slice(step, value, [new(axis, new(0), new(n), 1, Drops: false)]);
        return n == size ? value : step.Add("Pad", [value, step.Graph.Integers([.. new long[2 * step.Rank].Select((_, i) =>
            i == step.Rank + axis ? n - size : 0)])]);
    }

    /// <summary>The second half of what belongs to reals: the first one backwards, conjugated.</summary>
    private static ComplexValue Whole(Step step, ComplexValue value, long axis, long n)
    {
        var rest = n - (n / 2 + 1);
        if (rest == 0)
            return value;
        return new(Joined(value.Real, Mirrored(value.Real)), Joined(value.Imaginary, step.Add("Neg", [Mirrored(value.Imaginary)])));

        string Mirrored(string part) => Index.Slice(step, part, [new(axis, new(rest), new(0), -1, Drops: false)]);

        string Joined(string first, string second) => step.Add("Concat", [first, second], OnnxGraph.Attribute("axis", axis));
    }

    private static long Fixed(Size size, string what)
        => size.IsFixed ? size.Constant : throw new NotSupportedException($"it {what}; fix that size");

    /// <summary>Frames of the signal, each under the window: a convolution with waves.</summary>
    private static object ShortTime(Step step)
    {
        var length = step.Long("n_fft", 0);
        var bins = step.Setting("onesided") is false ? length : length / 2 + 1;
        if (step.IsComplex(0))
            throw new NotSupportedException("its signal is of complex numbers");
        var signal = step.Rank == 1 ? step.Add("Unsqueeze", [step.Value(0), step.Graph.Integers(0)]) : step.Value(0);
        if (step.Setting("center") is not false)
            signal = step.Add("Pad", [signal, step.Graph.Integers(0, length / 2, 0, length / 2)],
                OnnxGraph.Attribute("mode", Padding(step)));
        else
            step.Ignore("pad_mode");
        var angle = Angles(length, bins).t();
        var waves = step.Graph.Initializer($"waves of frames {length} {bins} {step.Output.Type}",
            cat([angle.cos(), -angle.sin()], 0).unsqueeze(1).to(step.Output.Type));
        var each = step.Add("Mul", [waves, step.Add("Reshape", [Window(step, length), step.Graph.Integers(1, 1, length)])]);
        var frames = step.Add("Conv", [step.Add("Unsqueeze", [signal, step.Graph.Integers(1)]), each],
            OnnxGraph.Attribute("strides", [Hop(step, length)]));
        if (step.Rank == 1)
            frames = step.Add("Squeeze", [frames, step.Graph.Integers(0)]);
        if (step.Flag("normalized"))
            frames = step.Add("Div", [frames, step.Graph.Scalar(Math.Sqrt(length), step.Output.Type)]);
        step.Ignore("return_complex");
        var value = new ComplexValue(Half(0, bins), Half(bins, 2 * bins));
        return step.GivesComplex ? value : value.Pairs(step.Graph, step.Name);

        string Half(long from, long to) => Index.Slice(step, frames, [new(step.Rank - 1, new(from), new(to), 1, Drops: false)]);
    }

    private static long Hop(Step step, long length)
    {
        var hop = step.Long("hop_length", -1);
        return hop > 0 ? hop : length / 4;
    }

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

    /// <summary>
    /// Frames back to a signal: each under the window, put together where they lie, over the sum of the windows' squares.
    /// </summary>
    private static object Inverse(Step step)
    {
        var length = step.Long("n_fft", 0);
        var hop = Hop(step, length);
        if (step.Setting("onesided") is false || step.GivesComplex)
            throw new NotSupportedException("it gives a signal of complex numbers, or reads frames of one");
        step.Ignore("onesided", "return_complex");
        var isAlone = step.Rank == 2;
        var (real, imaginary) = ComplexNumbers.Parts(step);
        string[] parts = [real, imaginary];
        if (isAlone)
            parts = [.. parts.Select(part => step.Add("Unsqueeze", [part, step.Graph.Integers(0)]))];
        var window = step.Add("Reshape", [Window(step, length), step.Graph.Integers(1, 1, length)]);
        var waves = step.Graph.Initializer($"waves of a signal {length} {step.Output.Type}",
            Waves(length).unsqueeze(1).to(step.Output.Type));
        var signal = Laid(step.Add("Concat", parts, OnnxGraph.Attribute("axis", 1)), step.Add("Mul", [waves, window]));
        var count = step.Add("Shape", [parts[0]], OnnxGraph.Attribute("start", 2), OnnxGraph.Attribute("end", 3));
        var ones = step.Add("Expand", [step.Graph.Scalar(1, step.Output.Type),
            step.Add("Concat", [step.Graph.Integers(1, 1), count], OnnxGraph.Attribute("axis", 0))]);
        var weights = Laid(ones, step.Add("Mul", [window, window]));
        var wanted = step.Long("length", -1);
        if (step.Setting("center") is not false)
            (signal, weights) = (Inner(signal), Inner(weights));
        else if (wanted > 0)
            throw new NotSupportedException("it gives a signal of a length that is asked for, without a centre");
        var value = step.Add("Div", [signal, weights]);
        // Where the frames have less than that, zeros follow.
        if (wanted > 0)
            value = Index.Slice(step, step.Add("Pad", [value, step.Graph.Integers(0, 0, 0, 0, 0, wanted)]),
                [new(2, new(0), new(wanted), 1, Drops: false)]);
        value = step.Add("Squeeze", [value, step.Graph.Integers(isAlone ? [0, 1] : [1])]);
        if (step.Flag("normalized"))
            value = step.Add("Mul", [value, step.Graph.Scalar(Math.Sqrt(length), step.Output.Type)]);
        return value;

        string Laid(string frames, string each) => step.Add("ConvTranspose", [frames, each], OnnxGraph.Attribute("strides", [hop]));

        // What centring had added is cut off, behind it up to the length that is asked for.
        string Inner(string value)
        {
            var end = wanted > 0 ? length / 2 + wanted : -(length / 2);
            return Index.Slice(step, value, [new(2, new(length / 2), new(end), 1, Drops: false)]);
        }
    }

    /// <summary>What each bin adds to n reals: [2 · bins, n], real parts first.</summary>
    private static Tensor Waves(long n)
    {
        var bins = n / 2 + 1;
        var angle = Angles(n, bins).t();
        var both = full([bins, 1], 2.0, ScalarType.Float64);
        both[0] = tensor(1.0, ScalarType.Float64);
        if (n % 2 == 0)
            both[^1] = tensor(1.0, ScalarType.Float64);
        return cat([angle.cos() * both, -angle.sin() * both], 0).div(n);
    }
}
