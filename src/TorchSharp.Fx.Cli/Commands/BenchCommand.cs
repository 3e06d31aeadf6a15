using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx bench MODEL</c></summary>
internal sealed class BenchCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string?> nodes = new("--nodes") { Description = "The nodes that are computed; the model's last one by default.", HelpName = "NAME,…" };
    private readonly Option<string> peers = new("--peers") { Description = $"What to compare, of {string.Join(", ", BenchPeer.Names)}; ratios are against the first.", HelpName = "NAME,…", DefaultValueFactory = _ => "eager,graph,optimised" };
    private readonly Option<string> batches = new("--batch") { Description = "How many samples a call has.", HelpName = "N,…", DefaultValueFactory = _ => "1" };
    private readonly Option<string> threads = new("--threads") { Description = "How many threads each process has.", HelpName = "N,…", DefaultValueFactory = _ => Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture) };
    private readonly Option<int> rounds = new("--rounds") { Description = "How many calls of each are measured, after three to warm up.", HelpName = "N", DefaultValueFactory = _ => 15 };
    private readonly Option<string> format = Choice("--format", "How to print it.", "table", "json");
    // What a process of its own is to be: PEER,BATCH,THREADS.
    private readonly Option<string?> worker = new("--worker") { Hidden = true };

    public BenchCommand() : base("bench", "Measures ways of running a model side by side: time, memory, and whether they agree.",
        "bench resnet50 --nodes layer1,layer4 --batch 1,16 --threads 1,2", "bench vit_b_16 --peers graph,optimised,bfloat16", "bench bin/MyModels.dll:MyModels.Encoder --input 1x3x64x64 --format json")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        foreach (var option in new Option[] { nodes, peers, batches, threads, rounds, format, worker })
            Add(option);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        if (parsed.GetValue(worker)?.Split(',') is [var peer, var batch, var count])
        {
            Serve(parsed, peer, int.Parse(batch, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture));
            return;
        }
        var names = parsed.GetRequiredValue(peers).Split(',', StringSplitOptions.TrimEntries);
        foreach (var name in names)
            if (!BenchPeer.Names.Contains(name))
                throw new ToolException($"--peers has '{name}', but there are {string.Join(", ", BenchPeer.Names)}.") { IsWrongUsage = true };
        Compare(parsed, names);
    }

    private void Compare(ParseResult parsed, string[] names)
    {
        if (parsed.GetValue(rounds) < 1)
            throw new ToolException($"--rounds must be 1 or more, not {parsed.GetValue(rounds)}.") { IsWrongUsage = true };
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        var (counts, sizes) = (Numbers(parsed, threads), Numbers(parsed, batches));
        CheckNodes(parsed, source, kwargs);
        var given = parsed.Tokens.Select(token => token.Value).ToArray();
        var results = new List<BenchResult>();
        foreach (var count in counts)
            foreach (var batch in sizes)
                results.AddRange(Benchmark.Run(names, peer => new BenchWorker([.. given, "--worker", $"{peer},{batch},{count}"], count), batch, count, parsed.GetValue(rounds)));
        if (parsed.GetRequiredValue(format) == "json")
            WriteJson(results, source.Name);
        else
            PrintTable(results);
    }

    /// <summary>A wrong name is told once, here, and not by every process.</summary>
    private void CheckNodes(ParseResult parsed, ModelSource source, TracerKwargs kwargs)
    {
        SampleSizes(source, kwargs);
        using var module = source.BuildToTrace(kwargs);
        using var extractor = NodeRequests.Extractor(module, Requested(parsed, module, kwargs), training: false, kwargs);
    }

    private ReturnNodes Requested(ParseResult parsed, nn.Module module, TracerKwargs kwargs)
        => NodeRequests.Parse(parsed.GetValue(nodes) ?? feature_extraction.get_graph_node_names(module, kwargs, suppress_diff_warning: true).eval_nodes[^1]);

    private void Serve(ParseResult parsed, string peer, int batch, int count)
    {
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        set_num_threads(count);
        // All processes draw the same weights and the same input.
        manual_seed(0);
        var module = source.Build(null);
        manual_seed(0);
        var input = rand([batch, .. SampleSizes(source, kwargs)]);
        using var measured = new BenchPeer(peer, module, Requested(parsed, module, kwargs), input, kwargs);
        BenchWorker.Serve(measured);
    }

    /// <summary>The sizes of one sample; the batch comes before them.</summary>
    private static long[] SampleSizes(ModelSource source, TracerKwargs kwargs)
    {
        if (source.Inputs(kwargs) is not [InputShape { dtype: ScalarType.Float32, free_dimensions.Count: 0 } shape])
            throw new ToolException($"'{source.Name}' can't be measured: a benchmark gives the model one input of float32 in sizes that are numbers, as in --input 1x3x224x224.");
        return [.. shape.ToString().Split(':')[0].Split('x').Skip(1).Select(size => long.Parse(size, CultureInfo.InvariantCulture))];
    }

    private static int[] Numbers(ParseResult parsed, Option<string> option)
        => [.. parsed.GetRequiredValue(option).Split(',', StringSplitOptions.TrimEntries).Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new ToolException($"{option.Name} takes numbers of 1 or more, separated by commas, but has '{text}'.") { IsWrongUsage = true })];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void PrintTable(List<BenchResult> results)
    {
        var table = Terminal.Table("threads", "batch", "peer", "median ms", "min ms", "ratio", "peak MB", "difference / std");
        foreach (var result in results)
            table.AddRow([
                Text(result.Threads), Text(result.Batch), result.Peer, Rounded(result.Median, "F2"), Rounded(result.Minimum, "F2"), Rounded(result.Ratio, "F2"), Rounded(result.PeakMemory, "F0"),
                result.Difference is { } difference ? Rounded(difference, "G2") : ""]);
        Terminal.Results.Write(table);
    }

    private static string Rounded(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);

    private static void WriteJson(List<BenchResult> results, string name) => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("model", name);
        writer.WriteString("date", DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        writer.WriteString("processor", Diagnosis.Processor);
        writer.WriteString("system", $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier}), {RuntimeInformation.FrameworkDescription}");
        writer.WriteString("torchsharp", Diagnosis.VersionOf(typeof(torch)));
        writer.WriteStartArray("results");
        foreach (var result in results)
            Write(writer, result);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void Write(System.Text.Json.Utf8JsonWriter writer, BenchResult result)
    {
        writer.WriteStartObject();
        writer.WriteString("peer", result.Peer);
        writer.WriteNumber("batch", result.Batch);
        writer.WriteNumber("threads", result.Threads);
        writer.WriteNumber("median_ms", Math.Round(result.Median, 3));
        writer.WriteNumber("min_ms", Math.Round(result.Minimum, 3));
        writer.WriteNumber("ratio", Math.Round(result.Ratio, 3));
        writer.WriteNumber("peak_mb", Math.Round(result.PeakMemory));
        if (result.Difference is { } difference)
            writer.WriteNumber("difference_per_std", difference);
        writer.WriteEndObject();
    }
}
