using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Converts a decoded image to the input of a segmentation model: resize, scale to [0, 1], normalise.
/// <c>torchvision.transforms._presets.SemanticSegmentation</c>
/// </summary>
public sealed class SemanticSegmentation : nn.Module<Tensor, Tensor>
{
    private readonly long resize_size;
    private readonly IReadOnlyList<double> mean;
    private readonly IReadOnlyList<double> std;
    private readonly InterpolationMode interpolation;

    /// <summary>A transform with the given settings; the defaults are ImageNet's.</summary>
    /// <param name="resize_size">The shorter side, in pixels.</param>
    /// <param name="mean">Three means, by channel.</param>
    /// <param name="std">Three deviations, by channel.</param>
    /// <param name="interpolation">Bilinear or Bicubic.</param>
    public SemanticSegmentation(
        long resize_size, IReadOnlyList<double>? mean = null, IReadOnlyList<double>? std = null,
        InterpolationMode interpolation = InterpolationMode.Bilinear) : base(nameof(SemanticSegmentation))
    {
        this.resize_size = resize_size;
        this.mean = mean ?? [0.485, 0.456, 0.406];
        this.std = std ?? [0.229, 0.224, 0.225];
        this.interpolation = interpolation;
    }

    /// <summary>Preprocesses one image or a batch of images of one size.</summary>
    /// <param name="img">uint8 or floating point [3, H, W] or [N, 3, H, W].</param>
    /// <returns>float32, with the shorter side resized.</returns>
    public override Tensor forward(Tensor img)
    {
        using var scope = NewDisposeScope();
        img = transforms.resize(img, resize_size, interpolation);
        img = transforms.convert_image_dtype(img);
        return transforms.normalize(img, mean, std).MoveToOuterDisposeScope();
    }

    /// <summary>The settings, in one line.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{nameof(SemanticSegmentation)}(resize_size={resize_size}, mean=[{ImageClassification.Texts(mean)}], std=[{ImageClassification.Texts(std)}], interpolation={interpolation})");
}
