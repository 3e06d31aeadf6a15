using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Regions of images, read between their pixels.</summary>
internal static class Regions
{
    internal static void AddTo(OperatorTable table) => table.Add("RoiAlign", Align);

    /// <summary>Where the samples of a region lie.</summary>
    /// <param name="Height">The result's height.</param>
    /// <param name="Width">The result's width.</param>
    /// <param name="Samples">How many samples an element has in each direction.</param>
    /// <param name="Scale">The size of the image by that of what regions are given in.</param>
    /// <param name="Shift">What is taken off a place: half a pixel where pixels have their place in the middle.</param>
    /// <param name="IsLargest">Whether the largest sample counts, and not the average.</param>
    private sealed record Grid(long Height, long Width, long Samples, double Scale, double Shift, bool IsLargest);

    private static TensorValue Align(OnnxNode node)
    {
        var mode = node.Attributes.Text("coordinate_transformation_mode", node.Version >= 16 ? "half_pixel" : "output_half_pixel");
        var samples = node.Attributes.Int("sampling_ratio", 0);
        if (samples <= 0)
            throw new NotSupportedException("how many samples it takes depends on each region, and must be a number of the file");
        var grid = new Grid(node.Attributes.Int("output_height", 1), node.Attributes.Int("output_width", 1), samples,
            node.Attributes.Float("spatial_scale", 1), mode == "half_pixel" ? 0.5 : 0, node.Attributes.Text("mode", "avg") == "max");
        return node.Make((Tensor x, Tensor regions, Tensor images, long down, long across) =>
            Aligned(x, regions, images, down, across, grid), node.Type(), [node.Shape(1)?[0], node.Shape()?[1], grid.Height, grid.Width],
            node.Tensor(), node.Tensor(1), node.Tensor(2), grid.Height * samples, grid.Width * samples);
    }

    private static Tensor Aligned(Tensor x, Tensor regions, Tensor images, long down, long across, Grid grid)
    {
        var places = regions.mul(grid.Scale).sub(grid.Shift);
        var (left, top, right, bottom) = (places.select(1, 0), places.select(1, 1), places.select(1, 2), places.select(1, 3));
        var (width, height) = (right.sub(left), bottom.sub(top));
        if (grid.Shift == 0)
            (width, height) = (width.clamp(min: 1), height.clamp(min: 1));
        var rows = Samples(top, height, down);
        var columns = Samples(left, width, across);
        var (upper, lower, fall) = Neighbours(rows, x.shape[2]);
        var (before, behind, run) = Neighbours(columns, x.shape[3]);
        // Regions, then rows, then columns; channels come last with indices in between.
        var image = images.to(ScalarType.Int64).reshape(-1, 1, 1);
        Tensor At(Tensor row, Tensor column) => x.permute(0, 2, 3, 1).index(image, row.unsqueeze(2), column.unsqueeze(1));
        fall = fall.unsqueeze(2).unsqueeze(3);
        run = run.unsqueeze(1).unsqueeze(3);
        var inside = Inside(rows, x.shape[2]).unsqueeze(2).logical_and(Inside(columns, x.shape[3]).unsqueeze(1)).unsqueeze(3).to(x.dtype);
        var parts = new[]
        {
            At(upper, before).mul(fall.neg().add(1).mul(run.neg().add(1))), At(upper, behind).mul(fall.neg().add(1).mul(run)),
            At(lower, before).mul(fall.mul(run.neg().add(1))), At(lower, behind).mul(fall.mul(run)),
        };
        var values = grid.IsLargest ? stack(parts, 0).amax(new[] { 0L }).mul(inside)
            : parts[0].add(parts[1]).add(parts[2]).add(parts[3]).mul(inside);
        var samples = values.permute(0, 3, 1, 2).reshape(-1, x.shape[1], grid.Height, grid.Samples, grid.Width, grid.Samples);
        return grid.IsLargest ? samples.amax(new[] { 3L, 5L }) : samples.mean(new[] { 3L, 5L });
    }

    /// <summary>The places of all samples along one direction, for each region.</summary>
    private static Tensor Samples(Tensor start, Tensor length, long count)
    {
        var steps = arange(count, ScalarType.Float32).add(0.5).div(count);
        return start.unsqueeze(1).add(length.unsqueeze(1).mul(steps.unsqueeze(0)));
    }

    private static Tensor Inside(Tensor place, long size) => place.ge(-1).logical_and(place.le(size));

    private static (Tensor Low, Tensor High, Tensor Fraction) Neighbours(Tensor place, long size)
    {
        var held = place.clamp(0, size - 1);
        var low = held.floor();
        return (low.to(ScalarType.Int64), low.add(1).clamp(0, size - 1).to(ScalarType.Int64), held.sub(low));
    }
}
