using System.Security.Cryptography;
using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class WeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void List_has_what_torchvision_publishes_for_the_models_here()
    {
        var run = Torchfx.Run("weights", "list", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        var published = Golden.Json("weights.json").EnumerateObject().Where(model => models.list_models().Contains(model.Name));
        Assert.Equal(published.SelectMany(model => model.Value.EnumerateObject()).Select(row => row.Value.GetProperty("url").GetString()).Order(),
            json.RootElement.EnumerateArray().Select(row => row.GetProperty("url").GetString()).Order());

        var table = Torchfx.Run("weights", "list", "ResNet50");
        Assert.Equal(0, table.ExitCode);
        Assert.Contains(table.Lines, line => line.Contains(" ResNet50_Weights.IMAGENET1K_V2 │ default │ 80.858 acc@1, ImageNet-1K │ 97.8 │", StringComparison.Ordinal));
        Torchfx.Run("weights", "list", "resnet81").AssertFailed("There is no model named 'resnet81'. The nearest names are 'resnet101', 'resnet18', 'resnet34'; 'torchfx models' lists all.");
    }

    [Fact]
    public void Info_tells_of_published_weights_and_of_files()
    {
        var published = Torchfx.Run("weights", "info", "resnet50");
        Assert.Equal((0, ""), (published.ExitCode, published.Error));
        Assert.All(["ResNet50_Weights.IMAGENET1K_V2", "https://download.pytorch.org/models/resnet50-11ad3fa6.pth", "25,557,032", "acc@1 80.858, acc@5 95.434", "1000: tench, goldfish"],
            text => Assert.Contains(text, published.Out));

        var file = Torchfx.Run("weights", "info", Checkpoint("legacy.pth"));
        Assert.Equal((0, ""), (file.ExitCode, file.Error));
        Assert.Contains("PyTorch (before 1.6), ", file.Lines[^1]);
        using var scope = NewDisposeScope();
        Assert.All(Pth.load_file(Checkpoint("legacy.pth")), tensor => Assert.Contains(file.Lines, line =>
            line.StartsWith($"│ {tensor.Key} ", StringComparison.Ordinal) && line.Contains($" [{string.Join(", ", tensor.Value.shape)}] ", StringComparison.Ordinal)));

        Torchfx.Run("weights", "info", "nowhere.pth").AssertFailed("There is no file 'nowhere.pth'.");
        Torchfx.Run("weights", "info", "ResNet50_Weights.V2").AssertFailed(
            "There are no weights named 'ResNet50_Weights.V2'. The nearest names are 'ResNet50_Weights.IMAGENET1K_V2', 'ResNet50_Weights.IMAGENET1K_V1'.");
    }

    [Fact]
    public void Convert_writes_the_same_tensors_as_safetensors()
    {
        using var scope = NewDisposeScope();
        foreach (var name in new[] { "zip.pth", "legacy.pth", "views.pth", "data_parallel.pth" })
        {
            var run = Torchfx.Run("weights", "convert", Checkpoint(name), folder["out.safetensors"]);
            Assert.Equal((0, $"{folder["out.safetensors"]}\n"), (run.ExitCode, run.Out));
            var (expected, actual) = (Pth.load_file(Checkpoint(name)), Safetensors.load_file(folder["out.safetensors"]));
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            Assert.All(expected, item => Assert.True(item.Value.Equals(actual[item.Key]), item.Key));
        }
    }

    [Fact]
    public void Convert_refuses_what_is_no_weights_and_another_extension()
    {
        var run = Torchfx.Run("weights", "convert", Checkpoint("malicious.pth"), folder["out.safetensors"]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Contains("which no weights need: it was not called and nothing is loaded.", run.Error);
        Assert.False(File.Exists(folder["out.safetensors"]));
        Torchfx.Run("weights", "convert", Checkpoint("zip.pth"), "out.pth").AssertFailed("'out.pth' is to be a safetensors file: give it the extension .safetensors.", exitCode: 2);
    }

    [Fact]
    public void Verify_compares_the_hash_in_the_name_and_the_model()
    {
        using var scope = NewDisposeScope();
        var saved = models.squeezenet1_1().state_dict();
        Safetensors.save_file(saved, folder["plain.safetensors"]);
        var hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder["plain.safetensors"])));
        var plain = Torchfx.Run("weights", "verify", folder["plain.safetensors"]);
        Assert.Equal((0, ""), (plain.ExitCode, plain.Error));
        Assert.Equal([$"SHA-256: {hash}, which its name does not have", "structure: safetensors, 52 tensors, 1,235,496 elements", "model: not compared; name one with --model"], plain.Lines);

        var named = folder[$"mine-{hash[..8]}.safetensors"];
        File.Copy(folder["plain.safetensors"], named);
        var right = Torchfx.Run("weights", "verify", named, "--model", "squeezenet1_1");
        Assert.Equal((0, $"SHA-256: {hash}, as its name has it", "model: squeezenet1_1, all keys and shapes are the same"), (right.ExitCode, right.Lines[0], right.Lines[^1]));

        var other = Torchfx.Run("weights", "verify", named, "--model", "squeezenet1_0");
        Assert.Equal(1, other.ExitCode);
        Assert.StartsWith($"torchfx: {named} does not fit squeezenet1_0: missing: features.5.squeeze.weight, features.5.squeeze.bias, ", other.Error);

        // The name of a published file says which model it is for.
        var published = folder["squeezenet1_1-b8a52dc0.pth"];
        File.Copy(named, published);
        Torchfx.Run("weights", "verify", published).AssertFailed($"{published} has the SHA-256 {hash[..8]}… instead of the b8a52dc0… in its name: it is damaged or another file. Delete it and download it again.");
    }

    [Fact]
    public void Verify_tells_of_damage()
    {
        var cut = folder["cut.pth"];
        File.WriteAllBytes(cut, File.ReadAllBytes(Checkpoint("legacy.pth"))[..^10]);
        var run = Torchfx.Run("weights", "verify", cut);
        Assert.Equal(1, run.ExitCode);
        Assert.Matches($"^torchfx: {cut} ends within storage '[0-9]+': it is truncated.\n$", run.Error);
        Torchfx.Run("weights", "verify", "nowhere.pth").AssertFailed("There is no file 'nowhere.pth'.");
    }

    [Fact]
    public void A_wrong_command_line_names_the_whole_command()
    {
        var run = Torchfx.Run("weights", "verify");
        Assert.Equal((2, "torchfx: Required argument 'FILE' missing for command: 'verify'.\nRun 'torchfx weights verify --help' to see how it is used.\n"), (run.ExitCode, run.Error));
    }

    private static string Checkpoint(string name) => Golden.PathOf("checkpoints", name);
}
