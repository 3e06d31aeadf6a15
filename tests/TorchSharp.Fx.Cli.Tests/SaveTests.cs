using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>What one process saves, another one loads that has neither the model's class nor its assembly.</summary>
public sealed class SaveTests : IDisposable
{
    private const string Arguments = """{"widths": [4, 6], "stem": {"kernel": 5, "stride": 4, "activation": "Tanh"}}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_saved_model_has_its_nodes_graph_and_features_without_its_assembly()
    {
        foreach (var file in new[] { "TestModels.dll", "TorchSharp.dll" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, file), folder[file]);
        var image = Golden.PathOf("images", "coffee.png");
        var (model, saved) = ($"{folder["TestModels.dll"]}:Encoder", folder["encoder.safetensors"]);
        var features = Torchfx.Run("extract", model, image, "--args", Arguments, "--nodes", "mean", "--seed", "3", "--out", folder["eager"]);
        var nodes = Torchfx.Run("nodes", model, "--args", Arguments, "--mode", "eval", "--format", "json");
        Assert.Equal(saved, Torchfx.Run("save", model, "--args", Arguments, "--seed", "3", "--out", saved).Lines.Single());
        File.Delete(folder["TestModels.dll"]);

        var again = Torchfx.Run("extract", saved, image, "--nodes", "mean", "--out", folder["saved"]);
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Equal(Safetensors.load_file(features.Lines.Single())["mean"], Safetensors.load_file(again.Lines.Single())["mean"]);
        Assert.Equal(nodes.Out.Replace(model, saved, StringComparison.Ordinal), Torchfx.Run("nodes", saved, "--mode", "eval", "--format", "json").Out);
        Assert.Contains("%stem : [num_users=1] = call_module[target=stem](%x)", Torchfx.Run("graph", saved).Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cut_model_is_saved_for_both_modes_with_the_leaf_functions_of_vision()
    {
        var saved = folder["swin.safetensors"];
        Assert.Equal(0, Torchfx.Run("save", "swin_t", "--nodes", "features.1=first", "--out", saved).ExitCode);
        Assert.Equal(Torchfx.Run("graph", "swin_t", "--nodes", "features.1=first").Out, Torchfx.Run("graph", saved).Out);
        Assert.EndsWith("    return {'first': %add_3}\n", Torchfx.Run("graph", saved, "--mode", "train").Out);
    }

    [Fact]
    public void What_makes_no_sense_for_a_saved_graph_is_refused()
    {
        var saved = folder["saved.safetensors"];
        Safetensors.save_file(new Dictionary<string, Tensor> { ["a"] = torch.ones(1) }, saved);
        Torchfx.Run("nodes", saved).AssertFailed($"{saved} holds tensors but no graph: it was not written by fx.save.");
        Torchfx.Run("nodes", folder["none.safetensors"]).AssertFailed($"There is no file '{folder["none.safetensors"]}'.");
        Torchfx.Run("trace", saved).AssertFailed($"'{saved}' is a graph already, so there is nothing to trace; 'torchfx graph' prints it.", 2);
        Torchfx.Run("extract", saved, Golden.PathOf("images", "coffee.png"), "--nodes", "a", "--weights", saved, "--out", folder["out"]).AssertFailed($"'{saved}' has its weights; --weights is for models without.", 2);
        Torchfx.Run("save", "resnet18", "--out", "resnet18.onnx").AssertFailed("--out must end with .safetensors, as the file is one, but it is 'resnet18.onnx'.", 2);
    }
}
