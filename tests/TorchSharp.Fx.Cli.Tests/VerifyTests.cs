using System.Text.Json;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class VerifyTests
{
    [Fact]
    public void A_model_whose_graph_is_right_exits_with_0()
    {
        var run = Torchfx.Run("verify", "squeezenet1_1", "--input", "1x3x64x64");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith("SqueezeNet in eval mode on 1x3x64x64\n  graph: the same\n  evaluator: the same\n  optimised: the same", run.Out);
        Assert.Contains("SqueezeNet in train mode on 1x3x96x96\n  graph: the same\n  evaluator: the same\n", run.Out);
        Assert.EndsWith("0 of 15 comparisons differ, 0 are refused\n", run.Out);
    }

    [Fact]
    public void A_model_whose_graph_is_another_program_exits_with_1_and_tells_the_node()
    {
        var run = Torchfx.Run("verify", "TestModels.dll:Counting", "--input", "2x3", "--mode", "eval");
        Assert.Equal(1, run.ExitCode);
        Assert.Matches(@"  graph: DIFFERENT: the result differs by up to .*; first at the node 'mul' \(Deep\.cs:22\)\n", run.Out);
        Assert.EndsWith("torchfx: The graph of Counting does something else than the module, see above.\n", run.Error);
    }

    [Fact]
    public void Json_has_every_comparison()
    {
        var run = Torchfx.Run("verify", "TestModels.dll:Small.Twin", "--input", "Nx3", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        Assert.True(json.RootElement.GetProperty("agrees").GetBoolean());
        var runs = json.RootElement.GetProperty("runs").EnumerateArray().Select(row => $"{row.GetProperty("mode").GetString()} {row.GetProperty("way").GetString()} {row.GetProperty("inputs").GetString()} {row.GetProperty("agreement").GetString()}");
        Assert.Equal([
            "eval graph 2x3 same", "eval evaluator 2x3 same", "eval optimised 2x3 same", "eval graph 3x3 same", "eval evaluator 3x3 same", "eval optimised 3x3 same",
            "train graph 2x3 same", "train evaluator 2x3 same", "train graph 3x3 same", "train evaluator 3x3 same",
        ], runs);
    }

    [Fact]
    public void A_class_of_ones_own_needs_its_inputs()
        => Torchfx.Run("verify", "TestModels.dll:Small.Twin")
            .AssertFailed("Shapes follow from those of the inputs: give --input for each input of 'TestModels.dll:Small.Twin', in order, as in --input 1x3x224x224.", exitCode: 2);
}
