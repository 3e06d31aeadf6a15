using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>How images are prepared for a file that doesn't say: a model that gives its input back shows it.</summary>
public sealed class PreprocessingTests : IDisposable
{
    private static readonly string Image = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string model;

    public PreprocessingTests()
    {
        model = folder["same.safetensors"];
        using var same = fx.symbolic_trace((Tensor x) => x * 1);
        fx.save(same, model);
    }

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_model_of_the_catalogue_lends_its_preprocessing()
    {
        using var expected = EfficientNet_B1_Weights.DEFAULT.transforms();
        AssertPrepared(expected, "--preprocess", "efficientnet_b1");
    }

    [Fact]
    public void Numbers_of_the_command_line_are_torchvisions()
    {
        using var all = new ImageClassification(96, 128, [0.5, 0.5, 0.5], [0.25, 0.5, 0.75], InterpolationMode.Bicubic);
        AssertPrepared(all, "--size", "96", "--resize", "128", "--mean", "0.5", "--std", "0.25,0.5,0.75", "--interpolation", "bicubic");
        using var size = new ImageClassification(112, 128);
        AssertPrepared(size, "--size", "112");
    }

    [Fact]
    public void A_file_of_Hugging_Faces_beside_the_model_is_read_and_the_command_line_comes_first()
    {
        var config = folder["preprocessor_config.json"];
        File.WriteAllText(config, """{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 112}, "crop_pct": 0.875}""");
        using var expected = new ImageClassification(112, 128, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], InterpolationMode.Bicubic);
        var run = AssertPrepared(expected);
        Assert.DoesNotContain("ImageNet", run.Error, StringComparison.Ordinal);
        using var size = new ImageClassification(112, 128);
        AssertPrepared(size, "--size", "112");
        File.WriteAllText(config, """{"feature_extractor_type": "ASTFeatureExtractor"}""");
        Assert.EndsWith($"torchfx: {config} is for ASTFeatureExtractor, which is not known here; known are Beit, Bit, CLIP, ConvNext, DeiT, MobileNetV1, MobileNetV2, Segformer, Siglip, ViT.\n", Extract().Error);
    }

    [Fact]
    public void Without_any_of_these_images_are_as_for_ImageNet_and_the_user_is_told()
    {
        using var expected = new ImageClassification(224);
        var run = AssertPrepared(expected);
        Assert.StartsWith($"Images are prepared as for ImageNet, at 224 pixels. Where '{model}' takes others, say so by --preprocess or --size, --mean and --std.\n", run.Error);
    }

    [Theory]
    [InlineData("--preprocess vit_b_16 --mean 0.5", "--preprocess vit_b_16 says all of how images are prepared: leave out --mean, or --preprocess.", 2)]
    [InlineData("--preprocess r3d_18", "'r3d_18' takes videos, and torchfx reads images only.", 1)]
    [InlineData("--size 0", "--size must be a number of pixels from 1 to 16384, not 0.", 2)]
    [InlineData("--mean 0.5,0.5", "--mean must be a number for each channel, as in 0.485,0.456,0.406, or one for all, not '0.5,0.5'.", 2)]
    [InlineData("--std 0", "--std must be positive, not 0.", 2)]
    public void What_makes_no_sense_is_told_in_a_sentence(string options, string sentence, int exitCode)
        => Extract(options.Split(' ')).AssertFailed(sentence, exitCode);

    private Torchfx AssertPrepared(nn.Module<Tensor, Tensor> expected, params string[] options)
    {
        var run = Extract(options);
        Assert.True(run.ExitCode == 0, run.Error);
        var (wanted, actual) = (expected.call(io.read_image(Image)).unsqueeze(0), Safetensors.load_file(run.Lines.Single())["x"]);
        Assert.Equal(wanted.shape, actual.shape);
        Assert.True(wanted.allclose(actual, 1e-5, 1e-5));
        return run;
    }

    private Torchfx Extract(params string[] options) => Torchfx.Run(["extract", model, Image, "--nodes", "mul=x", .. options, "--out", folder["out"]]);
}
