using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx models</c></summary>
internal sealed class ModelsCommand : ToolCommand
{
    private readonly Option<string> format =
        Choice("--format", "How to print them; markdown has stages, costs and weights too.", "table", "json", "markdown");

    public ModelsCommand() : base("models", "Lists the models that have a name.", "models", "models --format json")
    {
        Add(format);
        SetAction(parsed => Print([.. models.list_models().Select(models.get_model_info)], parsed.GetRequiredValue(format)));
    }

    private static void Print(ModelInfo[] rows, string format)
    {
        if (format == "markdown")
            ModelsDocument.Write(Console.Out);
        else if (format == "json")
            Json.Print(writer =>
            {
                writer.WriteStartArray();
                foreach (var row in rows)
                    Write(writer, row);
                writer.WriteEndArray();
            });
        else
            PrintTable(rows);
    }

    private static void Write(Utf8JsonWriter writer, ModelInfo row)
    {
        writer.WriteStartObject();
        writer.WriteString("model", row.name);
        writer.WriteNumber("parameters", row.num_params);
        writer.WriteStartArray("input");
        foreach (var size in row.input_shape)
            writer.WriteNumberValue(size);
        writer.WriteEndArray();
        writer.WriteNumber("classes", row.num_classes);
        writer.WriteEndObject();
    }

    private static void PrintTable(ModelInfo[] rows)
    {
        var table = Terminal.Table("model", "parameters", "input", "classes");
        table.Columns[1].RightAligned();
        table.Columns[3].RightAligned();
        foreach (var row in rows)
            table.AddRow(row.name, row.num_params.ToString("N0", CultureInfo.InvariantCulture), string.Join(" × ", row.input_shape),
                row.num_classes.ToString(CultureInfo.InvariantCulture));
        Terminal.Results.Write(table);
    }
}
