using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Everything a user is likely to get wrong: one sentence, an exit code, no stack trace.</summary>
public sealed class ErrorTests : IDisposable
{
    private static readonly string Image = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_unknown_model_lists_the_nearest()
        => Torchfx.Run("nodes", "resnet81").AssertFailed("There is no model named 'resnet81'. The nearest names are 'resnet101', 'resnet18', 'resnet34'; 'torchfx models' lists all.");

    [Fact]
    public void An_unknown_node_lists_the_nearest()
        => Torchfx.Run("graph", "resnet18", "--nodes", "layer5").AssertFailed("node: 'layer5' is not present in model. The nearest names are 'layer1', 'layer2', 'layer3'.");

    [Fact]
    public void A_missing_image_is_named()
        => Extract("nowhere.png").AssertFailed("There is no file or folder 'nowhere.png'.");

    [Fact]
    public void A_folder_without_images_is_named()
        => Extract(folder.Root).AssertFailed($"The folder '{folder.Root}' has no images (.bmp, .gif, .jpeg, .jpg, .png, .webp), nor have the folders inside.");

    [Fact]
    public void A_corrupt_image_is_named_after_the_good_ones()
    {
        File.WriteAllBytes(folder["cut.png"], File.ReadAllBytes(Image)[..20000]);
        File.WriteAllText(folder["text.png"], "no image");
        var run = Extract(Image, folder["cut.png"]);
        Assert.Equal((1, "chelsea.safetensors"), (run.ExitCode, Path.GetFileName(run.Lines.Single())));
        Assert.Equal($"torchfx: {folder["cut.png"]} is truncated: its Png data could not be decoded to the end.", run.Error.TrimEnd('\n').Split('\n')[^1]);
        Assert.Equal([run.Lines.Single()], Directory.GetFiles(folder["out"]));

        Assert.EndsWith($"\ntorchfx: {folder["text.png"]} is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.\n", Extract(folder["text.png"]).Error);
    }

    [Fact]
    public void Weights_that_are_missing_damaged_or_of_another_model_are_refused()
    {
        Extract(Image, "--weights", "nowhere.safetensors").AssertFailed("There is no file 'nowhere.safetensors' to take weights from.");

        File.WriteAllText(folder["text.safetensors"], "no");
        Extract(Image, "--weights", folder["text.safetensors"]).AssertFailed($"{folder["text.safetensors"]} has 2 bytes, too few for a header.");

        using (var bias = torch.zeros(1000))
            Safetensors.save_file(new Dictionary<string, Tensor> { ["fc.bias"] = bias }, folder["other.safetensors"]);
        var other = Extract(Image, "--weights", folder["other.safetensors"]);
        Assert.StartsWith($"torchfx: {folder["other.safetensors"]} does not fit the model, which is unchanged: missing: conv1.weight, ", other.Error);
        Assert.Equal((1, ""), (other.ExitCode, other.Out));
    }

    [Fact]
    public void Verbose_shows_where_an_error_came_from()
    {
        var run = Torchfx.Run("nodes", "resnet81", "--verbose");
        Assert.StartsWith("torchfx: There is no model named 'resnet81'.", run.Error);
        Assert.Contains("   at TorchSharp.Fx.Cli.ModelSource.Find(", run.Error);
    }

    [Fact]
    public void A_key_that_no_file_can_have_is_refused_for_npy()
        => Extract(Image, "--nodes", "fc=a/b", "--format", "npy").AssertFailed("The key 'a/b' can't be part of a file's name, as --format npy needs; give the node another one with NAME=KEY.", exitCode: 2);

    [Fact]
    public void A_folder_that_cannot_be_made_is_an_error()
    {
        File.WriteAllText(folder["taken"], "");
        var run = Torchfx.Run("extract", "resnet18", Image, "--nodes", "fc", "--out", folder["taken", "inside"]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.StartsWith($"torchfx: Could not find a part of the path '{folder["taken", "inside"]}'", run.Error.TrimEnd('\n').Split('\n')[^1]);
    }

    private Torchfx Extract(params string[] args)
        => Torchfx.Run(["extract", "resnet18", .. args, .. args.Contains("--nodes") ? Array.Empty<string>() : ["--nodes", "conv1"], "--out", folder["out"]]);
}
