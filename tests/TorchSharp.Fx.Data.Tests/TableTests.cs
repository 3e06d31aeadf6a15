using System.Globalization;
using DuckDB.NET.Data;
using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>The table is what other tools read: DuckDB, with Parquet of its own, says the same as the rows.</summary>
public sealed class TableTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DuckDB_reads_features_shapes_columns_and_errors(bool isHalf)
    {
        Pictures.Write(folder["p", "a", "1.png"], 1);
        Pictures.Write(folder["p", "b", "1.png"], 2);
        await File.WriteAllTextAsync(folder["m.csv"], "path,label\np/a/1.png,cat\np/none.png,\np/b/1.png,dog\n",
            TestContext.Current.CancellationToken);
        await Write(DataSource.Open([folder["m.csv"]]), folder["f.parquet"], isHalf);

        var rows = Query($"select path, label, len(mean), len(map), map_shape, error from '{folder["f.parquet"]}' order by row");
        Assert.Equal(["p/a/1.png", "p/none.png", "p/b/1.png"], rows.Select(row => (string)row[0]!));
        Assert.Equal(["cat", null, "dog"], rows.Select(row => row[1]));
        Assert.Equal([3L, null, 3L], rows.Select(row => row[2]));
        Assert.Equal([192L, null, 192L], rows.Select(row => row[3]));
        Assert.Equal([3, 8, 8], (IEnumerable<long>)rows[0][4]!);
        Assert.Equal([null, $"There is no file '{folder["p", "none.png"]}'.", null], rows.Select(row => row[5]));

        var means = new[] { 1, 2 }.Select(seed => Models.Mean(Pictures.Encoded(seed))).ToArray();
        // DuckDB's list functions also see the lists that a condition leaves out, unless the rows are taken first.
        var likeness = Query($"with good as materialized (select * from '{folder["f.parquet"]}' where error is null) select path, list_cosine_similarity(mean, (select mean from good where label = 'cat')) from good order by row");
        Assert.Equal(likeness.Select(row => row[0]),
            Query($"select path, array_cosine_similarity(mean::float[3], (select mean::float[3] from '{folder["f.parquet"]}' where label = 'cat')) from '{folder["f.parquet"]}' where error is null order by row").Select(row => row[0]));
        Assert.Equal(["p/a/1.png", "p/b/1.png"], likeness.Select(row => (string)row[0]!));
        Assert.Equal(1, Number(likeness[0][1]), 3);
        Assert.Equal(Cosine(means[0], means[1]), Number(likeness[1][1]), isHalf ? 3 : 6);
        Assert.Equal("model,the test's",
            string.Join(',', Query($"select decode(key), decode(value) from parquet_kv_metadata('{folder["f.parquet"]}')").Single()));
    }

    [Fact]
    public async Task A_table_without_errors_is_searched_in_one_line()
    {
        foreach (var i in Enumerable.Range(0, 3))
            Pictures.Write(folder["p", $"{i}.png"], i);
        await Write(DataSource.Open([folder["p"]]), folder["f.parquet"], isHalf: false);
        var rows = Query($"select path, list_cosine_similarity(mean, (select mean from '{folder["f.parquet"]}' where path = '1.png')) as likeness from '{folder["f.parquet"]}' order by likeness desc");
        var means = Enumerable.Range(0, 3).Select(seed => Models.Mean(Pictures.Encoded(seed))).ToArray();
        Assert.Equal(Enumerable.Range(0, 3).OrderByDescending(i => Cosine(means[i], means[1])).Select(i => $"{i}.png"),
            rows.Select(row => row[0]));
    }

    [Fact]
    public async Task Rows_come_back_as_they_were_and_the_same_rows_give_the_same_bytes()
    {
        foreach (var i in Enumerable.Range(0, 25))
            Pictures.Write(folder["p", $"{i}.png"], i);
        await File.WriteAllTextAsync(folder["p", "7.png"], "no image", TestContext.Current.CancellationToken);
        var (written, schema) = await Write(DataSource.Open([folder["p"]]), folder["f.parquet"], isHalf: false);
        var read = FeatureTableReader.Read(folder["f.parquet"], schema).ToArray();
        Assert.Equal(written.Select(Text), read.Select(Text));
        await Write(DataSource.Open([folder["p"]]), folder["g.parquet"], isHalf: false);
        Assert.Equal(await File.ReadAllBytesAsync(folder["f.parquet"], TestContext.Current.CancellationToken),
            await File.ReadAllBytesAsync(folder["g.parquet"], TestContext.Current.CancellationToken));

        static string Text(FeatureRow row)
            => $"{row.Row} {row.Path} {row.Error} {string.Join(' ', row.Features.Select(feature => $"{string.Join('x', feature.Shape)}:{string.Join(',', feature.Elements.Cast<float>())}"))}";
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Maps_lie_beside_the_table_where_that_is_asked_for_and_the_table_names_them(bool isHalf)
    {
        foreach (var i in Enumerable.Range(0, 5))
            Pictures.Write(folder["p", $"{i}.png"], i);
        await File.WriteAllTextAsync(folder["p", "3.png"], "no image", TestContext.Current.CancellationToken);
        var pipeline = Models.Pipeline(new() { BatchSize = 4, IsHalf = isHalf });
        var rows = await pipeline.Rows(DataSource.Open([folder["p"]]));
        await WriteBeside(pipeline, rows);

        var index = Query($"select map_file, map_tensor, map_shape, len(mean) from '{folder["f.parquet"]}' order by row");
        Assert.Equal(["map/0", "map/1", "map/2", null, "map/4"], index.Select(row => row[1]));
        Assert.All(index, row => Assert.Equal((row[1] is null ? null : "f.maps/00000.safetensors", row[1] is null ? null : (object)3L), (row[0], row[3])));
        var tensors = Safetensors.load_file(folder["f.maps", "00000.safetensors"]);
        Assert.Equal(4, tensors.Count);
        foreach (var (row, named) in rows.Zip(index).Where(pair => pair.First.Error is null))
        {
            using var tensor = tensors[(string)named[1]!];
            Assert.Equal(row.Features[1].Shape, tensor.shape);
            Assert.Equal([3, 8, 8], (IEnumerable<long>)named[2]!);
            Assert.Equal(row.Features[1].Elements, isHalf ? tensor.data<Half>().ToArray() : (Array)tensor.data<float>().ToArray());
        }
        Assert.Equal("the test's", Safetensors.metadata(folder["f.maps", "00000.safetensors"])["model"]);
        var again = await Assert.ThrowsAsync<IOException>(() => WriteBeside(pipeline, rows));
        Assert.Equal($"'{folder["f.maps"]}' is there already, and the maps of 'f.parquet' go there: remove it, or choose another name.", again.Message);
    }

    [Fact]
    public async Task Maps_of_a_run_that_fails_are_gone_with_it()
    {
        Pictures.Write(folder["p", "1.png"], 1);
        var pipeline = Models.Pipeline();
        var rows = await pipeline.Rows(DataSource.Open([folder["p"]]));
        await Assert.ThrowsAsync<InvalidDataException>(() => TableFile.WriteAsync(folder["f.parquet"], true, new([], pipeline.Columns), new Dictionary<string, string>(), table =>
        {
            // More than a row group holds, so that a file of maps is there.
            for (var i = 0; i < 10_001; i++)
                table.Add(rows[0] with { Row = i });
            throw new InvalidDataException("Broken.");
        }));
        Assert.Equal(["p"], Directory.GetFileSystemEntries(folder.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void Columns_of_one_name_are_refused()
    {
        var schema = new FeatureSchema([new("label", typeof(string))], [new("label", typeof(float), [3])]);
        Assert.Equal("The key 'label' has the name of another column of the result: give the node another one with NAME=KEY.",
            Assert.Throws<ArgumentException>(schema.RequireDistinct).Message);
        Assert.Equal("The manifest's column 'error' has the name of a column of the result, or is there twice: rename it.",
            Assert.Throws<ArgumentException>(new FeatureSchema([new("error", typeof(string))], []).RequireDistinct).Message);
    }

    internal static async Task<(List<FeatureRow> Rows, FeatureSchema Schema)> Write(DataSource source, string path, bool isHalf)
    {
        var pipeline = Models.Pipeline(new() { BatchSize = 4, IsHalf = isHalf });
        var schema = new FeatureSchema(source.Columns, pipeline.Columns);
        var rows = await pipeline.Rows(source);
        await using var stream = File.Create(path);
        using var table = new FeatureTableWriter(stream, schema, new Dictionary<string, string> { ["model"] = "the test's" });
        rows.ForEach(table.Add);
        table.Complete();
        return (rows, schema);
    }

    private Task WriteBeside(FeaturePipeline pipeline, List<FeatureRow> rows)
        => TableFile.WriteAsync(folder["f.parquet"], true, new([], pipeline.Columns), new Dictionary<string, string> { ["model"] = "the test's" }, table =>
        {
            rows.ForEach(table.Add);
            return Task.CompletedTask;
        });

    internal static object?[][] Query(string sql)
    {
        using var connection = new DuckDBConnection("Data Source=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        return [.. rows];
    }

    private static double Number(object? value) => Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static double Cosine(float[] a, float[] b)
        => a.Zip(b, (x, y) => (double)x * y).Sum() / Math.Sqrt(a.Sum(x => (double)x * x) * b.Sum(x => (double)x * x));
}
