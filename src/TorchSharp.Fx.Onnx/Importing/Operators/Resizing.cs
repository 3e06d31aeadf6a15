using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Tensors made larger or smaller, by what is between their elements.</summary>
internal static class Resizing
{
    internal static void AddTo(OperatorTable table)
    {
        table.Add("Resize", Resize);
        table.Add("Upsample", node =>
        {
            var mode = node.Attributes.Text("mode", "nearest");
            Argument[] scales = node.Attributes.Floats("scales") is { } old ? [.. old.Select(scale => (Argument)(double)scale)]
                : Floats(node, 1);
            return new Resampling(node, mode, "asymmetric", "floor").Of(scales, null, null);
        });
        table.Add("GridSample", GridSample);
        table.Add("AffineGrid", node => node.Attributes.Flag("align_corners") is var corners
            ? node.Make((Tensor theta, long[] size) => nn.functional.affine_grid(theta, size, corners), node.Type(),
                Sizes.OfRank(node.Numbers(1).Length), node.Tensor(), OnnxNode.List(node.Numbers(1))) : null!);
    }

    private static Value Resize(OnnxNode node)
    {
        // The first version had scales where newer ones have a region.
        var first = node.Version < 11 ? 1 : 2;
        var mode = node.Attributes.Text("mode", "nearest");
        node.Attributes.Ignore("extrapolation_value");
        if (node.Attributes.Text("keep_aspect_ratio_policy", "stretch") != "stretch")
            throw new NotSupportedException("it keeps the ratio of height and width, which is not known how to do");
        var resampling = new Resampling(node, mode, node.Attributes.Text("coordinate_transformation_mode", node.Version < 11
            ? "asymmetric" : "half_pixel"), node.Attributes.Text("nearest_mode", node.Version < 11 ? "floor" : "round_prefer_floor"))
        {
            CubicCoefficient = node.Attributes.Float("cubic_coeff_a", -0.75f),
            ExcludesOutside = node.Attributes.Flag("exclude_outside"),
            Antialias = node.Attributes.Flag("antialias"),
            Region = node.Version >= 11 && node.Attributes.Text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
                ? Floats(node, 1) : null,
            Outside = node.Attributes.Float("extrapolation_value", 0),
        };
        var axes = node.Attributes.Ints("axes");
        var sizes = node.Optional(first + 1) is { Count: not 0 } ? node.Numbers(first + 1) : (ImmutableArray<Argument>?)null;
        return resampling.Of(sizes is null ? Floats(node, first) : null, sizes, axes is null ? null : node.Axes(axes, node.Rank()));
    }

    /// <summary>An input as numbers with fractions.</summary>
    private static Argument[] Floats(OnnxNode node, int i) => node[i] switch
    {
        NumbersValue numbers => [.. numbers.Items],
        ConstantValue { Weight: var weight } => [.. weight.Tensor.to(float64).data<double>().ToArray().Select(number => (Argument)number)],
        { Count: <= Elements.MostDimensions and { } count } => [.. Enumerable.Range(0, (int)count).Select(k =>
            node.Writer.Write((Tensor x) => x[k].to(ScalarType.Float64).item<double>(), node.Tensor(i)))],
        _ => throw new NotSupportedException($"its input {i + 1} says scales, and how many they are is not known before it runs"),
    };

    private static TensorValue GridSample(OnnxNode node)
    {
        var (mode, corners) = (node.Attributes.Text("mode", "bilinear"), node.Attributes.Flag("align_corners"));
        var padding = node.Attributes.Text("padding_mode", "zeros") switch { "border" => GridSamplePaddingMode.Border, "reflection" =>
            GridSamplePaddingMode.Reflection, _ => GridSamplePaddingMode.Zeros };
        var how = mode switch
        {
            "bilinear" or "linear" => GridSampleMode.Bilinear,
            "nearest" => GridSampleMode.Nearest,
            _ => throw new NotSupportedException($"TorchSharp can't sample a grid in the mode '{mode}'"),
        };
        long?[]? shape = node.Shape() is { } input && node.Shape(1) is { } grid ? [input[0], input[1], .. grid[1..^1]] : null;
        return node.Make((Tensor x, Tensor places) => nn.functional.grid_sample(x, places, how, padding, corners), node.Type(), shape,
            node.Tensor(), node.Tensor(1));
    }
}
