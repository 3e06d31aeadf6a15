using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Image preprocessing on tensors [..., C, H, W], with exactly the results of torchvision's tensor backend.</summary>
/// <remarks>
/// <c>torchvision.transforms.functional</c>. torchvision's PIL backend differs by up to one level, because PIL rounds between its two
/// passes.
/// </remarks>
public static class transforms
{
    /// <summary>Resizes so that the shorter side has <paramref name="size"/> pixels, with antialiasing unless told otherwise.</summary>
    /// <param name="img">[C, H, W] or [N, C, H, W], uint8 or floating point; the result has its type.</param>
    /// <param name="size">The shorter side, in pixels.</param>
    /// <param name="interpolation">Bilinear, Bicubic or Nearest.</param>
    /// <param name="antialias">Whether the filter grows with the reduction, as PIL's does.</param>
    public static Tensor resize(Tensor img, long size, InterpolationMode interpolation = InterpolationMode.Bilinear, bool antialias = true)
    {
        ArgumentNullException.ThrowIfNull(img);
        var (height, width) = SizeFor(img, size);
        return resize(img, height, width, interpolation, antialias);
    }

    /// <summary>The height and width of an image whose shorter side gets a size.</summary>
    internal static (long Height, long Width) SizeFor(Tensor img, long size)
    {
        var (height, width) = (img.shape[^2], img.shape[^1]);
        var longer = (long)(size * Math.Max(height, width) / (double)Math.Min(height, width));
        return width <= height ? (longer, size) : (size, longer);
    }

    /// <summary>Resizes to a height and a width, with antialiasing unless told otherwise.</summary>
    /// <param name="img">[C, H, W] or [N, C, H, W], uint8 or floating point; the result has its type.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="interpolation">Bilinear, Bicubic or Nearest.</param>
    /// <param name="antialias">Whether the filter grows with the reduction, as PIL's does.</param>
    public static Tensor resize(Tensor img, long height, long width, InterpolationMode interpolation = InterpolationMode.Bilinear,
        bool antialias = true)
    {
        ArgumentNullException.ThrowIfNull(img);
        if (img.dim() is not (3 or 4))
            throw new ArgumentException($"An image has the shape [C, H, W], or [N, C, H, W]; this has {img.dim()} dimensions.",
                nameof(img));
        if (img.shape[^2] == height && img.shape[^1] == width) return img.alias();

        using var scope = NewDisposeScope();
        var batched = img.dim() == 3 ? img.unsqueeze(0) : img;
        var resized = antialias && interpolation != InterpolationMode.Nearest && PixelResizing.Takes(batched, width)
            ? PixelResizing.Resize(batched, height, width, interpolation)
            : Resized(batched, height, width, interpolation, antialias);
        return (img.dim() == 3 ? resized.squeeze(0) : resized).MoveToOuterDisposeScope();
    }

    private static Tensor Resized(Tensor img, long height, long width, InterpolationMode interpolation, bool antialias)
    {
        var values = img.is_floating_point() ? img : img.to(ScalarType.Float32);
        var resized = interpolation == InterpolationMode.Nearest || !antialias
            ? nn.functional.interpolate(values, [height, width], mode: interpolation,
                align_corners: interpolation == InterpolationMode.Nearest ? null : false)
            : Antialiasing.Resize(values, height, width, interpolation);
        if (img.is_floating_point())
            return resized;
        return (img.dtype == ScalarType.Byte && interpolation == InterpolationMode.Bicubic ? resized.clamp(0, 255) : resized).round()
            .to(img.dtype);
    }

    /// <summary>Cuts out the central square; smaller images are padded with zeros first.</summary>
    /// <param name="img">[..., H, W].</param>
    /// <param name="output_size">The square's side, in pixels.</param>
    public static Tensor center_crop(Tensor img, long output_size)
    {
        ArgumentNullException.ThrowIfNull(img);
        using var scope = NewDisposeScope();
        var (height, width) = (img.shape[^2], img.shape[^1]);
        if (height < output_size || width < output_size)
        {
            var (rows, columns) = (Math.Max(0, output_size - height), Math.Max(0, output_size - width));
            img = nn.functional.pad(img, [columns / 2, (columns + 1) / 2, rows / 2, (rows + 1) / 2]);
            (height, width) = (img.shape[^2], img.shape[^1]);
        }
        return img.narrow(-2, Before(height, output_size), output_size).narrow(-1, Before(width, output_size), output_size)
            .MoveToOuterDisposeScope();
    }

    /// <summary>The central square of a resized image, of which only the pixels that stay are computed: what <see cref="center_crop"/>
    /// gives of what <see cref="resize(Tensor, long, long, InterpolationMode, bool)"/> gives.</summary>
    internal static Tensor ResizedCenter(Tensor img, long height, long width, long output_size, InterpolationMode interpolation)
    {
        using var scope = NewDisposeScope();
        var batched = img.dim() == 3 ? img.unsqueeze(0) : img;
        var isResized = img.shape[^2] != height || img.shape[^1] != width;
        if (batched.dim() != 4 || !isResized || Math.Min(height, width) < output_size || interpolation == InterpolationMode.Nearest
            || !PixelResizing.Takes(batched, output_size))
            return center_crop(resize(img, height, width, interpolation), output_size).MoveToOuterDisposeScope();
        var center = PixelResizing.Resize(batched, height, width, (Center(height), Center(width)), interpolation);
        return (img.dim() == 3 ? center.squeeze(0) : center).MoveToOuterDisposeScope();

        Range Center(long size) => (int)Before(size, output_size)..(int)(Before(size, output_size) + output_size);
    }

    /// <summary>The length before the centre of a line; half pixels are rounded to even, as Python rounds.</summary>
    private static long Before(long size, long output_size) => (long)Math.Round((size - output_size) / 2.0, MidpointRounding.ToEven);

    /// <summary>Turns integers into floating point numbers between 0 and 1; floating-point images stay as they are.</summary>
    /// <remarks><c>torchvision.transforms.functional.convert_image_dtype</c> to float32.</remarks>
    public static Tensor convert_image_dtype(Tensor img)
    {
        ArgumentNullException.ThrowIfNull(img);
        if (img.is_floating_point()) return img.to(ScalarType.Float32);
        if (img.dtype != ScalarType.Byte)
            throw new ArgumentException($"An image is uint8 or floating point, not {img.dtype}.", nameof(img));
        using var values = img.to(ScalarType.Float32);
        return values / 255f;
    }

    /// <summary>Subtracts a mean and divides by a deviation, channel by channel.</summary>
    /// <param name="tensor">Floating point [..., C, H, W].</param>
    /// <param name="mean">C means.</param>
    /// <param name="std">C deviations.</param>
    public static Tensor normalize(Tensor tensor, IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        return ((tensor - Channels(mean)) / Channels(std)).MoveToOuterDisposeScope();

        Tensor Channels(IReadOnlyList<double> values) =>
            torch.tensor(values.ToArray(), dtype: tensor.dtype, device: tensor.device).view(-1, 1, 1);
    }
}
