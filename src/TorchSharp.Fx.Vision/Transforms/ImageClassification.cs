using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Converts a decoded image to the input of a classification model: resize, crop, scale to [0, 1], normalise.</summary>
/// <remarks><c>torchvision.transforms._presets.ImageClassification</c>, the <c>transforms</c> of all classification weights.</remarks>
public sealed class ImageClassification : nn.Module<Tensor, Tensor>
{
    private readonly long crop_size;
    private readonly long resize_size;
    private readonly IReadOnlyList<double> mean;
    private readonly IReadOnlyList<double> std;
    private readonly InterpolationMode interpolation;

    /// <summary>A transform with the given settings; the defaults are ImageNet's.</summary>
    /// <param name="crop_size">The result's side, in pixels.</param>
    /// <param name="resize_size">The shorter side before cropping, in pixels.</param>
    /// <param name="mean">Three means, by channel.</param>
    /// <param name="std">Three deviations, by channel.</param>
    /// <param name="interpolation">Bilinear or Bicubic.</param>
    public ImageClassification(
        long crop_size, long resize_size = 256, IReadOnlyList<double>? mean = null, IReadOnlyList<double>? std = null,
        InterpolationMode interpolation = InterpolationMode.Bilinear) : base(nameof(ImageClassification))
    {
        this.crop_size = crop_size;
        this.resize_size = resize_size;
        this.mean = mean ?? [0.485, 0.456, 0.406];
        this.std = std ?? [0.229, 0.224, 0.225];
        this.interpolation = interpolation;
    }

    /// <summary>Preprocesses one image or a batch of images of one size.</summary>
    /// <param name="img">uint8 or floating point [3, H, W] or [N, 3, H, W].</param>
    /// <returns>float32 [3, crop_size, crop_size], with the batch dimension if the input has one.</returns>
    public override Tensor forward(Tensor img)
    {
        ArgumentNullException.ThrowIfNull(img);
        using var scope = NewDisposeScope();
        var (height, width) = transforms.SizeFor(img, resize_size);
        img = transforms.ResizedCenter(img, height, width, crop_size, interpolation);
        img = transforms.convert_image_dtype(img);
        return transforms.normalize(img, mean, std).MoveToOuterDisposeScope();
    }

    /// <summary>The settings, in one line.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{nameof(ImageClassification)}(crop_size={crop_size}, resize_size={resize_size}, mean=[{Texts(mean)}], std=[{Texts(std)}], interpolation={interpolation})");

    internal static string Texts(IReadOnlyList<double> numbers)
        => string.Join(", ", numbers.Select(number => number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
}
