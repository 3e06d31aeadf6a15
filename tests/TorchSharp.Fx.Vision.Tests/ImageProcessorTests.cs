using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Settings of Hugging Face's, as its models have them, against the same steps written out.</summary>
public sealed class ImageProcessorTests : IDisposable
{
    private static readonly double[] Half = [0.5, 0.5, 0.5];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("torchfx");
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Tensor image = (rand(3, 300, 401) * 255).to(ScalarType.Byte);

    private string Config => Path.Combine(folder.FullName, "preprocessor_config.json");

    public void Dispose()
    {
        scope.Dispose();
        folder.Delete(recursive: true);
    }

    [Fact]
    public void ResNets_settings_are_torchvisions()
    {
        using var expected = new ImageClassification(224, 256, interpolation: InterpolationMode.Bicubic);
        AssertSame(expected.call(image), """
            {"crop_pct": 0.875, "do_normalize": true, "do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor",
             "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 224}
            """);
    }

    [Fact]
    public void ConvNexts_large_sizes_are_not_cut()
        => AssertSame(Normalised(transforms.resize(image, 384, 384, InterpolationMode.Bicubic)), """{"image_processor_type": "ConvNextImageProcessorFast"}""");

    [Theory]
    [InlineData("""{"feature_extractor_type": "ViTFeatureExtractor", "size": 224, "resample": 2, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}""")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}, "image_mean": 0.5, "rescale_factor": 0.00392156862745098, "do_convert_rgb": true}""")]
    public void ViT_resizes_to_a_square(string settings) => AssertSame(Normalised(transforms.resize(image, 224, 224)), settings);

    [Fact]
    public void CLIP_resizes_the_shorter_side_and_cuts()
    {
        using var expected = new ImageClassification(224, 224, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711], InterpolationMode.Bicubic);
        AssertSame(expected.call(image), """{"image_processor_type": "CLIPImageProcessor", "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 224}}""");
    }

    [Fact]
    public void Steps_can_be_left_out()
        => AssertSame(image.to(ScalarType.Float32), """{"image_processor_type": "BitImageProcessor", "do_resize": false, "do_center_crop": false, "do_rescale": false, "do_normalize": false}""");

    [Theory]
    [InlineData("{", "is no JSON: ")]
    [InlineData("[]", "is no JSON object.")]
    [InlineData("{}", "names no image_processor_type.")]
    [InlineData("""{"image_processor_type": "EfficientNetImageProcessor"}""", "is for EfficientNetImageProcessor, which is not known here; known are Beit, Bit, ")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "do_pad": true}""", "asks for 'do_pad', which is not done here.")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "do_resize": "yes"}""", "has the do_resize \"yes\", which is neither true nor false.")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "do_center_crop": true}""", "asks for 'do_center_crop' without a crop_size.")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "resample": 1}""", "asks for resample 1; 0 (nearest), 2 (bilinear) and 3 (bicubic) are done here.")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "size": {"longest_edge": 800, "shortest_edge": 600}}""",
        "has the size {\"longest_edge\": 800, \"shortest_edge\": 600}, which is neither a number nor height and width nor shortest_edge.")]
    [InlineData("""{"image_processor_type": "ViTImageProcessor", "size": 1e9}""", "has the size 1e9, which is no number of pixels from 1 to 16384.")]
    [InlineData("""{"image_processor_type": "CLIPImageProcessor", "crop_size": {"height": 2, "width": 3}}""", "has the crop_size {\"height\": 2, \"width\": 3}, and only squares are cut out here.")]
    [InlineData("""{"image_processor_type": "CLIPImageProcessor", "image_mean": [0.5]}""", "has the image_mean [0.5], which is not a number for each of three channels.")]
    [InlineData("""{"image_processor_type": "CLIPImageProcessor", "image_std": 0}""", "has the image_std 0, which is no positive number.")]
    public void What_is_not_done_here_is_refused_in_a_sentence(string settings, string sentence)
    {
        File.WriteAllText(Config, settings);
        Assert.StartsWith($"{Config} {sentence}", Assert.Throws<InvalidDataException>(() => ImageProcessor.from_pretrained(folder.FullName)).Message);
    }

    [Fact]
    public void A_folder_without_settings_is_named()
        => Assert.Contains(Config, Assert.ThrowsAny<IOException>(() => ImageProcessor.from_pretrained(folder.FullName)).Message, StringComparison.Ordinal);

    private static Tensor Normalised(Tensor pixels) => transforms.normalize(transforms.convert_image_dtype(pixels), Half, Half);

    private void AssertSame(Tensor expected, string settings)
    {
        File.WriteAllText(Config, settings);
        using var processor = ImageProcessor.from_pretrained(Config);
        var actual = processor.call(image);
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.allclose(actual, 1e-5, 1e-5));
    }
}
