using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>How the kernel of a convolution or a pool moves over its input: one number for each spatial dimension.</summary>
/// <param name="Kernel">Its sizes.</param>
/// <param name="Strides">Its steps.</param>
/// <param name="Dilations">The distances between its elements.</param>
/// <param name="Begins">The padding before each dimension.</param>
/// <param name="Ends">The padding behind each dimension.</param>
/// <param name="Mode">How paddings follow from the sizes: <c>NOTSET</c>, <c>VALID</c>, <c>SAME_UPPER</c>, <c>SAME_LOWER</c>.</param>
internal sealed record Window(long[] Kernel, long[] Strides, long[] Dilations, long[] Begins, long[] Ends, string Mode)
{
    internal int Rank => Kernel.Length;

    internal bool IsSymmetric => Begins.SequenceEqual(Ends);

    /// <summary>Whether the paddings depend on the input's size.</summary>
    internal bool IsAutomatic => Mode is "SAME_UPPER" or "SAME_LOWER";

    /// <summary>Reads a node's settings.</summary>
    /// <param name="node">The node.</param>
    /// <param name="weight">The shape of the weight that the kernel's is the end of; null for a pool.</param>
    internal static Window Of(OnnxNode node, long?[]? weight)
    {
        var kernel = node.Attributes.Ints("kernel_shape")
            ?? (weight is not null && weight.Skip(2).All(size => size is not null) ? [.. weight.Skip(2).Select(size => size!.Value)]
            : throw new NotSupportedException("its kernel's size is not known"));
        long[] ones = [.. kernel.Select(_ => 1L)];
        var pads = node.Attributes.Ints("pads") ?? new long[2 * kernel.Length];
        var (strides, dilations) = (node.Attributes.Ints("strides") ?? ones, node.Attributes.Ints("dilations") ?? ones);
        if (pads.Length != 2 * kernel.Length || strides.Length != kernel.Length || dilations.Length != kernel.Length
            || strides.Any(step => step < 1))
            throw new NotSupportedException($"its strides, dilations and pads do not fit a kernel of {kernel.Length} dimensions");
        var mode = node.Attributes.Text("auto_pad", "NOTSET");
        return new(kernel, strides, dilations, mode == "VALID" ? new long[kernel.Length] : pads[..kernel.Length], mode == "VALID"
            ? new long[kernel.Length] : pads[kernel.Length..], mode);
    }

    /// <summary>The input with the padding that a layer can't do by itself, and the window that is left to do.</summary>
    /// <param name="node">The node.</param>
    /// <param name="input">The input.</param>
    /// <param name="value">What the padding consists of.</param>
    /// <param name="most">The largest padding that the layer does by itself in each dimension; any where null.</param>
    internal (Argument Input, Window Window) Padded(OnnxNode node, Argument input, double value, long[]? most = null)
    {
        if (IsAutomatic && Strides.All(step => step == 1)
            && Kernel.Zip(Dilations, (size, step) => (size - 1) * step % 2 == 0).All(even => even))
            return (input, this with { Begins = [.. Half()], Ends = [.. Half()], Mode = "NOTSET" });
        if (IsAutomatic)
            return PaddedAlways(node, input, value);
        if (IsSymmetric && (most is null || Begins.Zip(most, (pad, limit) => pad <= limit).All(fits => fits)))
            return (input, this);
        return PaddedAlways(node, input, value);
    }

    /// <summary>The input with all of its padding, and the window without any.</summary>
    internal (Argument Input, Window Window) PaddedAlways(OnnxNode node, Argument input, double value = 0)
    {
        long[] pads = [.. Enumerable.Range(0, Rank).Reverse().SelectMany(i => new[] { Begins[i], Ends[i] })];
        var padded = IsAutomatic ? node.Writer.Write((Tensor x) => SamePadded(x, value), input)
            : pads.All(pad => pad == 0) ? input : node.Writer.Write((Tensor x) =>
                nn.functional.pad(x, pads, PaddingModes.Constant, value), input);
        return (padded, this with { Begins = new long[Rank], Ends = new long[Rank], Mode = "NOTSET" });
    }

    /// <summary>The facts known about the result's shape.</summary>
    /// <param name="input">The input's shape.</param>
    /// <param name="channels">The result's channels.</param>
    /// <param name="ceil">Whether a last window that is not full counts.</param>
    internal long?[] Result(long?[]? input, long? channels, bool ceil = false)
        => [input?[0], channels, .. Enumerable.Range(0, Rank).Select(i =>
            Size(input is { } known && known.Length > i + 2 ? known[i + 2] : null, i, ceil))];

    private long? Size(long? size, int i, bool ceil)
    {
        if (size is not { } length)
            return null;
        if (IsAutomatic)
            return (length + Strides[i] - 1) / Strides[i];
        var room = length + Begins[i] + Ends[i] - (Kernel[i] - 1) * Dilations[i] - 1;
        return (ceil ? (room + Strides[i] - 1) / Strides[i] : room / Strides[i]) + 1;
    }

    private IEnumerable<long> Half() => Kernel.Zip(Dilations, (size, step) => (size - 1) * step / 2);

    private Tensor SamePadded(Tensor x, double value)
    {
        var pads = new long[2 * Rank];
        for (var i = 0; i < Rank; i++)
        {
            var size = x.shape[i + 2];
            var total = Math.Max(((size + Strides[i] - 1) / Strides[i] - 1) * Strides[i] + (Kernel[i] - 1) * Dilations[i] + 1 - size, 0);
            var less = total / 2;
            pads[2 * (Rank - 1 - i)] = Mode == "SAME_UPPER" ? less : total - less;
            pads[2 * (Rank - 1 - i) + 1] = Mode == "SAME_UPPER" ? total - less : less;
        }
        return nn.functional.pad(x, pads, PaddingModes.Constant, value);
    }
}
