using System.CommandLine;
using System.Globalization;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx duplicates FEATURES.parquet</c></summary>
internal sealed class DuplicatesCommand : ToolCommand
{
    // More than this no browser shows in good time.
    private const int MostPictures = 1000;

    private readonly FeatureTableOptions table = new("table", "json", "html");
    private readonly TablePictures pictures = new();
    private readonly Option<double> threshold = new("--threshold")
    {
        Description = "The lowest cosine similarity of two duplicates, above 0 and up to 1.",
        HelpName = "COSINE",
        DefaultValueFactory = _ => 0.98,
    };

    public DuplicatesCommand() : base("duplicates", "Lists groups of images of a table whose features are nearly the same.",
        "duplicates features.parquet", "duplicates features.parquet --threshold 0.95 --format html > duplicates.html",
        "duplicates features.parquet --key embedding --format json")
    {
        table.AddTo(this);
        Add(threshold);
        pictures.AddTo(this);
        SetAction(Run);
    }

    private async Task Run(ParseResult parsed, CancellationToken token)
    {
        var least = parsed.GetValue(threshold);
        if (least is not (> 0 and <= 1))
            throw new ToolException(
                FormattableString.Invariant($"--threshold must be a cosine similarity above 0 and up to 1, not {least}.")) { IsWrongUsage =
                    true };
        using var vectors = table.Open(parsed);
        DuplicateRows? found = null;
        await Terminal.WithCount("rows", report => Task.Run(()
            => found = FeatureDuplicates.Find(vectors, least, new Told<long>(report), token), token));
        switch (table.Format(parsed))
        {
            case "json":
                PrintJson(vectors, least, found!);
                break;
            case "html":
                await PrintPage(parsed, vectors, least, found!, token);
                break;
            default:
                PrintTable(found!);
                break;
        }
        Console.Error.WriteLine(
            FormattableString.Invariant(
                $"{found!.Groups.Count} group{(found.Groups.Count == 1 ? "" : "s")} of {found.Groups.Sum(group => group.Count)} rows"));
        FeatureTableOptions.TellCompared(vectors, found.Compared);
    }

    private static void PrintTable(DuplicateRows found)
    {
        var rows = Terminal.Table("group", "similarity", "row", "path");
        foreach (var (number, group) in found.Groups.Index())
            foreach (var (place, one) in group.Index())
                rows.AddRow(place == 0 ? (number + 1).ToString(CultureInfo.InvariantCulture) : "", SearchCommand.Digits(one.Similarity),
                    one.Row.ToString(CultureInfo.InvariantCulture), one.Path);
        Terminal.Results.Write(rows);
    }

    private static void PrintJson(FeatureVectors vectors, double least, DuplicateRows found) => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("table", vectors.Path);
        writer.WriteString("key", vectors.Key);
        writer.WriteNumber("threshold", least);
        writer.WriteNumber("rows", vectors.Rows);
        writer.WriteNumber("compared", found.Compared);
        writer.WriteStartArray("groups");
        foreach (var group in found.Groups)
            writer.WriteRows(null, group);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private async Task PrintPage(ParseResult parsed, FeatureVectors vectors, double least, DuplicateRows found, CancellationToken token)
    {
        var page = new AnswerPage(
            FormattableString.Invariant($"Duplicates in {Path.GetFileName(vectors.Path)}, similarity {least} or more"));
        var (shown, left) = (new List<IReadOnlyList<SimilarRow>>(), MostPictures);
        foreach (var group in found.Groups.TakeWhile(_ => left > 0))
        {
            shown.Add([.. group.Take(left)]);
            left -= group.Count;
        }
        var images = await pictures.Find(parsed, vectors, shown.SelectMany(group => group).Select(one => one.Path), token);
        foreach (var (number, group) in shown.Index())
            page.Pictures(FormattableString.Invariant($"Group {number + 1}: {found.Groups[number].Count} images"), group.Select(one
                => (images.GetValueOrDefault(one.Path), new[] { one.Path,
                    $"row {one.Row}, similarity {SearchCommand.Digits(one.Similarity)}" })));
        if (left < 0 || shown.Count < found.Groups.Count)
            page.Text($"These are the first {MostPictures} pictures; --format json lists all.");
        if (found.Groups.Count == 0)
            page.Text("There are none.");
        page.Print();
    }
}
