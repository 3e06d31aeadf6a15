using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>One side of a region, in pixels.</summary>
internal readonly record struct Side(double start, double end, long pixels);

/// <summary>Which pixels of one side count in a region's cells, and how much.</summary>
/// <param name="first">The first of them; the image's others have no weight.</param>
/// <param name="pixels">How many.</param>
/// <param name="weights">Row by row: [cells, pixels].</param>
internal sealed record SampleWeights(long first, long pixels, double[] weights)
{
    /// <summary>The part of an image that counts.</summary>
    public Tensor Part(Tensor image, long dimension) => image.narrow(dimension, first, pixels);

    /// <summary>The weights as a tensor of an image's type: [cells, pixels].</summary>
    public Tensor Like(Tensor image) => torch.tensor(weights).reshape(-1, pixels).to(image.dtype).to(image.device);

    /// <summary>The pixels that count in a cell, counted from the side's first, each with its weight.</summary>
    public IEnumerable<(long pixel, double weight)> Taps(long cell)
    {
        for (var i = 0L; i < pixels; i++)
            if (weights[cell * pixels + i] is not 0 and var weight) yield return (first + i, weight);
    }
}

/// <summary>Regions of images as the pooling operations take them: [K, 5], each the image's index and x1, y1, x2, y2.</summary>
internal static class Regions
{
    /// <summary>
    /// One tensor of a list with one for each image, [L, 4] each. <c>torchvision.ops._utils.convert_boxes_to_roi_format</c>
    /// </summary>
    public static Tensor Of(IReadOnlyList<Tensor> boxes)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        if (boxes.FirstOrDefault(image => image.shape is not [_, 4]) is { } other)
            throw new ArgumentException($"Boxes in a list are one tensor [L, 4] for each image, not {ops.Shape(other)}.", nameof(boxes));
        using var scope = NewDisposeScope();
        return torch.cat([.. boxes.Select((image, i) => torch.cat([torch.full_like(image[.., ..1], i), image], 1))])
            .MoveToOuterDisposeScope();
    }

    /// <summary>Pools each region by itself and stacks the results.</summary>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="boxes">[K, 5].</param>
    /// <param name="scale">The factor from the boxes' coordinates to pixels of the input.</param>
    /// <param name="result">A result's shape: where there are no regions nothing else tells.</param>
    /// <param name="pool">Takes an image [C, H, W] and the region's rows and columns.</param>
    public static Tensor Pool(Tensor input, Tensor boxes, double scale, long[] result, Func<Tensor, Side, Side, Tensor> pool)
    {
        using var scope = NewDisposeScope();
        var results = Read(input, boxes, scale).Select(region => pool(input[region.image], region.y, region.x)).ToArray();
        return (results.Length == 0
            ? torch.zeros([0, .. result], dtype: input.dtype, device: input.device) : torch.stack(results)).MoveToOuterDisposeScope();
    }

    /// <summary>The image and the sides of each region, checked.</summary>
    /// <param name="input">[N, C, H, W].</param>
    /// <param name="boxes">[K, 5].</param>
    /// <param name="scale">The factor from the boxes' coordinates to pixels of the input.</param>
    public static (long image, Side y, Side x)[] Read(Tensor input, Tensor boxes, double scale)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        if (boxes.shape is not [_, 5])
            throw new ArgumentException(
                $"Boxes are [K, 5], the image's index first, or a list with a tensor [L, 4] for each image; not {ops.Shape(boxes)}.",
                nameof(boxes));
        var (count, _, height, width) = input.shape;
        using var wide = boxes.to(ScalarType.Float64);
        var numbers = ops.Numbers<double>(wide);
        if (!numbers.All(double.IsFinite)) throw new ArgumentException("A box has a coordinate that is no finite number.", nameof(boxes));
        return [.. numbers.Chunk(5).Select(box => (Image(box[0], count),
            new Side(box[2] * scale, box[4] * scale, height), new Side(box[1] * scale, box[3] * scale, width)))];
    }

    private static long Image(double index, long count) => index >= 0 && index < count && double.IsInteger(index)
        ? (long)index
        : throw new ArgumentException($"A box is in image {index}, and there are {count}, counted from 0.", nameof(index));

    /// <summary>Checks an input [N, C, H, W] and returns C.</summary>
    public static long Channels(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.shape is [_, var channels, _, _]
            ? channels : throw new ArgumentException($"Regions are cut out of images [N, C, H, W], not {ops.Shape(input)}.", nameof(input));
    }

    /// <summary>How much each pixel counts in the means of the cells' interpolated samples.</summary>
    /// <param name="side">Divided into cells of one size.</param>
    /// <param name="cells">How many.</param>
    /// <param name="sampling_ratio">How many samples a cell has; 0 and less is one for each pixel that it covers.</param>
    public static SampleWeights Sample(Side side, long cells, long sampling_ratio)
    {
        var cell = (side.end - side.start) / cells;
        var samples = sampling_ratio > 0 ? sampling_ratio : (long)Math.Ceiling(cell);
        // A side can be turned round.
        var first = Pixel(Math.Min(side.start, side.end));
        // Of a pixel behind the image's last the share is zero.
        var count = Math.Min(Pixel(Math.Max(side.start, side.end)) - first + 2, side.pixels - first);
        var weights = new double[cells * count];
        for (var i = 0L; i < cells; i++)
            for (var j = 0L; j < samples; j++)
            {
                var at = side.start + (i + (j + 0.5) / samples) * cell;
                // Up to a pixel beyond the image is what its edge is, and further there is nothing.
                if (!(at >= -1 && at <= side.pixels)) continue;
                at = Math.Clamp(at, 0, side.pixels - 1);
                var share = at - Math.Floor(at);
                var low = i * count + (long)at - first;
                weights[low] += (1 - share) / samples;
                if (share > 0) weights[low + 1] += share / samples;
            }
        return new(first, count, weights);

        long Pixel(double at) => (long)Math.Clamp(at, 0, side.pixels - 1);
    }
}
