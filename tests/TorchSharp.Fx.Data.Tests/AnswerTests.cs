using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>What is found in a table is what DuckDB finds there, by functions of its own.</summary>
public sealed class AnswerTests : IDisposable
{
    private const int Rows = 2600, Width = 12;

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("float32")]
    [InlineData("float16")]
    [InlineData("of DuckDB, in row groups of 2048")]
    public void The_nearest_rows_are_DuckDBs(string kind)
    {
        using var table = FeatureVectors.Open(Table(kind));
        var query = table.Vector(17)!;
        var found = FeatureSearch.Nearest(table, query, 25, Token);
        var list = $"[{string.Join(',', query.Select(number => number.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))}]::float[{Width}]";
        var expected = TableTests.Query($"select row, path, array_cosine_similarity(f::float[{Width}], {list}) as likeness from '{table.Path}' where error is null and row not in (4, 5) order by likeness desc, row limit 25");
        Assert.Equal(expected.Select(row => ((long)row[0]!, (string)row[1]!)), found.Rows.Select(row => (row.Row, row.Path)));
        Assert.All(expected.Zip(found.Rows), pair => Assert.Equal((double)(float)pair.First[2]!, pair.Second.Similarity, 1e-5));
        // One row has an error, one zeros, one no number.
        Assert.Equal((Rows - 3, 17L), (found.Compared, found.Rows[0].Row));
    }

    [Theory]
    [InlineData("float32", long.MaxValue)]
    [InlineData("of DuckDB, in row groups of 2048", long.MaxValue)]
    [InlineData("of DuckDB, in row groups of 2048", 1)]
    public void Groups_of_duplicates_are_those_that_hang_together_by_DuckDBs_pairs(string kind, long bytesInMemory)
    {
        const double Threshold = 0.9;
        using var table = FeatureVectors.Open(Table(kind));
        var found = FeatureDuplicates.Find(table, Threshold, bytesInMemory, null, Token);
        var pairs = TableTests.Query($"with good as (select row, f::float[{Width}] as v from '{table.Path}' where error is null and row not in (4, 5)) select a.row, b.row, array_cosine_similarity(a.v, b.v) from good a, good b where a.row < b.row and array_cosine_similarity(a.v, b.v) >= {Threshold}")
            .Select(row => (A: (long)row[0]!, B: (long)row[1]!, Similarity: (double)(float)row[2]!)).ToArray();
        var group = pairs.SelectMany(pair => new[] { pair.A, pair.B }).Distinct().ToDictionary(row => row);
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var (a, b, _) in pairs)
                if (group[a] != group[b])
                    (group[a], group[b], changed) = (Math.Min(group[a], group[b]), Math.Min(group[a], group[b]), true);
        }
        var expected = group.GroupBy(row => row.Value, row => row.Key).OrderByDescending(rows => rows.Count()).ThenBy(rows => rows.Key)
            .Select(rows => string.Join(' ', rows.Order())).ToArray();
        Assert.True(expected.Length > 3 && expected[0].Contains(' '));
        Assert.Equal(expected, found.Groups.Select(rows => string.Join(' ', rows.Select(row => row.Row))));
        Assert.All(found.Groups.SelectMany(rows => rows), row
            => Assert.Equal(pairs.Where(pair => pair.A == row.Row || pair.B == row.Row).Max(pair => pair.Similarity), row.Similarity,
                1e-5));
        Assert.Equal(Rows - 3, found.Compared);
    }

    [Fact]
    public void With_a_threshold_of_1_the_same_vector_in_other_lengths_is_found()
    {
        Write("f.parquet", [[1, 2, 3], [3, 2, 1], [0.1f, 0.2f, 0.3f], [70, 140, 210]]);
        using var table = FeatureVectors.Open(folder["f.parquet"]);
        Assert.Equal([0, 2, 3], Assert.Single(FeatureDuplicates.Find(table, 1, cancellation: Token).Groups).Select(row => row.Row));
        Assert.StartsWith("The threshold is a cosine similarity above 0 and up to 1, not 1.5.",
            Assert.Throws<ArgumentOutOfRangeException>(() => FeatureDuplicates.Find(table, 1.5, cancellation: Token)).Message);
    }

    [Theory]
    [InlineData("select 1 as row, 'a' as path, 2.5 as x", null, "'{0}' has no column of features (lists of numbers); 'torchfx extract --out FILE.parquet' makes such tables.")]
    [InlineData("select 1 as row, 'a' as path, [1.0::double] as x, [2.0::float] as y, [1] as y_shape", null, "'{0}' has the features 'x', 'y': name one of these keys.")]
    [InlineData("select 1 as row, 'a' as path, [1.0::double] as x, ['t'] as y", "y", "'{0}' has no features 'y'; it has 'x'.")]
    [InlineData("select 'a' as path, [1.0::double] as x", null, "'{0}' has no column 'row' of integers, as tables of 'torchfx extract' have.")]
    [InlineData("select 1 as row, 2 as path, [1.0::double] as x", null, "'{0}' has no column 'path' of texts, as tables of 'torchfx extract' have.")]
    [InlineData("select 1 as row, 'a' as path, null::float[] as x", null, "No row of '{0}' has a vector in 'x'.")]
    [InlineData("select 1 as row, 'a' as path, [1.0::double] as x limit 0", null, "No row of '{0}' has a vector in 'x'.")]
    [InlineData("select i as row, 'a' as path, range(5 + i // 3)::float[] as x from range(5) t(i)", null, "Row 3 of '{0}' has 6 numbers in 'x', and rows before it have 5: vectors of one length can be compared.")]
    public void A_table_that_can_not_be_compared_is_refused(string sql, string? key, string sentence)
    {
        TableTests.Query($"copy ({sql}) to '{folder["f.parquet"]}'");
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            using var table = FeatureVectors.Open(folder["f.parquet"], key);
            FeatureSearch.Nearest(table, new float[] { 1, 1, 1, 1, 1 }, 1, Token);
        });
        Assert.Equal(string.Format(System.Globalization.CultureInfo.InvariantCulture, sentence, folder["f.parquet"]), error.Message);
    }

    [Fact]
    public void A_query_that_can_not_be_compared_is_refused()
    {
        Write("f.parquet", [[1, 2, 3]]);
        using var table = FeatureVectors.Open(folder["f.parquet"]);
        Assert.StartsWith($"The query has 2 numbers, and the vectors 'f' of '{table.Path}' have 3.",
            Assert.Throws<ArgumentException>(() => FeatureSearch.Nearest(table, new float[2], 1, Token)).Message);
        Assert.StartsWith("The query has no direction: it is all zeros, or not finite.",
            Assert.Throws<ArgumentException>(() => FeatureSearch.Nearest(table, new float[3], 1, Token)).Message);
        File.WriteAllText(folder["g.parquet"], "no table");
        Assert.Equal($"'{folder["g.parquet"]}' is no Parquet file, or is damaged.",
            Assert.Throws<InvalidDataException>(() => FeatureVectors.Open(folder["g.parquet"])).Message);
        File.WriteAllBytes(folder["h.parquet"], File.ReadAllBytes(folder["f.parquet"])[..^40]);
        Assert.Throws<InvalidDataException>(() => FeatureVectors.Open(folder["h.parquet"]));
    }

    /// <summary>Rows in clusters, some close to others; an error in row 3, zeros in row 4, no number in row 5.</summary>
    private string Table(string kind)
    {
        var random = new Random(1);
        var centres = Enumerable.Range(0, 400).Select(_ => Vector(1, new float[Width])).ToArray();
        float[]?[] vectors = [.. Enumerable.Range(0, Rows).Select(row => row switch
        {
            3 => null,
            4 => new float[Width],
            5 => [float.NaN, .. new float[Width - 1]],
            _ => Vector(row % 5 == 0 ? 0.1f : 2, centres[row % centres.Length]),
        })];
        Write("f.parquet", vectors, kind == "float16");
        if (!kind.StartsWith("of DuckDB", StringComparison.Ordinal))
            return folder["f.parquet"];
        TableTests.Query($"copy (select * from '{folder["f.parquet"]}' order by row) to '{folder["g.parquet"]}' (row_group_size 2048)");
        return folder["g.parquet"];

        float[] Vector(float spread, float[] centre) => [.. centre.Select(number => number + spread * (random.NextSingle() - 0.5f))];
    }

    private void Write(string name, float[]?[] vectors, bool isHalf = false)
    {
        using var stream = File.Create(folder[name]);
        using var table = new FeatureTableWriter(stream, new([], [new("f", isHalf ? typeof(Half) : typeof(float), [vectors[0]!.Length])]),
            new Dictionary<string, string>());
        foreach (var (row, vector) in vectors.Index())
            table.Add(new(row, $"{row}.png", [], vector is null ? []
                : [new(isHalf ? vector.Select(number => (Half)number).ToArray() : vector, [vector.Length])], vector is null ? "broken"
                    : null));
        table.Complete();
    }
}
