using System.Text.Json;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class BenchTests
{
    [Fact]
    public void Every_peer_is_measured_and_agrees()
    {
        var run = Torchfx.Run("bench", "squeezenet1_1", "--nodes", "features.3,flatten", "--peers", "eager,graph,optimised,bfloat16", "--batch", "1,2", "--threads", "1", "--rounds", "2", "--format", "json");
        Assert.Equal("", run.Error);
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal("squeezenet1_1", json.RootElement.GetProperty("model").GetString());
        Assert.NotEqual("", json.RootElement.GetProperty("processor").GetString());
        var results = json.RootElement.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal(
            ["eager 1", "graph 1", "optimised 1", "bfloat16 1", "eager 2", "graph 2", "optimised 2", "bfloat16 2"],
            results.Select(result => $"{result.GetProperty("peer").GetString()} {result.GetProperty("batch").GetInt32()}"));
        Assert.All(results, result => Assert.InRange(result.GetProperty("min_ms").GetDouble(), 0.1, result.GetProperty("median_ms").GetDouble()));
        Assert.All(results, result => Assert.InRange(result.GetProperty("peak_mb").GetDouble(), 50, 5000));
        Assert.All(results.Where(result => result.GetProperty("peer").GetString() == "optimised"), result => Assert.InRange(result.GetProperty("difference_per_std").GetDouble(), 0, 1e-4));
        Assert.All(results.Where(result => result.GetProperty("peer").GetString() == "bfloat16"), result => Assert.InRange(result.GetProperty("difference_per_std").GetDouble(), 1e-4, 0.3));
    }

    [Theory]
    [InlineData("--peers", "graph,onnx", "--peers has 'onnx', but there are eager, graph, optimised, bfloat16.")]
    [InlineData("--batch", "1,0", "--batch takes numbers of 1 or more, separated by commas, but has '0'.")]
    [InlineData("--threads", "many", "--threads takes numbers of 1 or more, separated by commas, but has 'many'.")]
    [InlineData("--rounds", "0", "--rounds must be 1 or more, not 0.")]
    [InlineData("--input", "Nx3x64x64", "'squeezenet1_1' can't be measured: a benchmark gives the model one input of float32 in sizes that are numbers, as in --input 1x3x224x224.", 1)]
    public void Bad_input_gets_one_sentence(string option, string value, string sentence, int exitCode = 2)
        => Torchfx.Run("bench", "squeezenet1_1", option, value).AssertFailed(sentence, exitCode);

    [Fact]
    public void A_node_that_is_not_there_is_told_once()
        => Torchfx.Run("bench", "squeezenet1_1", "--nodes", "flaten").AssertFailed("node: 'flaten' is not present in model. The nearest names are 'flatten', 'features', 'features.0'.");
}
