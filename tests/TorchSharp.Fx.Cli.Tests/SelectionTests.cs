using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Nodes by pattern, preset and input, and their shapes.</summary>
public sealed class SelectionTests : IDisposable
{
    private static readonly string Image = Golden.PathOf("images", "chelsea.png");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Stages_embedding_patterns_and_inputs_are_extracted()
    {
        var run = Torchfx.Run("extract", "resnet18", Image, "--nodes", "stages,embedding=pooled,layer4.?.conv2,fc:in", "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.Error);
        var shapes = Safetensors.list(run.Lines.Single()).ToDictionary(entry => entry.name, entry => string.Join('x', entry.shape));
        Assert.Equal(["fc:in", "layer1", "layer2", "layer3", "layer4", "layer4.0.conv2", "layer4.1.conv2", "pooled", "relu"], shapes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("1x64x112x112", "1x512x7x7", "1x512", "1x512"), (shapes["relu"], shapes["layer4"], shapes["pooled"], shapes["fc:in"]));
        Assert.Contains(" flatten ", run.Error);
    }

    [Fact]
    public void Presets_that_a_model_lacks_and_a_key_for_all_stages_are_refused()
    {
        Extract("squeezenet1_1", "embedding", "'squeezenet1_1' has no embedding: its last layer doesn't read a vector. Ask for its stages.", exitCode: 1);
        Extract("resnet18", "stages=all", "The key 'all' can't be given to all stages; each has its own name as its key.", exitCode: 2);
        Torchfx.Run("nodes", "resnet18", "--match", "layer9*").AssertFailed(
            "No node or module of 'resnet18' fits the pattern 'layer9*'. '*' and '?' stand for letters between dots, '**' for dots as well.");
        Torchfx.Run("nodes", "TestModels.dll:TestModels.Encoder", "--args", """{"widths": [4, 8], "stem": {"kernel": 3, "stride": 2}}""", "--shapes").AssertFailed(
            "Shapes follow from those of the inputs: give --input for each input of 'TestModels.dll:TestModels.Encoder', in order, as in --input 1x3x224x224.", exitCode: 2);
    }

    [Fact]
    public void Shapes_stand_beside_the_names()
    {
        var run = Torchfx.Run("nodes", "resnet18", "--match", "layer?", "--shapes");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(
            ["train and eval|shape", "layer1|float32[1, 64, 56, 56]", "layer2|float32[1, 128, 28, 28]", "layer3|float32[1, 256, 14, 14]", "layer4|float32[1, 512, 7, 7]"],
            run.Lines.Where(line => line.StartsWith('│')).Select(line => string.Join('|', line.Split('│', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))));
    }

    [Fact]
    public void Json_has_shapes_as_numbers_and_user_classes_have_them_too()
    {
        using var json = JsonDocument.Parse(Torchfx.Run("nodes", "resnet18", "--match", "conv1", "--shapes", "--mode", "eval", "--format", "json").Out);
        Assert.Equal("""{"model":"resnet18","eval":[{"node":"conv1","dtype":"float32","shape":[1,64,112,112]}]}""", JsonSerializer.Serialize(json));
        var run = Torchfx.Run("nodes", "TestModels.dll:TestModels.Encoder", "--args", """{"widths": [4, 8], "stem": {"kernel": 3, "stride": 2}}""", "--shapes", "--input", "2x3x9x9", "--match", "stem");
        Assert.Contains(run.Lines, line => line.Contains("float32[2, 4, 4, 4]", StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_of_models_is_what_the_command_prints()
    {
        var run = Torchfx.Run("models", "--format", "markdown");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "models.md")).ReplaceLineEndings("\n");
        Assert.True(page == run.Out, "docs/models.md is not what the catalogue says any more: torchfx models --format markdown > docs/models.md");
    }

    private void Extract(string model, string nodes, string sentence, int exitCode)
    {
        var run = Torchfx.Run("extract", model, Image, "--nodes", nodes, "--out", folder["out"]);
        Assert.EndsWith($"\ntorchfx: {sentence}\n", run.Error);
        Assert.Equal((exitCode, ""), (run.ExitCode, run.Out));
    }
}
