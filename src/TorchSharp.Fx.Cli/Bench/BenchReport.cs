using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spectre.Console;

namespace TorchSharp.Fx.Cli;

/// <summary>The report of a benchmark: as tables, or as JSON with the machine, the date and the versions.</summary>
/// <param name="Subject">What ran.</param>
/// <param name="Order">What was measured.</param>
/// <param name="Results">What came of it.</param>
internal sealed record BenchReport(BenchSubject Subject, BenchOrder Order, IReadOnlyList<BenchResult> Results)
{
    // Half the bits leave a tenth of a deviation in deep models; the others only round differently.
    private const double WidestHalf = 0.5, WidestFull = 0.01;

    internal void Print(int rows)
    {
        var table = Terminal.Table("threads", "batch", "peer", "median ms", "min ms", $"/ {Order.Against}", "peak MB", "difference / std");
        foreach (var result in Results)
            table.AddRow(
                Text(result.Threads), Text(result.Batch), result.Peer, Text(result.Median, "F2"), Text(result.Minimum, "F2"),
                Text(result.Ratio, "F2"), Text(result.PeakMemory, "F0"),
                result.Difference is { } difference ? Text(difference, "G2") : "");
        Terminal.Results.Write(table);
        foreach (var result in Results.Where(result => result.Nodes.Count > 0))
            PrintNodes(result, rows);
    }

    /// <summary>Fails where peers don't compute the same, so that nobody compares their times.</summary>
    internal void RequireAgreement()
    {
        foreach (var result in Results)
            if (result.Difference is { } difference && !(difference <= Widest(result.Peer)))
                throw new ToolException(
                    $"'{result.Peer}' computes something else at batch {result.Batch}: its values differ by {Text(difference, "G2")} "
                        + "standard deviations, so its time tells nothing.");
    }

    private static double Widest(string peer) => peer switch
    {
        // How far eight bits are off is the model's matter: with weights that were drawn, outputs may hardly differ from each other.
        BenchPeer.Int8 or BenchPeer.OrtInt8 => double.PositiveInfinity,
        "bfloat16" or "float16" => WidestHalf,
        _ => WidestFull,
    };

    internal void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("model", Order.Model);
        writer.WriteString("requested", Subject.Nodes);
        writer.WriteString("against", Order.Against);
        writer.WriteNumber("rounds", Order.Rounds);
        writer.WriteString("date", DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        writer.WriteString("processor", Diagnosis.Processor);
        writer.WriteNumber("processors", Environment.ProcessorCount);
        writer.WriteString("system",
            $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier}), {RuntimeInformation.FrameworkDescription}");
        foreach (var (name, version) in Diagnosis.Versions)
            writer.WriteString(name, version);
        writer.WriteStartArray("results");
        foreach (var result in Results)
            Write(writer, result);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void PrintNodes(BenchResult result, int rows)
    {
        var total = result.Nodes.Sum(node => node.Median);
        var picture = result.Picture is { } file ? $"; {file}" : "";
        Terminal.Results.Write(
            new Text($"\n{result.Peer}, batch {result.Batch}, threads {result.Threads}: {result.Nodes.Count} nodes, {Text(total, "F2")} "
                + $"ms{picture}\n"));
        var table = Terminal.Table("#", "node", "operation", "calls", "median ms", "share", "cumulative");
        var cumulative = 0.0;
        foreach (var (position, node) in result.Nodes.Index().OrderByDescending(entry => entry.Item.Median).Take(rows))
        {
            cumulative += node.Median;
            table.AddRow(Text(position + 1), node.Name, node.Operation, Text(node.Calls), Text(node.Median, "F3"),
                Percent(node.Median / total), Percent(cumulative / total));
        }
        Terminal.Results.Write(table);
    }

    private static void Write(Utf8JsonWriter writer, BenchResult result)
    {
        writer.WriteStartObject();
        writer.WriteString("peer", result.Peer);
        writer.WriteNumber("batch", result.Batch);
        writer.WriteNumber("threads", result.Threads);
        writer.WriteNumber("median_ms", Math.Round(result.Median, 3));
        writer.WriteNumber("min_ms", Math.Round(result.Minimum, 3));
        writer.WriteNumber("ratio", Math.Round(result.Ratio, 3));
        writer.WriteNumber("peak_mb", Math.Round(result.PeakMemory));
        if (result.Difference is { } difference && double.IsFinite(difference))
            writer.WriteNumber("difference_per_std", difference);
        if (result.Nodes.Count > 0)
            WriteNodes(writer, result.Nodes);
        writer.WriteEndObject();
    }

    private static void WriteNodes(Utf8JsonWriter writer, IReadOnlyList<BenchNode> nodes)
    {
        writer.WriteStartArray("nodes");
        foreach (var node in nodes)
        {
            writer.WriteStartObject();
            writer.WriteString("node", node.Name);
            writer.WriteString("operation", node.Operation);
            writer.WriteNumber("calls", node.Calls);
            writer.WriteNumber("median_ms", Math.Round(node.Median, 4));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static string Percent(double share) => Text(100 * share, "F1") + "%";

    private static string Text(double number, string format = "0") => number.ToString(format, CultureInfo.InvariantCulture);
}
