using System.CommandLine;
using System.Globalization;
using Spectre.Console;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx summary MODEL</c></summary>
internal sealed class SummaryCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> mode = Choice("--mode", "The mode to run the model in.", "eval", "train");
    private readonly Option<int?> depth =
        new("--depth") { Description =
            "How many module levels have their own rows; deeper modules are summed up. All by default.", HelpName = "N" };
    private readonly Option<string> format = Choice("--format", "The output format; JSON has bytes as a number.", "table", "json");

    public SummaryCommand()
        : base("summary", "Lists the output shape, parameters, multiplications and memory of each part of a model.",
        "summary resnet50 --depth 1", "summary vit_b_16 --input 8x3x224x224 --format json",
        "summary bin/MyModels.dll:MyModels.Encoder --input 1x3x64x64")
    {
        model.AddTo(this);
        inputs.AddTo(this);
        Add(mode);
        Add(depth);
        Add(format);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        if (parsed.GetValue(depth) < 1)
            throw new ToolException($"--depth counts modules inside each other, so it can't be {parsed.GetValue(depth)}.") { IsWrongUsage =
                true };
        var (source, kwargs) = (model.Read(parsed), inputs.Read(parsed));
        var example = source.Inputs(kwargs);
        using var module = source.BuildToTrace(kwargs);
        module.train(parsed.GetRequiredValue(mode) == "train");
        using var traced = TracedModel.Of(module, kwargs);
        var summary = Summary.Of(traced, example, parsed.GetValue(depth));
        if (parsed.GetRequiredValue(format) == "json")
            Json.Print(writer => summary.WriteJson(writer, source.Name));
        else
            PrintTable(summary);
    }

    private static void PrintTable(Summary summary)
    {
        var table = Terminal.Table("name", "type", "output", "parameters", "MACs", "memory");
        foreach (var column in table.Columns.Skip(3))
            column.RightAligned();
        foreach (var row in summary.Rows)
            table.AddRow([row.Name, row.Type, row.Output, .. Cells(row.Cost)]);
        foreach (var (column, cell) in table.Columns.Zip(["total", "", "", .. Cells(summary.Total)]))
            column.Footer = new Text(cell, new Style(decoration: Decoration.Bold));
        Terminal.Results.Write(table);
    }

    /// <summary>Zeros are left out, so that what costs something stands out.</summary>
    private static string[] Cells(NodeCost cost) => [Number(cost.parameters), Number(cost.macs), Bytes(cost.nbytes)];

    private static string Bytes(long bytes) => bytes switch
    {
        0 => "",
        < 100_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:N2} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:N2} MB"),
    };

    private static string Number(long number) => number == 0 ? "" : number.ToString("N0", CultureInfo.InvariantCulture);
}
