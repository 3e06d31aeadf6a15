using System.Text.Json;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class SummaryTests
{
    [Fact]
    public void Parts_of_a_model_with_their_costs()
    {
        var run = Torchfx.Run("summary", "resnet18", "--depth", "1");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var rows = run.Lines.Select(line => line.Split('│', StringSplitOptions.TrimEntries)).Where(cells => cells.Length > 5).Select(cells => string.Join(" | ", cells[1..^1])).ToArray();
        Assert.Equal("name | type | output | parameters | MACs | memory", rows[0]);
        Assert.Contains("conv1 | Conv2d | float32[1, 64, 112, 112] | 9,408 | 118,013,952 | 3.21 MB", rows);
        Assert.Contains("fc | Linear | float32[1, 1000] | 513,000 | 512,000 | 4.00 kB", rows);
        Assert.Equal(["x", "conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc", "total"], rows[1..].Select(row => row.Split(" | ")[0]));
        // torchvision's table of weights says 11,689,512 parameters and 1.814 GFLOPS.
        Assert.StartsWith("total |  |  | 11,689,512 | 1,814,073,344 | ", rows[^1]);
    }

    [Fact]
    public void Json_has_every_node_and_the_same_sums()
    {
        var run = Torchfx.Run("summary", "resnet18", "--input", "2x3x64x64", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var summary = JsonDocument.Parse(run.Out).RootElement;
        var rows = summary.GetProperty("rows").EnumerateArray().ToArray();
        var block = rows.Single(row => row.GetProperty("name").GetString() == "layer1.0.conv1");
        // 2 images, 64 by 64 channels, a kernel of 3 by 3 on a map of 16 by 16.
        Assert.Equal(2L * 64 * 64 * 9 * 16 * 16, block.GetProperty("macs").GetInt64());
        Assert.Equal("float32[2, 64, 16, 16]", block.GetProperty("output").GetString());
        Assert.Equal("add", rows.Single(row => row.GetProperty("name").GetString() == "layer1.0.add").GetProperty("type").GetString());
        foreach (var sum in new[] { "macs", "parameters", "bytes" })
            Assert.Equal(summary.GetProperty("total").GetProperty(sum).GetInt64(), rows.Sum(row => row.GetProperty(sum).GetInt64()));
    }

    [Fact]
    public void A_saved_graph_is_summed_up_and_drawn_like_its_model()
    {
        using var folder = new TemporaryFolder();
        var saved = folder["resnet18.safetensors"];
        Assert.Equal(0, Torchfx.Run("save", "resnet18", "--nodes", "maxpool", "--out", saved).ExitCode);
        var summary = JsonDocument.Parse(Torchfx.Run("summary", saved, "--input", "1x3x64x64", "--format", "json").Out).RootElement;
        Assert.Equal(["x", "conv1", "bn1", "relu", "maxpool"], summary.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("name").GetString()));
        Assert.Equal(9_633_792, summary.GetProperty("total").GetProperty("macs").GetInt64());
        Assert.Contains(">1×64×16×16</text>", Torchfx.Run("graph", saved, "--shapes", "--input", "1x3x64x64", "--format", "svg").Out);
        Torchfx.Run("graph", saved, "--stage", "cil").AssertFailed($"'{saved}' is a graph already, so there is no code that it is traced from.", exitCode: 2);
    }

    [Fact]
    public void A_users_class_needs_its_inputs_and_depth_is_a_number_of_modules()
    {
        Torchfx.Run("summary", "TestModels.dll:Ledger").AssertFailed("Shapes follow from those of the inputs: give --input for each input of 'TestModels.dll:Ledger', in order, as in --input 1x3x224x224.", exitCode: 2);
        var run = Torchfx.Run("summary", "TestModels.dll:Ledger", "--input", "3x4");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(run.Lines, line => line.Contains("float32[3, 2]", StringComparison.Ordinal));
        Torchfx.Run("summary", "resnet18", "--depth", "0").AssertFailed("--depth counts modules inside each other, so it can't be 0.", exitCode: 2);
    }
}
