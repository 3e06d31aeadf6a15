using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TorchSharp.Fx.Cli;

namespace TorchSharp.Fx.Bench;

/// <summary>Every model that has a name, optimised, against ONNX Runtime, as a table.</summary>
internal static class Zoo
{
    private static readonly int[] Batches = [1, 8];

    private sealed record Row(string Model, int Batch, double Ort, double Optimised, double Memory)
    {
        internal double Ratio => Optimised / Ort;
    }

    internal static int Run(string[] arguments)
    {
        var tool = new Option<string>("--tool") { Description = "The torchfx to measure, as a command.", DefaultValueFactory = _ => "torchfx" };
        var rounds = new Option<int>("--rounds") { Description = "How many turns of each peer are measured.", DefaultValueFactory = _ => 7 };
        var threads = new Option<int>("--threads") { Description = "How many threads each process has.", DefaultValueFactory = _ => 2 };
        var most = new Option<long>("--parameters") { Description = "The largest number of parameters.", DefaultValueFactory = _ => 150_000_000 };
        var only = new Option<string[]>("--only") { Description = "Only these models, separated by commas.", DefaultValueFactory = _ => [], CustomParser = result => result.Tokens.Single().Value.Split(',') };
        var file = new Option<string>("--out") { Description = "The table's file.", DefaultValueFactory = _ => Path.Combine("bench", "results", "zoo.md") };
        var command = new RootCommand("Measures every model against ONNX Runtime.") { tool, rounds, threads, most, only, file };
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetRequiredValue(only);
            var models = Models(parsed.GetRequiredValue(tool), parsed.GetValue(most)).Where(model => wanted.Length == 0 || wanted.Contains(model)).ToArray();
            Measure(parsed.GetRequiredValue(tool), models, parsed.GetValue(rounds), parsed.GetValue(threads), parsed.GetRequiredValue(file));
        });
        return command.Parse(arguments).Invoke();
    }

    private static void Measure(string tool, string[] models, int rounds, int threads, string file)
    {
        var rows = new List<Row>();
        var refused = new List<string>();
        var json = Path.GetTempFileName();
        foreach (var model in models)
        {
            var measured = Start(tool, ["bench", model, "--peers", "ort,optimised", "--batch", string.Join(',', Batches), "--threads", Text(threads, "0"), "--rounds", Text(rounds, "0"), "--json", json], out _);
            if (measured)
                rows.AddRange(Read(model, json));
            else
                refused.Add(model);
            // After each: it takes an hour, and what is measured is measured.
            File.WriteAllLines(file, Lines(rows, refused, rounds, threads));
        }
        File.Delete(json);
    }

    private static IEnumerable<string> Models(string tool, long most)
    {
        if (!Start(tool, ["models", "--format", "json"], out var text))
            throw new InvalidOperationException($"'{tool} models' failed.");
        using var list = JsonDocument.Parse(text);
        return [.. from model in list.RootElement.EnumerateArray() where model.GetProperty("parameters").GetInt64() <= most select model.GetProperty("model").GetString()!];
    }

    private static IEnumerable<Row> Read(string model, string file)
    {
        using var report = JsonDocument.Parse(File.ReadAllText(file));
        var results = report.RootElement.GetProperty("results").EnumerateArray().ToLookup(row => (row.GetProperty("peer").GetString(), row.GetProperty("batch").GetInt32()));
        return [.. Batches.Select(batch =>
        {
            var (ort, optimised) = (results[("ort", batch)].Single(), results[("optimised", batch)].Single());
            return new Row(model, batch, ort.GetProperty("median_ms").GetDouble(), optimised.GetProperty("median_ms").GetDouble(), optimised.GetProperty("peak_mb").GetDouble() - ort.GetProperty("peak_mb").GetDouble());
        })];
    }

    private static IEnumerable<string> Lines(List<Row> rows, List<string> refused, int rounds, int threads)
    {
        yield return "# The zoo against ONNX Runtime";
        yield return "";
        yield return $"{DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}, {Diagnosis.Processor}, {threads} threads, medians of {rounds} turns in ms, single precision; MB is the peak memory above ONNX Runtime's. `bench/zoo.sh` makes it again.";
        foreach (var batch in rows.GroupBy(row => row.Batch).OrderBy(group => group.Key))
            yield return $"Batch {batch.Key}: median {Text(NodeTime.MedianOf([.. batch.Select(row => row.Ratio)]), "F2")}, {batch.Count(row => row.Ratio <= 1.03)} of {batch.Count()} within 1.03.";
        if (refused.Count > 0)
            yield return $"Not measured, as they take or give something else than one tensor: {string.Join(", ", refused)}.";
        yield return "";
        yield return "| model | batch | ONNX Runtime | optimised | ratio | MB |";
        yield return "|---|---|---|---|---|---|";
        foreach (var row in rows.OrderByDescending(row => row.Ratio))
            yield return $"| {row.Model} | {row.Batch} | {Text(row.Ort, "F2")} | {Text(row.Optimised, "F2")} | **{Text(row.Ratio, "F2")}** | {Text(row.Memory, "F0")} |";
    }

    private static bool Start(string tool, IEnumerable<string> arguments, out string output)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true })!;
        output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
