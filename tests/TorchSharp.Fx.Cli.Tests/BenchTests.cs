using System.Globalization;
using System.Text.Json;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class BenchTests
{
    [Fact]
    public void Every_peer_is_measured_and_agrees()
    {
        using var folder = new TemporaryFolder();
        var (file, picture) = (folder["new/results.json"], folder["nodes.svg"]);
        var run = Torchfx.Run(
            "bench", "mobilenet_v2", "--nodes", "features.0", "--peers", "graph,folded,optimised,bfloat16,float16,int8,ort,ort-full,ort-int8", "--against", "ort",
            "--batch", "2", "--threads", "1", "--rounds", "2", "--format", "json", "--json", file, "--profile", picture);
        Assert.Equal("", run.Error);
        Assert.Equal(run.Out, File.ReadAllText(file));
        using var json = JsonDocument.Parse(run.Out);
        var root = json.RootElement;
        Assert.Equal(["mobilenet_v2", "features.0", "ort", "2.10.0", "1.31.1"], new[] { "model", "requested", "against", "libtorch", "onnxruntime" }.Select(name => root.GetProperty(name).GetString()!));
        Assert.NotEqual("", root.GetProperty("processor").GetString());

        var results = root.GetProperty("results").EnumerateArray().ToDictionary(result => result.GetProperty("peer").GetString()!);
        Assert.Equal(["graph", "folded", "optimised", "bfloat16", "float16", "int8", "ort", "ort-full", "ort-int8"], results.Keys);
        Assert.All(results.Values, result => Assert.Equal(2, result.GetProperty("batch").GetInt32()));
        Assert.All(results.Values, result => Assert.InRange(Number(result, "min_ms"), 0.01, Number(result, "median_ms")));
        Assert.All(results.Values, result => Assert.InRange(Number(result, "peak_mb"), 30, 5000));
        Assert.All(new[] { "folded", "optimised", "ort", "ort-full" }, name => Assert.InRange(Number(results[name], "difference_per_std"), 0, 1e-4));
        Assert.All(new[] { "bfloat16", "float16", "int8" }, name => Assert.InRange(Number(results[name], "difference_per_std"), 1e-5, 0.3));
        // ONNX Runtime's sums of two products of bytes saturate where the processor has no VNNI.
        Assert.InRange(Number(results["ort-int8"], "difference_per_std"), 1e-5, 2);
        Assert.Equal(1, Number(results["ort"], "ratio"));
        Assert.Equal(Number(results["graph"], "median_ms") / Number(results["ort"], "median_ms"), Number(results["graph"], "ratio"), 0.01 * Number(results["graph"], "ratio") + 0.01);

        // One convolution of many, and a process that has no libtorch.
        Assert.InRange(Number(results["ort-full"], "min_ms"), 2 * Number(results["ort"], "min_ms"), double.MaxValue);
        Assert.InRange(Number(results["ort"], "peak_mb"), 30, Number(results["graph"], "peak_mb") - 20);

        Assert.All(new[] { "ort", "ort-full", "ort-int8" }, name => Assert.False(results[name].TryGetProperty("nodes", out _)));
        Assert.Equal("features_0 Conv2dNormActivation 2", Nodes(results["graph"]).First());
        // Without the batch norm that lies between them in the block, whose rank is asserted.
        Assert.Equal(["dim", "eq", "_assert", "Conv2d", "ReLU6"], Nodes(results["folded"]).Take(5).Select(node => node.Split(' ')[1]));
        Assert.Contains(" FusedConvolution+hardtanh\n", File.ReadAllText(folder["nodes.optimised-batch2-threads1.svg"]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_slowest_nodes_are_printed_below_the_table()
    {
        using var folder = new TemporaryFolder();
        var run = Torchfx.Run("bench", "squeezenet1_1", "--peers", "eager,graph", "--batch", "1,2", "--threads", "1", "--rounds", "2", "--profile", folder["nodes.svg"], "--top", "3");
        Assert.Equal("", run.Error);
        var lines = run.Lines.Select(line => line.Split('│', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).ToArray();
        Assert.Equal(["threads", "batch", "peer", "median ms", "min ms", "/ eager", "peak MB", "difference / std"], lines[1]);
        // The model's own result is the plain graph's, bit by bit.
        Assert.Equal(["eager", "0"], [lines[3][2], lines[3][^1]]);
        Assert.Equal(["1 eager", "1 graph", "2 eager", "2 graph"], lines[3..7].Select(row => $"{row[1]} {row[2]}"));
        Assert.Matches("^graph, batch 1, threads 1: 66 nodes, [0-9.]+ ms; .*nodes.graph-batch1-threads1.svg$", run.Lines[8]);
        Assert.Equal(["#", "node", "operation", "calls", "median ms", "share", "cumulative"], lines[10]);
        Assert.StartsWith("╰", run.Lines[15], StringComparison.Ordinal);
        var times = lines[12..15].Select(row => double.Parse(row[4], CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(times.OrderDescending(), times);
        Assert.StartsWith("graph, batch 2, threads 1: 66 nodes", run.Lines[16], StringComparison.Ordinal);
    }

    [Fact]
    public void Peers_that_compute_something_else_are_told_after_the_table()
    {
        var run = Torchfx.Run("bench", "TestModels.dll:Fickle", "--input", "4x5", "--peers", "graph,folded", "--threads", "1", "--rounds", "1");
        Assert.Matches(@"^torchfx: 'folded' computes something else at batch 1: its values differ by [0-9.]+ standard deviations, so its time tells nothing\.\n$", run.Error);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(6, run.Lines.Length);
    }

    [Fact]
    public void An_interrupt_ends_all_processes_and_leaves_no_files()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Signals are sent with kill.");
        Torchfx.SkipWhereInterruptsAreIgnored();
        using var folder = new TemporaryFolder();
        using var process = Torchfx.Start(AppContext.BaseDirectory, ["bench", "TestModels.dll:Fickle", "--input", "4x5", "--peers", "ort", "--rounds", "100000"], new() { ["TMPDIR"] = folder.Root });
        Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(folder.Root, "*.onnx", SearchOption.AllDirectories).Length > 0, TimeSpan.FromMinutes(10)));
        using (var kill = System.Diagnostics.Process.Start("kill", ["-INT", $"{process.Id}"]))
            kill.WaitForExit();
        Assert.EndsWith("torchfx: interrupted; every file that was written is whole.\n", process.StandardError.ReadToEnd());
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(10)));
        Assert.Equal(130, process.ExitCode);
        Assert.Empty(Directory.GetDirectories(folder.Root, "torchfx-bench-*"));
    }

    [Theory]
    [InlineData("--peers", "graph,onnx", "--peers has 'onnx', but there are eager, graph, folded, optimised, bfloat16, float16, int8, ort, ort-full, ort-int8.")]
    [InlineData("--peers", "graph,graph", "--peers has 'graph' twice.")]
    [InlineData("--against", "ort", "--against takes one of --peers (eager, graph, optimised), not 'ort'.")]
    [InlineData("--top", "5", "--top says how many nodes --profile prints: give both.")]
    [InlineData("--profile", "nodes.png", "--profile draws SVG, so its file must end with .svg, but it is 'nodes.png'.")]
    [InlineData("--batch", "1,0", "--batch takes numbers of 1 or more, separated by commas, but has '0'.")]
    [InlineData("--threads", "many", "--threads takes numbers of 1 or more, separated by commas, but has 'many'.")]
    [InlineData("--rounds", "0", "--rounds must be 1 or more, not 0.")]
    [InlineData("--input", "Nx3x64x64", "'squeezenet1_1' can't be measured: a benchmark gives the model one input of float32 in sizes that are numbers, as in --input 1x3x224x224.", 1)]
    public void Bad_input_gets_one_sentence(string option, string value, string sentence, int exitCode = 2)
        => Torchfx.Run("bench", "squeezenet1_1", option, value).AssertFailed(sentence, exitCode);

    [Fact]
    public void A_node_that_is_not_there_is_told_once()
        => Torchfx.Run("bench", "squeezenet1_1", "--nodes", "flaten").AssertFailed("node: 'flaten' is not present in model. The nearest names are 'flatten', 'features', 'features.0'.");

    [Fact]
    public void What_has_no_nodes_can_not_be_profiled()
        => Torchfx.Run("bench", "squeezenet1_1", "--peers", "eager,ort", "--profile").AssertFailed("--profile looks into graphs (graph, folded, optimised, bfloat16, float16, int8), and --peers has none of them.", 2);

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();

    private static IEnumerable<string> Nodes(JsonElement result)
        => result.GetProperty("nodes").EnumerateArray().Select(node => $"{node.GetProperty("node").GetString()} {node.GetProperty("operation").GetString()} {node.GetProperty("calls").GetInt32()}");
}
