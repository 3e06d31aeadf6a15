using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Convolutions.</summary>
internal static class Layers
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Conv", Convolution);
        table.Add("ConvTranspose", Transposed);
    }

    internal static TensorValue Convolution(OnnxNode node)
    {
        var window = Window.Of(node, node.Shape(1));
        var (input, rest) = window.Padded(node, node.Tensor(), 0);
        var shape = window.Result(node.Shape(), node.Shape(1)?[0]);
        var groups = node.Attributes.Int("group", 1);
        if (node.HasLayers && node.Weight(1) is { } weight && (node.Optional(2) is null || node.Weight(2) is not null) && window.Rank <= 3
            && GraphWriter.IsFloat(weight.Type))
            return node.Layer(Module(weight, rest, groups, node.Weight(2) is not null), shape, input, ("weight", weight),
                ("bias", node.Weight(2)));
        var (strides, pads, dilations) = (rest.Strides, rest.Begins, rest.Dilations);
        return node.Make(window.Rank switch
        {
            1 => (Tensor x, Tensor w, Tensor b) => functional.conv1d(x, w, b, strides[0], pads[0], dilations[0], groups),
            2 => (Tensor x, Tensor w, Tensor b) => functional.conv2d(x, w, b, strides, pads, dilations, groups),
            3 => (Tensor x, Tensor w, Tensor b) => functional.conv3d(x, w, b, strides, pads, dilations, groups),
            _ => throw new NotSupportedException($"convolutions over {window.Rank} dimensions are not known"),
        }, node.Type(), shape, input, node.Tensor(1), node.TensorOrNull(2));
    }

    private static Module Module(Weight weight, Window window, long groups, bool bias)
    {
        var (output, input) = (weight.Shape[0], weight.Shape[1] * groups);
        return window switch
        {
            { Kernel: [var k], Strides: [var s], Begins: [var p], Dilations: [var d] } =>
                Conv1d(input, output, k, s, p, d, groups: groups, bias: bias, device: META),
            { Kernel: [var k, var l], Strides: [var s, var t], Begins: [var p, var q], Dilations: [var d, var e] }
                => Conv2d(input, output, (k, l), (s, t), (p, q), (d, e), groups: groups, bias: bias, device: META),
            { Kernel: [var k, var l, var m], Strides: [var s, var t, var u], Begins: [var p, var q, var r],
                Dilations: [var d, var e, var f] }
                => Conv3d(input, output, (k, l, m), (s, t, u), (p, q, r), (d, e, f), groups: groups, bias: bias, device: META),
            _ => throw new NotSupportedException("its kernel has another number of dimensions than its strides"),
        };
    }

    private static TensorValue Transposed(OnnxNode node)
    {
        var window = Window.Of(node, node.Shape(1));
        var groups = node.Attributes.Int("group", 1);
        var extra = node.Attributes.Ints("output_padding") ?? new long[window.Rank];
        var sizes = node.Attributes.Ints("output_shape");
        var channels = node.Shape(1)?[1] * groups;
        long?[] shape = [node.Shape()?[0], channels, .. sizes is null ? new long?[window.Rank] : sizes.Select(size => (long?)size)];
        if (sizes is null && window.IsSymmetric && !window.IsAutomatic && node.HasLayers && node.Weight(1) is { } weight
            && (node.Optional(2) is null || node.Weight(2) is not null) && window.Rank <= 3
            && GraphWriter.IsFloat(weight.Type))
            return node.Layer(TransposedModule(weight, window, extra, groups, node.Weight(2) is not null), shape, node.Tensor(),
                ("weight", weight), ("bias", node.Weight(2)));
        var (strides, dilations, kernel, begins, ends, upper) =
            (window.Strides, window.Dilations, window.Kernel, window.Begins, window.Ends, window.Mode == "SAME_UPPER");
        var same = window.Mode.StartsWith("SAME", StringComparison.Ordinal);
        Func<Tensor, Tensor, Tensor> full = window.Rank switch
        {
            1 => (x, w) => functional.conv_transpose1d(x, w, null, strides[0], 0, extra[0], dilations[0], groups),
            2 => (x, w) => functional.conv_transpose2d(x, w, null, strides, null, extra, dilations, groups),
            3 => (x, w) => functional.conv_transpose3d(x, w, null, strides, null, extra, dilations, groups),
            _ => throw new NotSupportedException($"convolutions over {window.Rank} dimensions are not known"),
        };
        var result = node.Make((Tensor x, Tensor w) => Cut(x, full(x, w), strides, sizes, begins, ends, same, upper), node.Type(), shape,
            node.Tensor(), node.Tensor(1));
        if (node.Optional(2) is null)
            return result;
        long[] behind = [.. Enumerable.Repeat(-1L, window.Rank)];
        return node.Make((Tensor x, Tensor bias) => x.add(Elementwise.Unsqueezed(bias, behind)), node.Type(), shape, result.Node,
            node.Tensor(2));
    }

    /// <summary>Takes off the paddings of each side: those that are given, or what is more than the sizes that are asked for.</summary>
    private static Tensor Cut(Tensor input, Tensor full, long[] strides, long[]? sizes, long[] begins, long[] ends, bool same, bool upper)
    {
        for (var i = 0; i < strides.Length; i++)
        {
            if (sizes is null && !same)
            {
                full = full.narrow(2 + i, begins[i], full.shape[2 + i] - begins[i] - ends[i]);
                continue;
            }
            var size = sizes is not null ? sizes[i] : input.shape[2 + i] * strides[i];
            var surplus = Math.Max(full.shape[2 + i] - size, 0);
            var missing = new long[2 * strides.Length];
            missing[2 * (strides.Length - 1 - i) + 1] = Math.Max(size - full.shape[2 + i], 0);
            full = functional.pad(full, missing);
            var before = upper ? surplus / 2 : surplus - surplus / 2;
            full = full.narrow(2 + i, before, size);
        }
        return full;
    }

    private static Module TransposedModule(Weight weight, Window window, long[] extra, long groups, bool bias)
    {
        var (input, output) = (weight.Shape[0], weight.Shape[1] * groups);
        return window switch
        {
            { Kernel: [var k], Strides: [var s], Begins: [var p], Dilations: [var d] } =>
                ConvTranspose1d(input, output, k, s, p, extra[0], d, groups: groups, bias: bias, device: META),
            { Kernel: [var k, var l], Strides: [var s, var t], Begins: [var p, var q], Dilations: [var d, var e] }
                => ConvTranspose2d(input, output, (k, l), (s, t), (p, q), (extra[0], extra[1]), (d, e), groups: groups, bias: bias,
                    device: META),
            { Kernel: [var k, var l, var m], Strides: [var s, var t, var u], Begins: [var p, var q, var r],
                Dilations: [var d, var e, var f] }
                => ConvTranspose3d(input, output, (k, l, m), (s, t, u), (p, q, r), (extra[0], extra[1], extra[2]), (d, e, f),
                    groups: groups, bias: bias, device: META),
            _ => throw new NotSupportedException("its kernel has another number of dimensions than its strides"),
        };
    }
}
