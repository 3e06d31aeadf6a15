using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Pools: what is largest, or the average, within a window or of all.</summary>
internal static class Pooling
{
    internal static void AddTo(OperatorTable table)
    {
        table.AddAll("MaxPool", Max);
        table.Add("AveragePool", Average);
        table.Add("LpPool", Norm);
        table.Add("GlobalAveragePool", node => node[0].Rank == 4 && node.IsLayer
            ? node.Layer(AdaptiveAvgPool2d(1), [node.Shape()![0], node.Shape()![1], 1, 1], node.Tensor())
            : node[0].Rank == 4 ? node.Make((Tensor x) => functional.adaptive_avg_pool2d(x, 1), node.Type(),
                [node.Shape()![0], node.Shape()![1], 1, 1], node.Tensor()) : Global(node, (x, axes) => x.mean(axes, true)));
        table.Add("GlobalMaxPool", node => Global(node, (x, axes) => x.amax(axes, true)));
        table.Add("GlobalLpPool", node => node.Attributes.Int("p", 2) is var p
            ? Global(node, (x, axes) => linalg.vector_norm(x, p, axes, true)) : null!);
        table.Add("MaxUnpool", Unpool);
    }

    private static TensorValue Global(OnnxNode node, Func<Tensor, long[], Tensor> function)
    {
        long[] axes = [.. Enumerable.Range(2, Math.Max(0, node.Rank() - 2)).Select(axis => (long)axis)];
        return node.Make((Tensor x) => function(x, axes), node.Type(), Sizes.Reduce(node.Shape(), axes, true), node.Tensor());
    }

    private static Value[] Max(OnnxNode node)
    {
        var window = Window.Of(node, null);
        var (ceil, byColumns) = (node.Attributes.Flag("ceil_mode"), node.Attributes.Flag("storage_order"));
        var least = node.Type() switch { ScalarType.Byte => byte.MinValue, ScalarType.Int8 => sbyte.MinValue, _ =>
            double.NegativeInfinity };
        var shape = window.Result(node.Shape(), node.Shape()?[1], ceil);
        var (input, rest) = window.Padded(node, node.Tensor(), least, [.. window.Kernel.Select(size => size / 2)]);
        var (kernel, strides, pads, dilations) = (rest.Kernel, rest.Strides, rest.Begins, rest.Dilations);
        if (node.Outputs > 1)
            return node.MakeAll(rest.Rank switch
            {
                1 => (Tensor x) => WithPlaces(x, functional.max_pool1d_with_indices(x, kernel[0], strides[0], pads[0], dilations[0],
                    ceil), 1, byColumns),
                2 => (Tensor x) => WithPlaces(x, functional.max_pool2d_with_indices(x, kernel, strides, pads, dilations, ceil), 2,
                    byColumns),
                3 => (Tensor x) => WithPlaces(x, functional.max_pool3d_with_indices(x, kernel, strides, pads, dilations, ceil), 3,
                    byColumns),
                _ => throw TooMany(rest),
            }, [(node.Type(), shape), (ScalarType.Int64, shape)], input);
        if (node.IsLayer && rest.Rank == 2)
            return [node.Layer(MaxPool2d(kernel, strides, pads, dilations, ceil), shape, input)];
        return [node.Make(rest.Rank switch
        {
            1 => (Tensor x) => functional.max_pool1d(x, kernel[0], strides[0], pads[0], dilations[0], ceil),
            2 => (Tensor x) => functional.max_pool2d(x, kernel, strides, pads, dilations, ceil),
            3 => (Tensor x) => functional.max_pool3d(x, kernel, strides, pads, dilations, ceil),
            _ => throw TooMany(rest),
        }, node.Type(), shape, input)];
    }

    private static NotSupportedException TooMany(Window window) => new($"pools over {window.Rank} dimensions are not known");

    /// <summary>TorchSharp counts places within a channel, ONNX within the whole tensor, or by columns first.</summary>
    private static Tensor[] WithPlaces(Tensor x, (Tensor Values, Tensor Places) pool, int rank, bool byColumns)
    {
        var (values, places) = pool;
        var plane = x.shape[2];
        for (var i = 1; i < rank; i++)
            plane *= x.shape[2 + i];
        if (byColumns)
            places = places.div(x.shape[3], RoundingMode.trunc).add(places.remainder(x.shape[3]).mul(x.shape[2]));
        var start = arange(x.shape[0] * x.shape[1], ScalarType.Int64).mul(plane).reshape(x.shape[0], x.shape[1], 1);
        for (var i = 1; i < rank; i++)
            start = start.unsqueeze(-1);
        return [values, places.add(start)];
    }

    private static TensorValue Average(OnnxNode node)
    {
        var window = Window.Of(node, null);
        var (ceil, counted) = (node.Attributes.Flag("ceil_mode"), node.Attributes.Flag("count_include_pad"));
        if (window.Dilations.Any(step => step != 1))
            throw new NotSupportedException("average pools with dilations have no counterpart in TorchSharp");
        var shape = window.Result(node.Shape(), node.Shape()?[1], ceil);
        var isSimple = !window.IsAutomatic && window.IsSymmetric
            && window.Begins.Zip(window.Kernel, (pad, size) => pad <= size / 2).All(fits => fits);
        var (input, rest) = isSimple ? (node.Tensor(), window) : window.PaddedAlways(node, node.Tensor());
        var pool = Averaging(rest, ceil, counted);
        if (isSimple || counted)
            return node.IsLayer && rest.Rank == 2 ? node.Layer(AvgPool2d(rest.Kernel, rest.Strides, rest.Begins, ceil, counted), shape,
                input) : node.Make((Tensor x) => pool(x), node.Type(), shape, input);
        // The padding is written out, so how much of each window is none has to be counted.
        var (inside, _) = window.PaddedAlways(node, node.Writer.Write((Tensor x) => ones_like(x), node.Tensor()));
        return node.Make((Tensor x, Tensor part) => pool(x).div(pool(part)), node.Type(), shape, input, inside);
    }

    private static Func<Tensor, Tensor> Averaging(Window window, bool ceil, bool counted)
    {
        var (kernel, strides, pads) = (window.Kernel, window.Strides, window.Begins);
        return window.Rank switch
        {
            1 => x => functional.avg_pool1d(x, kernel[0], strides[0], pads[0], ceil, counted),
            2 => x => functional.avg_pool2d(x, kernel, strides, pads, ceil, counted),
            3 => x => functional.avg_pool3d(x, kernel, strides, pads, ceil, counted),
            _ => throw TooMany(window),
        };
    }

    private static TensorValue Norm(OnnxNode node)
    {
        var window = Window.Of(node, null);
        var (ceil, p) = (node.Attributes.Flag("ceil_mode"), node.Attributes.Int("p", 2));
        var count = window.Kernel.Aggregate(1L, (product, size) => product * size);
        var shape = window.Result(node.Shape(), node.Shape()?[1], ceil);
        var (input, rest) = window.PaddedAlways(node, node.Tensor());
        var pool = Averaging(rest, ceil, true);
        return node.Make((Tensor x) => pool(x.abs().pow(p)).mul(count).pow(1.0 / p), node.Type(), shape, input);
    }

    /// <summary>Places count in the shape that the kernel gives; where a larger one is asked for, the rest is zeros.</summary>
    private static TensorValue Unpool(OnnxNode node)
    {
        var window = Window.Of(node, null);
        var (kernel, strides, begins, ends) = (window.Kernel, window.Strides, window.Begins, window.Ends);
        Argument[]? sizes = node.Optional(2) is null ? null : [.. node.Numbers(2)];
        var rank = window.Rank;
        if (sizes is null)
            return node.Make((Tensor x, Tensor places) => Scattered(x, places, kernel, strides, begins, ends), node.Type(),
                Sizes.OfRank(rank + 2), node.Tensor(), node.Tensor(1));
        return node.Make((Tensor x, Tensor places, long[] asked) =>
            Enlarged(Scattered(x, places, kernel, strides, begins, ends), asked, rank), node.Type(), Sizes.Known(sizes),
            node.Tensor(), node.Tensor(1), OnnxNode.List(sizes));
    }

    private static Tensor Scattered(Tensor x, Tensor places, long[] kernel, long[] strides, long[] begins, long[] ends)
    {
        var sizes = new long[kernel.Length + 2];
        (sizes[0], sizes[1]) = (x.shape[0], x.shape[1]);
        var plane = 1L;
        for (var i = 0; i < kernel.Length; i++)
        {
            sizes[i + 2] = (x.shape[i + 2] - 1) * strides[i] + kernel[i] - begins[i] - ends[i];
            plane *= sizes[i + 2];
        }
        var flat = zeros(new[] { x.shape[0], x.shape[1], plane }, x.dtype);
        return flat.scatter(2, places.flatten(2).remainder(plane), x.flatten(2)).reshape(sizes);
    }

    private static Tensor Enlarged(Tensor x, long[] sizes, int rank)
    {
        var pads = new long[2 * rank];
        for (var i = 0; i < rank; i++)
            pads[2 * (rank - 1 - i) + 1] = sizes[i + 2] - x.shape[i + 2];
        return functional.pad(x, pads);
    }
}
