using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Resizes images into one tensor, and their targets with them, and scales detections back.
/// <c>torchvision.models.detection.transform.GeneralizedRCNNTransform</c>
/// </summary>
/// <remarks>Images [C, H, W] between 0 and 1, of any sizes, and their targets, or null.</remarks>
public sealed class GeneralizedRCNNTransform
    : Module<List<Tensor>, List<Dictionary<string, Tensor>>?, (ImageList images, List<Dictionary<string, Tensor>>? targets)>
{
    private ResizeOptions options;
    private readonly long size_divisible;
    private readonly (long height, long width)? fixed_size;

    /// <summary>A transform with the given sizes and normalisation.</summary>
    /// <param name="options">Sizes, means and deviations.</param>
    /// <param name="size_divisible">Height and width of the common tensor are multiples of it.</param>
    /// <param name="fixed_size">The size of all images, whatever their proportions; null is by <paramref name="options"/>.</param>
    /// <exception cref="ArgumentException">No size is given.</exception>
    public GeneralizedRCNNTransform(ResizeOptions options, long size_divisible = 32, (long height, long width)? fixed_size = null)
        : base(nameof(GeneralizedRCNNTransform))
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.min_size.Count == 0) throw new ArgumentException("min_size needs at least one size.", nameof(options));
        (this.options, this.size_divisible, this.fixed_size) = (options, size_divisible, fixed_size);
    }

    /// <inheritdoc/>
    public override (ImageList images, List<Dictionary<string, Tensor>>? targets) forward(List<Tensor> images,
        List<Dictionary<string, Tensor>>? targets)
    {
        if (images.Count == 0) throw new ArgumentException("There are no images.", nameof(images));
        if (images.FirstOrDefault(image => image.dim() != 3) is { } other)
            throw new ArgumentException($"Images are a list of tensors [C, H, W], and one is {ops.Shape(other)}.", nameof(images));
        if (images.FirstOrDefault(image => !image.is_floating_point()) is { } integers)
            throw new ArgumentException(
                $"Images are floating point, between 0 and 1, and one is {integers.dtype}; convert_image_dtype converts.", nameof(images));

        var sizes = images.Select(image => NewSize(image.shape[^2], image.shape[^1])).ToList();
        var resized = images.Zip(sizes, (image, size) => Resized(transforms.normalize(image, options.image_mean, options.image_std), size))
            .ToList();
        var moved = targets?.Select((target, i) => Moved(target, (images[i].shape[^2], images[i].shape[^1]), sizes[i])).ToList();
        return (new(Batched(resized, sizes), sizes), moved);
    }

    /// <summary>Converts detections on the resized images to detections on the original ones.</summary>
    /// <param name="result">Boxes, and masks [L, 1, M, M] or key points where there are any; the same dictionaries are returned.</param>
    /// <param name="image_shapes">The sizes of the resized images.</param>
    /// <param name="original_image_sizes">The sizes of the original images.</param>
    /// <returns>The same with masks as large as the images: [L, 1, H, W].</returns>
    public List<Dictionary<string, Tensor>> postprocess(
        List<Dictionary<string, Tensor>> result, IReadOnlyList<(long height, long width)> image_shapes,
            IReadOnlyList<(long height, long width)> original_image_sizes)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(image_shapes);
        ArgumentNullException.ThrowIfNull(original_image_sizes);
        foreach (var (i, detections) in result.Index())
        {
            var (from, to) = (image_shapes[i], original_image_sizes[i]);
            detections["boxes"] = Boxes(detections["boxes"], from, to);
            if (detections.TryGetValue("masks", out var masks)) detections["masks"] = RoIMasks.Pasted(masks, detections["boxes"], to);
            if (detections.TryGetValue("keypoints", out var keypoints)) detections["keypoints"] = Keypoints(keypoints, from, to);
        }
        return result;
    }

    /// <summary>Brings images to another size from now on.</summary>
    /// <exception cref="ArgumentException">All images have one size here.</exception>
    internal void Resize(int min_size)
    {
        if (fixed_size is var (height, width))
            throw new ArgumentException($"the model brings all images to {height} × {width} pixels");
        options = options with { min_size = [min_size] };
    }

    // In training one of the smaller sides is drawn; otherwise it is the last.
    private (long height, long width) NewSize(long height, long width)
    {
        if (fixed_size is { } size) return size;
        var side = options.min_size.Count > 1 && training
            ? options.min_size[(int)torch.randint(0, options.min_size.Count, [1]).item<long>()]
            : options.min_size[^1];
        var scale = Math.Min((double)side / Math.Min(height, width), (double)options.max_size / Math.Max(height, width));
        return ((long)(height * scale), (long)(width * scale));
    }

    private static Tensor Resized(Tensor image, (long height, long width) size) =>
        F.interpolate(image.unsqueeze(0), size: [size.height, size.width], mode: InterpolationMode.Bilinear, align_corners: false)
            .squeeze(0);

    private Tensor Batched(List<Tensor> images, List<(long height, long width)> sizes)
    {
        var (height, width) = (0L, 0L);
        foreach (var size in sizes) (height, width) = (Math.Max(height, size.height), Math.Max(width, size.width));
        (height, width) = (Divisible(height), Divisible(width));
        return torch.stack([.. images.Zip(sizes, (image, size) => F.pad(image, [0, width - size.width, 0, height - size.height]))]);

        long Divisible(long side) => (side + size_divisible - 1) / size_divisible * size_divisible;
    }

    private static Dictionary<string, Tensor> Moved(Dictionary<string, Tensor> target, (long height, long width) from,
        (long height, long width) to)
    {
        var moved = new Dictionary<string, Tensor>(target) { ["boxes"] = Boxes(target["boxes"], from, to) };
        if (target.TryGetValue("masks", out var masks))
            moved["masks"] = F.interpolate(masks.unsqueeze(1)
                .to(ScalarType.Float32), size: [to.height, to.width], mode: InterpolationMode.Nearest).squeeze(1).to(ScalarType.Byte);
        if (target.TryGetValue("keypoints", out var keypoints)) moved["keypoints"] = Keypoints(keypoints, from, to);
        return moved;
    }

    private static Tensor Boxes(Tensor boxes, (long height, long width) from, (long height, long width) to)
    {
        var (x1, y1, x2, y2) = boxes.unbind(1);
        var (y, x) = Ratios(from, to);
        return torch.stack([x1 * x, y1 * y, x2 * x, y2 * y], 1);
    }

    private static Tensor Keypoints(Tensor keypoints, (long height, long width) from, (long height, long width) to)
    {
        var (y, x) = Ratios(from, to);
        return torch.stack([keypoints[.., .., 0] * x, keypoints[.., .., 1] * y, keypoints[.., .., 2]], 2);
    }

    // In single precision, as torchvision divides.
    private static (float y, float x) Ratios((long height, long width) from, (long height, long width) to) =>
        ((float)to.height / from.height, (float)to.width / from.width);
}
