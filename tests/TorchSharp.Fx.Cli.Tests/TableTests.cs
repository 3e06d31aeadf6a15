using TorchSharp.Fx.Data;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>One command turns folders, archives and manifests into one table, with a row for each input.</summary>
[Collection(nameof(Alone))]
public sealed class TableTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_with_broken_images_becomes_a_table_with_what_the_model_gives_and_what_is_wrong()
    {
        Directory.CreateDirectory(folder["in", "a"]);
        Directory.CreateDirectory(folder["in", "b"]);
        File.Copy(Golden.PathOf("images", "chelsea.png"), folder["in", "a", "1.png"]);
        File.Copy(Golden.PathOf("images", "coffee.png"), folder["in", "b", "1.png"]);
        File.WriteAllText(folder["in", "b", "2.png"], "no image");
        var run = Torchfx.Run("extract", "resnet18", folder["in"], "--nodes", "flatten=f,layer4", "--seed", "7", "--batch", "2", "--out",
            folder["f.parquet"]);
        Assert.Equal((3, $"{folder["f.parquet"]}\n"), (run.ExitCode, run.Out));
        Assert.Contains("\nb/2.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.\n3 images, 1 error, ", run.Error);
        Assert.Contains(" layer4 ", run.Error);

        var rows = FeatureTableReader.Read(folder["f.parquet"],
            new([], [new("layer4", typeof(float), [512, 7, 7]), new("f", typeof(float), [512])])).ToArray();
        Assert.Equal(["a/1.png", "b/1.png", "b/2.png"], rows.Select(row => row.Path));
        Assert.Equal([512, 7, 7], rows[0].Features[0].Shape);
        torch.manual_seed(7);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = models.resnet18();
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ["flatten"]);
        using var preprocessing = new ImageClassification(crop_size: 224);
        foreach (var (row, image) in rows.Zip(["chelsea.png", "coffee.png"]))
        {
            var expected = extractor.call(preprocessing.call(io.read_image(Golden.PathOf("images",
                image))).unsqueeze(0))["flatten"].flatten();
            Assert.True(expected.allclose(tensor((float[])row.Features[1].Elements), rtol: 1e-4, atol: 1e-5));
        }
        using var file = new ParquetSharp.ParquetFileReader(folder["f.parquet"]);
        var metadata = file.FileMetaData.KeyValueMetadata;
        Assert.Equal(("resnet18", "random, seed 7", WeightsHash.Of(model), """{"layer4":"layer4","f":"flatten"}""", "2"),
            (metadata["model"], metadata["weights"], metadata["weights_sha256"], metadata["nodes"], metadata["batch"]));
        Assert.Equal("ImageClassification(crop_size=224, resize_size=256, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], interpolation=Bilinear)", metadata["preprocessing"]);
        Assert.Matches(@"^torchfx \S+, torchsharp \S+, libtorch \S+$", metadata["versions"]);
    }

    [Fact]
    public void With_fail_fast_a_broken_image_ends_the_run_and_nothing_is_written()
    {
        File.WriteAllText(folder["2.png"], "no image");
        var run = Torchfx.Run("extract", "squeezenet1_1", folder.Root, "--nodes", "flatten", "--fail-fast", "--out", folder["f.parquet"]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.EndsWith("\ntorchfx: 2.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.\n",
            run.Error);
        Assert.Equal([folder["2.png"]], Directory.GetFiles(folder.Root));
    }

    [Theory]
    [InlineData("--out is one table", "f.parquet", "--format", "npy", "--format is for a folder of files, and '{0}' is one table: leave it out, or give a folder.")]
    [InlineData("no recording", "f.parquet", "--record", null, "--record gives other features for other images, and a table has the same columns for all: give a folder to --out.")]
    [InlineData("--out is a folder", "out", "--float16", null, "--float16 is for a table, and --out names the folder '{0}': give a file that ends with .parquet.")]
    public void Options_of_the_other_kind_of_output_are_refused(string _, string output, string option, string? value, string sentence)
        => Torchfx.Run(["extract", "resnet18", Golden.PathOf("images"), "--nodes", "flatten", "--out", folder[output], option,
            .. value is null ? Array.Empty<string>() : [value]])
            .AssertFailed(string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, folder[output]), 2);
}
