using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class NodesTests
{
    public static TheoryData<string> Known => 
        [.. models.list_models().Except(models.quantization.list_models()).Where(model => Golden.Has("node_names", model))];

    [Theory]
    [MemberData(nameof(Known))]
    public void Json_has_torchvisions_names_in_both_modes(string model)
    {
        var run = Torchfx.Run("nodes", model, "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal(["model", "train", "eval"], json.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(model, json.RootElement.GetProperty("model").GetString());
        Assert.Equal(Golden.NodeNames(model, train: true), Names(json, "train"));
        Assert.Equal(Golden.NodeNames(model, train: false), Names(json, "eval"));
    }

    [Fact]
    public void One_mode_leaves_the_other_out()
    {
        using var json = JsonDocument.Parse(Torchfx.Run("nodes", "inception_v3", "--mode", "train", "--format", "json").Out);
        Assert.Equal(["model", "train"], json.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(Golden.NodeNames("inception_v3", train: true), Names(json, "train"));
    }

    [Fact]
    public void A_table_has_two_columns_only_where_the_modes_differ()
    {
        var same = Torchfx.Run("nodes", "resnet18");
        Assert.Equal(["│ train and eval        │", .. Golden.NodeNames("resnet18", train: false).Select(name => $"│ {name,-21} │")],
            same.Lines.Where(line => line.StartsWith('│')));

        var inception = Torchfx.Run("nodes", "inception_v3");
        Assert.Contains(inception.Lines, line => line.Split('│', StringSplitOptions.TrimEntries) is ["", "train", "eval", ""]);
        Assert.Contains(inception.Lines, line => line.Split('│', StringSplitOptions.TrimEntries) is ["", "AuxLogits.avg_pool2d", "Mixed_7a.branch3x3_1.conv", ""]);
    }

    private static IEnumerable<string> Names(JsonDocument json, string mode) => json.RootElement.GetProperty(mode).EnumerateArray().Select(name => name.GetString()!);
}
