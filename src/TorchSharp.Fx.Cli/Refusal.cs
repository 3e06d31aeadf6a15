using System.Text;
using System.Text.Json;

namespace TorchSharp.Fx.Cli;

/// <summary>Why a model can't be traced, and where in its program.</summary>
/// <param name="Error">What was thrown.</param>
/// <param name="Code">The entry of the catalogue; null where the program itself threw.</param>
/// <param name="Module">The qualified name of the module.</param>
/// <param name="At">The file and line.</param>
/// <param name="Stack">The calls that lead there, the innermost first.</param>
internal sealed record Refusal(Exception Error, string? Code, string Module, string At, IReadOnlyList<Origin> Stack)
{
    private string? Page => Code is null ? null : $"docs/untraceable.md#{Code.ToLowerInvariant()}";

    /// <summary>The text of the line, where its file is still there.</summary>
    private string? Source
        => Stack is [{ line: var (file, line) }, ..] && File.Exists(file)
            ? File.ReadLines(file).Skip(line - 1).FirstOrDefault()?.Trim() : null;

    /// <summary>The line of the program, the calls that lead to it, and the page to read: what the sentence has no room for.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Source is { } source)
            text.Append("  > ").Append(source).Append('\n');
        foreach (var call in Stack)
            text.Append("  at ").Append(call.method).Append(" (")
                .Append(call.module_path.Length == 0 ? "the root module" : call.module_path).Append("), ").Append(call).Append('\n');
        if (Page is { } page)
            text.Append("  see ").Append(page).Append('\n');
        return text.ToString();
    }

    internal void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("refusal");
        writer.WriteString("code", Code);
        writer.WriteString("message", Failure.Sentence(Error));
        writer.WriteString("module", Module);
        writer.WriteString("at", At);
        writer.WriteString("source", Source);
        writer.WriteString("page", Page);
        writer.WriteStartArray("stack");
        foreach (var call in Stack)
        {
            writer.WriteStartObject();
            call.WriteJson(writer);
            writer.WriteString("method", call.method);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
