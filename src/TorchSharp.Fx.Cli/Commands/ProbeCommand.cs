using System.CommandLine;
using System.Globalization;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx probe FEATURES.parquet --label COLUMN</c></summary>
internal sealed class ProbeCommand : ToolCommand
{
    private readonly FeatureTableOptions table = new("table", "json");
    private readonly Option<string> label =
        new("--label") { Description = "The column with each row's class: strings, numbers or booleans.", HelpName = "COLUMN",
            Required = true };
    private readonly Option<int> folds =
        FeatureTableOptions.Number("--folds", 5, 2, "The number of folds; each tests a probe that is fitted on the others.");
    private readonly Option<int> neighbours = FeatureTableOptions.Number("--neighbours", 20, 1, "The number of neighbours that vote.");
    private readonly Option<int> seed =
        new("--seed") { Description = "The random seed for the folds and --rows.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<double> decay =
        new("--weight-decay") { Description = "The weight decay of the linear probe.", HelpName = "NUMBER",
            DefaultValueFactory = _ => 1e-3 };
    private readonly Option<int?> most =
        new("--rows") { Description = "The largest number of rows to use; they are drawn at random.", HelpName = "N" };

    public ProbeCommand()
        : base("probe",
            "Measures how well features separate the classes of a column: accuracy of a linear classifier and of nearest neighbours, "
                + "cross-validated.",
        "probe features.parquet --label species", "probe features.parquet --label species --folds 10 --seed 1 --format json",
        "probe features.parquet --key layer4 --label species --rows 20000 --neighbours 5")
    {
        table.AddTo(this);
        foreach (var option in new Option[] { label, folds, neighbours, seed, decay, most })
            Add(option);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        if (parsed.GetValue(decay) is var weight && !(weight >= 0 && double.IsFinite(weight)))
            throw new ToolException(
                $"--weight-decay must be 0 or more, not {weight.ToString(CultureInfo.InvariantCulture)}.") { IsWrongUsage = true };
        if (parsed.GetValue(most) is < 2 and var rows)
            throw new ToolException($"--rows must be 2 or more, not {rows}.") { IsWrongUsage = true };
        using var vectors = table.Open(parsed);
        using var data = LabelledFeatures.Read(vectors, parsed.GetRequiredValue(label), parsed.GetValue(most), parsed.GetValue(seed));
        var (parts, chance) = (parsed.GetValue(folds), parsed.GetValue(seed));
        data.RequireFolds(parts);
        var linear = linear_probe.cross_validate(data.Features, data.Labels, parts, chance, weight);
        var nearest = knn_probe.cross_validate(data.Features, data.Labels, parts, chance, parsed.GetValue(neighbours));
        if (table.Format(parsed) == "json")
            PrintJson(parsed, vectors, data, linear, nearest);
        else
            PrintTable(parsed, data, linear, nearest);
        data.Tell(vectors);
    }

    private void PrintTable(ParseResult parsed, LabelledFeatures data, double[] linear, double[] nearest)
    {
        var rows = Terminal.Table("probe", "accuracy", "deviation", "parts");
        rows.AddRow("linear", Percent(linear.Average()), Percent(Deviation(linear)), string.Join(", ", linear.Select(Percent)));
        rows.AddRow($"{parsed.GetValue(neighbours)} nearest", Percent(nearest.Average()), Percent(Deviation(nearest)),
            string.Join(", ", nearest.Select(Percent)));
        rows.AddRow("largest class", Percent(data.LargestShare), "", "");
        Terminal.Results.Write(rows);
    }

    private void PrintJson(ParseResult parsed, FeatureVectors vectors, LabelledFeatures data, double[] linear, double[] nearest)
        => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("table", vectors.Path);
        writer.WriteString("key", vectors.Key);
        writer.WriteString("label", parsed.GetRequiredValue(label));
        writer.WriteNumber("rows", data.Count);
        writer.WriteNumber("classes", data.Classes.Count);
        writer.WriteNumber("seed", parsed.GetValue(seed));
        writer.WriteNumber("largest_class", data.LargestShare);
        foreach (var (name, scores) in new[] { ("linear", linear), ("nearest", nearest) })
        {
            writer.WriteStartObject(name);
            writer.WriteNumber("accuracy", scores.Average());
            writer.WriteNumber("deviation", Deviation(scores));
            writer.WriteStartArray("parts");
            foreach (var score in scores)
                writer.WriteNumberValue(score);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    });

    private static double Deviation(double[] scores)
        => Math.Sqrt(scores.Average(score => Math.Pow(score - scores.Average(), 2)));

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture) + " %";
}
