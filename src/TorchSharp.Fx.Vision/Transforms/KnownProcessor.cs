using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>The defaults of an image processor of Hugging Face's.</summary>
/// <param name="Name">The beginning of its class's name.</param>
/// <param name="Size">What it resizes to.</param>
/// <param name="CropSize">The square that it cuts out; null where it doesn't.</param>
/// <param name="Interpolation">How it resizes.</param>
/// <param name="Mean">By channel.</param>
/// <param name="Std">By channel.</param>
internal sealed record KnownProcessor(
    string Name, ImageSize Size, long? CropSize, InterpolationMode Interpolation, double[] Mean, double[] Std)
{
    private static readonly double[] Half = [0.5, 0.5, 0.5];
    private static readonly double[] ImageNetMean = [0.485, 0.456, 0.406], ImageNetStd = [0.229, 0.224, 0.225];
    private static readonly double[] ClipMean = [0.48145466, 0.4578275, 0.40821073], ClipStd = [0.26862954, 0.26130258, 0.27577711];

    internal static readonly KnownProcessor[] All =
    [
        new("Beit", new Exactly(256, 256), 224, InterpolationMode.Bicubic, Half, Half),
        new("Bit", new ShorterSide(224), 224, InterpolationMode.Bicubic, ClipMean, ClipStd),
        new("CLIP", new ShorterSide(224), 224, InterpolationMode.Bicubic, ClipMean, ClipStd),
        new("ConvNext", new ShorterSide(384), null, InterpolationMode.Bicubic, Half, Half) { CutsShare = true },
        new("DeiT", new Exactly(256, 256), 224, InterpolationMode.Bicubic, Half, Half),
        new("MobileNetV1", new ShorterSide(256), 224, InterpolationMode.Bilinear, Half, Half),
        new("MobileNetV2", new ShorterSide(256), 224, InterpolationMode.Bilinear, Half, Half),
        new("Segformer", new Exactly(512, 512), null, InterpolationMode.Bilinear, ImageNetMean, ImageNetStd),
        new("Siglip", new Exactly(224, 224), null, InterpolationMode.Bicubic, Half, Half),
        new("ViT", new Exactly(224, 224), null, InterpolationMode.Bilinear, Half, Half),
    ];

    private static readonly string[] Endings = ["", "Fast"];

    /// <summary>Whether its size is what is left after the share <c>crop_pct</c> has been kept.</summary>
    internal bool CutsShare { get; private init; }

    /// <summary>By the name of its class, of today or of before 2023 (<c>…FeatureExtractor</c>).</summary>
    internal static KnownProcessor? Of(string name) => Array.Find(All, known => name == known.Name + "FeatureExtractor"
        || Array.Exists(Endings, ending => name == $"{known.Name}ImageProcessor{ending}"));
}
