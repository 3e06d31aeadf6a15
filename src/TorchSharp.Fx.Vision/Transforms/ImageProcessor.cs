using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Converts a decoded image to the input of a Hugging Face model, by its <c>preprocessor_config.json</c>: resize, crop, scale, normalise.
/// Counterpart: <c>transformers.AutoImageProcessor</c>, the fast processors.
/// </summary>
public sealed class ImageProcessor : nn.Module<Tensor, Tensor>
{
    private const string FileName = "preprocessor_config.json";

    private readonly ImageProcessorSettings settings;

    private ImageProcessor(ImageProcessorSettings settings) : base(nameof(ImageProcessor)) => this.settings = settings;

    /// <summary>Reads the settings of a model.</summary>
    /// <param name="path">A <c>preprocessor_config.json</c>, or the folder that has one.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or asks for something that isn't supported; the message says
    /// what.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static ImageProcessor from_pretrained(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new(PreprocessorConfig.Read(Directory.Exists(path) ? Path.Combine(path, FileName) : path));
    }

    /// <summary>The settings that lie in a file's folder; null where there are none.</summary>
    internal static string? Beside(string model)
        => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(model))!, FileName) is var path && File.Exists(path) ? path : null;

    /// <summary>Preprocesses one image or a batch of images of one size.</summary>
    /// <param name="img">uint8 [3, H, W] or [N, 3, H, W].</param>
    /// <returns>float32, with the batch dimension if the input has one.</returns>
    public override Tensor forward(Tensor img)
    {
        ArgumentNullException.ThrowIfNull(img);
        using var scope = NewDisposeScope();
        var (height, width) = settings.Size switch
        {
            ShorterSide(var size) => transforms.SizeFor(img, size),
            Exactly(var rows, var columns) => (rows, columns),
            _ => (img.shape[^2], img.shape[^1]),
        };
        img = settings.CropSize is { } crop ? transforms.ResizedCenter(img, height, width, crop, settings.Interpolation)
            : transforms.resize(img, height, width, settings.Interpolation);
        img = img.to(ScalarType.Float32) * settings.Factor;
        if (settings.Normalisation is var (mean, std))
            img = transforms.normalize(img, mean, std);
        return img.MoveToOuterDisposeScope();
    }

    /// <summary>The settings, in one line.</summary>
    public override string ToString()
    {
        var (mean, std) = settings.Normalisation ?? ([], []);
        return FormattableString.Invariant(
            $"{nameof(ImageProcessor)}(size={settings.Size}, interpolation={settings.Interpolation}, crop_size={settings.CropSize}, factor={settings.Factor:R}, mean=[{ImageClassification.Texts(mean)}], std=[{ImageClassification.Texts(std)}])");
    }
}

/// <summary>The steps done to an image.</summary>
/// <param name="Size">What it is resized to; null leaves it as it is.</param>
/// <param name="Interpolation">How.</param>
/// <param name="CropSize">The side of the central square that is cut out, in pixels; null cuts nothing.</param>
/// <param name="Factor">What its numbers, 0 to 255, are multiplied with.</param>
/// <param name="Normalisation">What is subtracted then, and what is divided by, for each channel.</param>
internal sealed record ImageProcessorSettings(
    ImageSize? Size, InterpolationMode Interpolation, long? CropSize, double Factor, (double[] Mean, double[] Std)? Normalisation);

/// <summary>The size that an image is resized to.</summary>
internal abstract record ImageSize;

/// <param name="Pixels">The shorter side; the proportions stay.</param>
internal sealed record ShorterSide(long Pixels) : ImageSize;

/// <param name="Height">In pixels.</param>
/// <param name="Width">In pixels.</param>
internal sealed record Exactly(long Height, long Width) : ImageSize;
