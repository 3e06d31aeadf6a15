using System.CommandLine;
using System.Globalization;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx search FEATURES.parquet QUERY</c></summary>
internal sealed class SearchCommand : ToolCommand
{
    private readonly FeatureTableOptions table = new("table", "json", "html");
    private readonly TablePictures pictures = new();
    private readonly Argument<string?> query =
        new("QUERY") { Description = "An image; the model that made the table computes its features.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<long?> row = new("--row") { Description = "Instead of QUERY: the number of a row of the table.",
        HelpName = "N" };
    private readonly Option<string?> path = new("--path") { Description = "Instead of QUERY: the path of a row of the table.",
        HelpName = "PATH" };
    private readonly Option<int> top = FeatureTableOptions.Number("--top", 10, 1, "The number of rows to print.");
    private readonly Option<string?> index =
        new("--index") { Description =
            "A USearch index for large tables, created if missing: fast, but it may miss some of the nearest.",
                HelpName = "FILE" };
    private readonly Option<string?> model =
        new("--model") { Description =
            "The model, where it is a class of an assembly, or was moved. A table alone never makes code of an assembly run.",
                HelpName = "MODEL" };

    public SearchCommand() : base("search", "Lists the images of a table whose features are most like those of an image.",
        "search features.parquet cat.jpg --top 10",
        "search features.parquet --path photos/cat.jpg --key layer4 --format html > like-this-cat.html",
        "search features.parquet cat.jpg --index features.usearch --format json")
    {
        table.AddTo(this);
        Arguments.Add(query);
        foreach (var option in new Option[] { row, path, top, index, model })
            Add(option);
        pictures.AddTo(this);
        SetAction(Run);
    }

    private async Task Run(ParseResult parsed, CancellationToken token)
    {
        if (new object?[] { parsed.GetValue(query), parsed.GetValue(row), parsed.GetValue(path) }.Count(given => given is not null) != 1)
            throw new ToolException("What is searched for is one of three: an image, --row N, or --path PATH.") { IsWrongUsage = true };
        using var vectors = table.Open(parsed);
        var (features, self) = parsed.GetValue(query) is { } image
            ? (await TableModel.Features(vectors, parsed.GetValue(model), image, token), null) : OfRow(vectors, parsed);
        var count = parsed.GetValue(top);
        SearchResult found;
        if (parsed.GetValue(index) is { } file)
        {
            using var neighbours = NeighbourIndex.Open(vectors, file, token);
            found = neighbours.Nearest(features, count, self?.Ordinal, token);
        }
        else
            found = FeatureSearch.Nearest(vectors, features, count, ordinal => ordinal != self?.Ordinal, groups: null, token);
        await Print(parsed, vectors, self, found, token);
    }

    private (float[] Features, TableRow? Row) OfRow(FeatureVectors vectors, ParseResult parsed)
    {
        var (number, name) = (parsed.GetValue(row), parsed.GetValue(path));
        var found = vectors.Describe().FirstOrDefault(one => number is null ? one.Path == name : one.Row == number)
            ?? throw new ToolException(number is null ? $"'{vectors.Path}' has no row with the path '{name}'."
                : $"'{vectors.Path}' has no row {number}.");
        return (vectors.Vector(found.Ordinal)
            ?? throw new ToolException(
                $"Row {found.Row} of '{vectors.Path}' has no features{(found.Error is null ? "." : $": {found.Error}")}"), found);
    }

    private async Task Print(ParseResult parsed, FeatureVectors vectors, TableRow? self, SearchResult found, CancellationToken token)
    {
        var name = self?.Path ?? parsed.GetRequiredValue(query)!;
        switch (table.Format(parsed))
        {
            case "json":
                PrintJson(vectors, name, found);
                break;
            case "html":
                await PrintPage(parsed, vectors, self, name, found, token);
                break;
            default:
                var rows = Terminal.Table("similarity", "row", "path");
                foreach (var one in found.Rows)
                    rows.AddRow(Digits(one.Similarity), one.Row.ToString(CultureInfo.InvariantCulture), one.Path);
                Terminal.Results.Write(rows);
                break;
        }
        if (parsed.GetValue(index) is null)
            FeatureTableOptions.TellCompared(vectors, found.Compared + (self is null ? 0 : 1));
    }

    private async Task PrintPage(ParseResult parsed, FeatureVectors vectors, TableRow? self, string name, SearchResult found,
        CancellationToken token)
    {
        var shown = await pictures.Find(parsed, vectors, found.Rows.Select(one => one.Path).Concat(self is null ? [] : [self.Path]), token);
        var page = new AnswerPage($"{name} in {Path.GetFileName(vectors.Path)}");
        page.Pictures("Searched for", [(self is null ? await TablePictures.Of(name, token) : shown.GetValueOrDefault(self.Path), [name])]);
        page.Pictures($"Most alike by '{vectors.Key}'", found.Rows.Select(one
            => (shown.GetValueOrDefault(one.Path), new[] { one.Path, $"row {one.Row}, similarity {Digits(one.Similarity)}" })));
        page.Print();
    }

    private static void PrintJson(FeatureVectors vectors, string name, SearchResult found) => Json.Print(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("table", vectors.Path);
        writer.WriteString("key", vectors.Key);
        writer.WriteString("query", name);
        writer.WriteNumber("rows", vectors.Rows);
        writer.WriteNumber("compared", found.Compared);
        writer.WriteRows("results", found.Rows);
        writer.WriteEndObject();
    });

    internal static string Digits(double similarity) => similarity.ToString("F4", CultureInfo.InvariantCulture);
}
