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
        Choice("--format", "The output format; markdown also has stages, costs and weights.", "table", "json", "markdown");

    public ModelsCommand() : base("models", "Lists the models that torchfx knows by name.", "models", "models --format json")
    {
        Add(format);
        SetAction(parsed => Print(Rows(), parsed.GetRequiredValue(format)));
    }

    /// <summary>The catalogue's models, then the one that a clone has besides.</summary>
    private static Row[] Rows()
    {
        var catalogue = models.list_models().Select(models.get_model_info)
            .Select(info => new Row(info.name, info.num_params, info.input_shape, info.num_classes, null));
        return [.. catalogue, .. TrainedResNet.IsHere ? new Row[] { new(TrainedResNet.Name, TrainedResNet.Parameters,
            TrainedResNet.InputShape, 0, TrainedResNet.ComesWith) } : []];
    }

    private static void Print(Row[] rows, string format)
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

    private static void Write(Utf8JsonWriter writer, Row row)
    {
        writer.WriteStartObject();
        writer.WriteString("model", row.Name);
        writer.WriteNumber("parameters", row.Parameters);
        writer.WriteStartArray("input");
        foreach (var size in row.Input)
            writer.WriteNumberValue(size);
        writer.WriteEndArray();
        writer.WriteNumber("classes", row.Classes);
        if (row.ComesWith is { } source)
            writer.WriteString("comes_with", source);
        writer.WriteEndObject();
    }

    private static void PrintTable(Row[] rows)
    {
        var table = Terminal.Table("model", "parameters", "input", "classes");
        table.Columns[1].RightAligned();
        table.Columns[3].RightAligned();
        foreach (var row in rows)
            table.AddRow(row.Name, row.Parameters.ToString("N0", CultureInfo.InvariantCulture), string.Join(" × ", row.Input),
                row.Classes.ToString(CultureInfo.InvariantCulture));
        Terminal.Results.Write(table);
        foreach (var row in rows.Where(row => row.ComesWith is not null))
            Terminal.Results.Write(new Text($"{row.Name} comes with {row.ComesWith}, trained; the packed tool has none.\n"));
    }

    /// <summary>A model that has a name.</summary>
    /// <param name="Name">The name.</param>
    /// <param name="Parameters">How many parameters it has.</param>
    /// <param name="Input">The sizes of a sample.</param>
    /// <param name="Classes">How many classes it tells apart; 0 where it gives features.</param>
    /// <param name="ComesWith">Where it is from, if it is not the catalogue's.</param>
    private sealed record Row(string Name, long Parameters, IReadOnlyList<long> Input, long Classes, string? ComesWith);
}
