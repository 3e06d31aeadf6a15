using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>JSON for other programs to read.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>On one line, for what a file keeps as a text.</summary>
    internal static JsonSerializerOptions Plain { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static void Print(Action<Utf8JsonWriter> write)
    {
        using var output = Console.OpenStandardOutput();
        Write(output, write);
    }

    internal static void Write(Stream stream, Action<Utf8JsonWriter> write)
    {
        using (var writer = new Utf8JsonWriter(stream, Options))
            write(writer);
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Two properties: which module's code it is, and where that stands.</summary>
    internal static void WriteJson(this Origin origin, Utf8JsonWriter writer)
    {
        writer.WriteString("module", origin.module_path);
        writer.WriteString("at", origin.ToString());
    }

    /// <summary>An array of rows that are like another.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="name">The array's name; null for one in another.</param>
    /// <param name="rows">The rows.</param>
    internal static void WriteRows(this Utf8JsonWriter writer, string? name, IReadOnlyList<SimilarRow> rows)
    {
        if (name is not null)
            writer.WritePropertyName(name);
        writer.WriteStartArray();
        foreach (var row in rows)
        {
            writer.WriteStartObject();
            writer.WriteNumber("row", row.Row);
            writer.WriteString("path", row.Path);
            writer.WriteNumber("similarity", row.Similarity);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    internal static void WriteStrings(this Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
