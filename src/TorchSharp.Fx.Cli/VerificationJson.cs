using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary>A verification for other programs to read.</summary>
internal static class VerificationJson
{
    internal static void WriteJson(this VerificationReport report, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("model", report.model);
        writer.WriteBoolean("agrees", report.agrees);
        writer.WriteStartArray("runs");
        foreach (var run in report.runs)
            Write(run, writer);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Write(VerifiedRun run, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("mode", run.training ? "train" : "eval");
        writer.WriteString("inputs", run.inputs);
        writer.WriteString("way", run.way);
        writer.WriteString("agreement", run.agreement.ToString());
        // JSON has no infinity: where it is left out, shapes, types or structures differ.
        if (double.IsFinite(run.largest_difference))
            writer.WriteNumber("largest_difference", run.largest_difference);
        writer.WriteString("detail", run.detail);
        writer.WriteString("first_node", run.first_node);
        writer.WriteString("first_place", run.first_place?.ToString());
        writer.WriteEndObject();
    }
}
