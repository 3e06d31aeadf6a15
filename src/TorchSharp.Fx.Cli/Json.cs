using System.Text.Encodings.Web;
using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary>JSON for other programs to read.</summary>
internal static class Json
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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

    internal static void WriteStrings(this Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
