using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Testing;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>What a table of features answers: what is like an image, what is there twice, whether classes can be told apart.</summary>
public sealed class AnswerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_image_is_searched_by_the_model_of_the_table_and_the_page_has_the_pictures()
    {
        Directory.CreateDirectory(folder["in", "a"]);
        string[] images = ["chelsea.png", "coffee.png", "rocket.jpg"];
        foreach (var image in images)
            File.Copy(Golden.PathOf("images", image), folder["in", "a", image]);
        File.WriteAllText(folder["in", "b.png"], "no image");
        Assert.Equal(3, Torchfx.Run("extract", "resnet18", folder["in"], "--nodes", "flatten=f,relu", "--seed", "7", "--size", "64",
            "--out",
            folder["f.parquet"]).ExitCode);

        var search = Torchfx.Run("search", folder["f.parquet"], Golden.PathOf("images", "coffee.png"), "--key", "f", "--format", "json");
        Assert.True(search.ExitCode == 0, search.Error);
        var found = JsonNode.Parse(search.Out)!;
        Assert.Equal((4, 3), ((int)found["rows"]!, (int)found["compared"]!));
        var rows = FeatureTableReader.Read(folder["f.parquet"],
            new([], [new("relu", typeof(float), [64, 32, 32]), new("f", typeof(float), [512])]))
            .Where(row => row.Error is null).ToDictionary(row => row.Path, row => (float[])row.Features[1].Elements);
        var expected = rows.Select(row => (row.Key, Cosine: Cosine(row.Value, rows["a/coffee.png"]))).OrderByDescending(row => row.Cosine)
            .ToArray();
        Assert.Equal(expected.Select(row => row.Key), found["results"]!.AsArray().Select(row => (string)row!["path"]!));
        Assert.All(expected.Zip(found["results"]!.AsArray()), pair
            => Assert.Equal(pair.First.Cosine, (double)pair.Second!["similarity"]!, 1e-4));

        var page = Torchfx.Run("search", folder["f.parquet"], "--path", "a/coffee.png", "--key", "f", "--format", "html");
        Assert.True(page.ExitCode == 0, page.Error);
        Assert.Equal(3, page.Out.Split("<img src=\"data:image/png;base64,").Length - 1);
        Assert.Contains($"row 1, similarity {expected[1].Cosine.ToString("F4", System.Globalization.CultureInfo.InvariantCulture)}".Replace("row 1",
            $"row {Array.IndexOf(images, expected[1].Key[2..])}"), page.Out);
        Assert.DoesNotContain("http://", page.Out);
        Torchfx.Run("search", folder["f.parquet"], "--row", "3", "--key", "f")
            .AssertFailed($"Row 3 of '{folder["f.parquet"]}' has no features: b.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.");
        Torchfx.Run("search", folder["f.parquet"], "--row", "1")
            .AssertFailed($"'{folder["f.parquet"]}' has the features 'relu', 'f': name one of these keys.");
    }

    [Fact]
    public void Code_that_a_table_names_runs_only_where_the_user_names_it_too()
    {
        File.Copy(Golden.PathOf("images", "chelsea.png"), folder["1.png"]);
        string[] model = ["--args", """{"widths":[4,8],"stem":{"kernel":3,"stride":16}}""", "--nodes", "layers=f"];
        Assert.Equal(0, Torchfx.Run(["extract", "TestModels.dll:TestModels.Encoder", folder["1.png"], .. model, "--out",
            folder["f.parquet"]]).ExitCode);
        var dll = Path.Combine(AppContext.BaseDirectory, "TestModels.dll:TestModels.Encoder");
        Torchfx.Run("search", folder["f.parquet"], folder["1.png"])
            .AssertFailed($"The table '{folder["f.parquet"]}' was made with '{dll}', code of an assembly, which is not run because a file says so: name it yourself with --model.", 2);
        var search = Torchfx.Run("search", folder["f.parquet"], folder["1.png"], "--model", "TestModels.dll:TestModels.Encoder",
            "--format", "json");
        Assert.True(search.ExitCode == 0, search.Error);
        Assert.Equal(1.0, (double)JsonNode.Parse(search.Out)!["results"]![0]!["similarity"]!, 1e-5);
    }

    [Fact]
    public void Duplicates_are_groups_and_the_page_has_them()
    {
        Write("f.parquet", [("1.png", [1, 0, 0], null), ("2.png", [0, 1, 0], null), ("3.png", [1, 0.01f, 0], null),
            ("4.png", [0, 0, 1], null)]);
        File.Copy(Golden.PathOf("images", "chelsea.png"), folder["3.png"]);
        var json = JsonNode.Parse(Torchfx.Run("duplicates", folder["f.parquet"], "--format", "json").Out)!;
        var group = Assert.Single(json["groups"]!.AsArray())!.AsArray();
        Assert.Equal([0, 2], group.Select(row => (int)row!["row"]!));
        Assert.All(group, row => Assert.Equal(1 / Math.Sqrt(1.0001), (double)row!["similarity"]!, 1e-6));
        var page = Torchfx.Run("duplicates", folder["f.parquet"], "--format", "html", "--images", folder.Root);
        Assert.Equal((0, 2), (page.ExitCode, page.Out.Split("<img src=\"data:image/png;base64,").Length));
        Assert.Equal("1 of 2 pictures could not be found or read; --images says where they are.\n1 group of 2 rows\n4 rows\n", page.Error);
        Assert.Contains("1.png", page.Out);
        Torchfx.Run("duplicates", folder["f.parquet"], "--threshold", "98")
            .AssertFailed("--threshold must be a cosine similarity above 0 and up to 1, not 98.", 2);
        Torchfx.Run("duplicates", folder["f.parquet"], "--format", "html")
            .AssertFailed($"'{folder["f.parquet"]}' does not say where its pictures are: give --images.", 2);
    }

    [Fact]
    public void A_probe_tells_classes_apart_that_features_tell_apart()
    {
        var random = new Random(1);
        Write("f.parquet", [.. Enumerable.Range(0, 40).Select(i => ($"{i}.png",
            i == 7 ? null : new float[] { i % 2 + 0.1f * random.NextSingle(), random.NextSingle(), float.MinValue * (i == 8 ? 2 : 0) },
                i == 9 ? null : i % 2 == 0 ? "cat" : "dog"))]);
        var run = Torchfx.Run("probe", folder["f.parquet"], "--label", "label", "--neighbours", "3", "--format", "json");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal("37 rows of 2 classes; 3 others have no features, no class, or were not drawn\n", run.Error);
        var json = JsonNode.Parse(run.Out)!;
        Assert.Equal((37, 2, 1.0, 5), ((int)json["rows"]!, (int)json["classes"]!, (double)json["linear"]!["accuracy"]!,
            json["nearest"]!["parts"]!.AsArray().Count));
        Assert.Equal(19 / 37.0, (double)json["largest_class"]!, 12);
        Assert.InRange((double)json["nearest"]!["accuracy"]!, 0.6, 1);

        var some = Torchfx.Run("probe", folder["f.parquet"], "--label", "label", "--rows", "20", "--folds", "2");
        Assert.Contains("linear", some.Out);
        Assert.StartsWith("20 rows of 2 classes; ", some.Error);
    }

    [Theory]
    [InlineData("species", "'{0}' has no column 'species'; its columns are 'row', 'path', 'label', 'f', 'error'.")]
    [InlineData("f", "The column 'f' of '{0}' has features, and a text, number or truth value is needed.")]
    [InlineData("path", "No class of 'path' has a row for each of 5 parts; the largest, '1.png', has 1: lower --folds, or take a column with fewer classes.")]
    [InlineData("error", "No row of '{0}' has a value in 'error'.")]
    [InlineData("label", "All rows with features have the value 'cat' in 'label': a probe tells classes apart, so it takes two or more.")]
    public void A_column_that_is_no_classes_is_refused(string label, string sentence)
    {
        Write("f.parquet", [("1.png", [1, 0, 0], "cat"), ("2.png", [0, 1, 0], "cat"), ("3.png", [0, 1, 0], null)]);
        Torchfx.Run("probe", folder["f.parquet"], "--label", label)
            .AssertFailed(string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, folder["f.parquet"]));
    }

    [Fact]
    public void An_index_finds_what_is_nearest_and_says_when_it_is_of_other_vectors()
    {
        var random = new Random(1);
        Write("f.parquet", Random(3000));
        Write("g.parquet", Random(3000));
        var exact = JsonNode.Parse(Torchfx.Run("search", folder["f.parquet"], "--row", "5", "--format", "json").Out)!;
        for (var time = 0; time < 2; time++)
        {
            var run = Torchfx.Run("search", folder["f.parquet"], "--row", "5", "--format", "json", "--index", folder["f.usearch"]);
            Assert.Equal((0, time == 0 ? $"made {folder["f.usearch"]}\n" : ""), (run.ExitCode, run.Error));
            var found = JsonNode.Parse(run.Out)!["results"]!.AsArray();
            var expected = exact["results"]!.AsArray().ToDictionary(row => (int)row!["row"]!, row => (double)row!["similarity"]!);
            Assert.InRange(found.Count(row => expected.ContainsKey((int)row!["row"]!)), 9, 10);
            Assert.All(found.Where(row => expected.ContainsKey((int)row!["row"]!)), row
                => Assert.Equal(expected[(int)row!["row"]!], (double)row["similarity"]!, 1e-6));
        }
        Torchfx.Run("search", folder["g.parquet"], "--row", "5", "--index", folder["f.usearch"])
            .AssertFailed($"'{folder["f.usearch"]}' is an index of other vectors than 'f' of '{folder["g.parquet"]}': delete it, and it is made anew.");
        File.WriteAllText(folder["f.usearch"], "no index");
        Torchfx.Run("search", folder["g.parquet"], "--row", "5", "--index", folder["f.usearch"])
            .AssertFailed($"'{folder["f.usearch"]}' is no index of USearch, or is damaged: delete it, and it is made anew.");

        (string, float[]?, string?)[] Random(int count) => [.. Enumerable.Range(0, count).Select(i
            => ($"{i}.png", (float[]?)[.. Enumerable.Range(0, 16).Select(_ => random.NextSingle() - 0.5f)], (string?)null))];
    }

    [Theory]
    [InlineData("What is searched for is one of three: an image, --row N, or --path PATH.", 2)]
    [InlineData("What is searched for is one of three: an image, --row N, or --path PATH.", 2, "1.png", "--row", "1")]
    [InlineData("'{0}' has no row 9.", 1, "--row", "9")]
    [InlineData("'{0}' has no row with the path 'x'.", 1, "--path", "x")]
    [InlineData("There is no file 'none.png'.", 1, "none.png")]
    [InlineData("'{0}' does not say how its model is built, so no image can be compared with it: search for one of its rows (--row, --path), or write the table anew with 'torchfx extract'.", 1, "TestModels.dll")]
    public void A_query_that_is_none_is_refused(string sentence, int exitCode, params string[] query)
    {
        Write("f.parquet", [("1.png", [1, 0, 0], "cat")]);
        Torchfx.Run(["search", folder["f.parquet"], .. query])
            .AssertFailed(string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, folder["f.parquet"]), exitCode);
    }

    [Fact]
    public void A_table_that_is_not_there_is_told()
        => Torchfx.Run("duplicates", folder["f.parquet"]).AssertFailed($"There is no file '{folder["f.parquet"]}'.");

    private void Write(string name, (string Path, float[]? Vector, string? Label)[] rows)
    {
        using var stream = File.Create(folder[name]);
        using var table = new FeatureTableWriter(stream, new([new("label", typeof(string))], [new("f", typeof(float), [3])]),
            new Dictionary<string, string>());
        foreach (var (row, (path, vector, label)) in rows.Index())
            table.Add(new(row, path, [label], vector is null ? [] : [new(vector, [vector.Length])], vector is null ? "broken" : null));
        table.Complete();
    }

    private static double Cosine(float[] a, float[] b)
        => a.Zip(b, (x, y) => (double)x * y).Sum() / Math.Sqrt(a.Sum(x => (double)x * x) * b.Sum(x => (double)x * x));
}
