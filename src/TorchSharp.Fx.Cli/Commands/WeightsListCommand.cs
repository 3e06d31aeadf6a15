using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx weights list [MODEL]</c></summary>
internal sealed class WeightsListCommand : ToolCommand
{
    private readonly Argument<string?> model =
        new("MODEL") { Description = "A model of 'torchfx models'; without it, all models.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> format = Choice("--format", "The output format.", "table", "json");

    public WeightsListCommand()
        : base("list", "Lists the weights that torchvision publishes for the models here.", "weights list",
            "weights list resnet50 --format json")
    {
        Add(model);
        Add(format);
        SetAction(parsed => Print(Rows(parsed.GetValue(model)), parsed.GetRequiredValue(format)));
    }

    private static Vision.Weights[] Rows(string? model)
        => [.. model is null
            ? models.list_models().SelectMany(PublishedWeights.Of) : PublishedWeights.Of(ModelSource.InCatalogue(model).name)];

    private static void Print(Vision.Weights[] rows, string format)
    {
        if (format == "json")
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

    private static void Write(Utf8JsonWriter writer, Vision.Weights row)
    {
        writer.WriteStartObject();
        writer.WriteString("weights", row.ToString());
        writer.WriteString("model", row.model);
        writer.WriteBoolean("default", row.is_default);
        writer.WriteString("url", row.url.AbsoluteUri);
        writer.WriteNumber("megabytes", row.meta.file_size);
        writer.WriteBoolean("downloaded", File.Exists(row.LocalPath()));
        writer.WriteEndObject();
    }

    private static void PrintTable(Vision.Weights[] rows)
    {
        var table = Terminal.Table("model", "weights", "", "accuracy", "MB", "downloaded");
        table.Columns[4].RightAligned();
        foreach (var row in rows)
            table.AddRow(row.model, row.ToString(), row.is_default ? "default" : "", row.Accuracy(),
                row.meta.file_size.ToString("F1", CultureInfo.InvariantCulture), File.Exists(row.LocalPath()) ? "yes" : "");
        Terminal.Results.Write(table);
    }
}
