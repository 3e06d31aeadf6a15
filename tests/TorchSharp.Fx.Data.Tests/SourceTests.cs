using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using ParquetSharp;
using TorchSharp.Fx.Cli.Tests;
using TorchSharp.Fx.Vision.Tests;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Whatever the inputs lie in, each is there once, under its own name, with its own content.</summary>
public sealed class SourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_folder_gives_what_is_in_it_in_natural_order_and_names_in_different_folders_stay_apart()
    {
        foreach (var (seed, name) in new[] { "10.png", "9.JPG", "b/9.png", "b/9.jpg", "notes.txt", ".hidden.png", ".cache/1.png" }.Index())
            Pictures.Write(folder["in", name], seed);
        Assert.Equal(["9.JPG", "10.png", "b/9.jpg", "b/9.png"], await Paths(folder["in"]));
        Pictures.Write(folder["other", "10.png"], 9);
        var several = await Paths(folder["in", "b"], folder["other"]);
        Assert.Equal(["b/9.jpg", "b/9.png", "other/10.png"],
            several.Select(path => path[(folder.Root.Length)..].Replace("in/b", "b", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_pattern_gives_what_matches()
    {
        foreach (var name in new[] { "a/1.jpg", "a/x/2.jpg", "a/x/3.png", "b/4.jpg" })
            Pictures.Write(folder[name], 1);
        Assert.Equal(["a/1.jpg", "a/x/2.jpg", "b/4.jpg"], await Paths(folder["**/*.jpg"]));
        Assert.Equal(["2.jpg", "3.png"], await Paths(folder["a", "x", "?.*"]));
        var none = await Assert.ThrowsAsync<InvalidDataException>(() => Paths(folder["*.gif"]));
        Assert.Equal($"No file matches '{folder["*.gif"]}'.", none.Message);
    }

    [Fact]
    public async Task A_link_that_leads_back_is_not_followed_and_one_that_leads_elsewhere_is()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links take rights there.");
        Pictures.Write(folder["in", "a", "1.png"], 1);
        Pictures.Write(folder["out", "2.png"], 1);
        Directory.CreateSymbolicLink(folder["in", "a", "back"], folder["in"]);
        Directory.CreateSymbolicLink(folder["in", "elsewhere"], folder["out"]);
        Assert.Equal(["a/1.png", "elsewhere/2.png"], await Paths(folder["in"]));
    }

    [Fact]
    public void Inputs_that_would_give_a_file_twice_are_refused()
    {
        Pictures.Write(folder["in", "a", "1.png"], 1);
        Assert.Equal($"The input '{folder["in", "a"]}' lies in '{folder["in"]}', which is given too. (Parameter 'inputs')",
            Assert.Throws<ArgumentException>(() => DataSource.Open([folder["in"], folder["in", "a"]])).Message);
        Assert.Equal($"The input '{folder["in"]}/' is given twice. (Parameter 'inputs')",
            Assert.Throws<ArgumentException>(() => DataSource.Open([folder["in"], folder["in"] + "/"])).Message);
        Assert.Equal($"There is no file or folder '{folder["none"]}'.",
            Assert.Throws<FileNotFoundException>(() => DataSource.Open([folder["none"]])).Message);
    }

    [Theory]
    [InlineData("shard.tar")]
    [InlineData("shard.tar.gz")]
    public async Task A_shard_gives_its_samples_with_what_stands_beside_them(string name)
    {
        await WriteTar(folder[name], name.EndsWith("gz", StringComparison.Ordinal));
        var source = DataSource.Open([folder[name]]);
        Assert.Equal([new("cls", typeof(string)), new("txt", typeof(string))], source.Columns);
        var rows = await Models.Pipeline(new() { BatchSize = 2 }).Rows(source);
        Assert.Equal(["n01/0000.jpg", "n01/0001.jpg", "n02/0002.png"], rows.Select(row => row.Path));
        Assert.Equal([["7", "a cat"], ["8", null], ["9", "a dog"]], rows.Select(row => row.Values.Cast<string?>()));
        Assert.Equal([Models.Mean(Picture(0)), Models.Mean(Picture(1)), Models.Mean(Picture(2))],
            rows.Select(row => (float[])row.Features[0].Elements));
    }

    [Fact]
    public async Task An_archive_that_ends_too_early_gives_what_is_whole_and_a_row_that_says_so()
    {
        await WriteTar(folder["whole.tar.gz"], isCompressed: true);
        var bytes = await File.ReadAllBytesAsync(folder["whole.tar.gz"], TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(folder["cut.tar.gz"], bytes[..^300], TestContext.Current.CancellationToken);
        var rows = await Models.Pipeline().Rows(DataSource.Open([folder["cut.tar.gz"]]));
        Assert.Equal("n01/0000.jpg", rows[0].Path);
        Assert.Null(rows[0].Error);
        Assert.NotNull(rows[^1].Error);
    }

    [Fact]
    public async Task A_zip_that_is_damaged_or_has_a_name_twice_gives_rows_with_errors()
    {
        using (var zip = ZipFile.Open(folder["twice.zip"], ZipArchiveMode.Create))
            foreach (var seed in new[] { 1, 2 })
            {
                await using var stream = zip.CreateEntry("a.png").Open();
                await stream.WriteAsync(Pictures.Encoded(seed), TestContext.Current.CancellationToken);
            }
        var rows = await Models.Pipeline(new() { BatchSize = 4 }).Rows(DataSource.Open([folder["twice.zip"]]));
        Assert.Equal([null, "a.png is in its archive more than once, and only the first can be read."], rows.Select(row => row.Error));
        Assert.Equal(Models.Mean(Pictures.Encoded(1)), (float[])rows[0].Features[0].Elements);
        await File.WriteAllBytesAsync(folder["cut.zip"], (await File.ReadAllBytesAsync(folder["twice.zip"], TestContext.Current.CancellationToken))[..^40],
            TestContext.Current.CancellationToken);
        var row = Assert.Single(await Models.Pipeline().Rows(DataSource.Open([folder["cut.zip"]])));
        Assert.Equal("cut.zip", row.Path);
        Assert.StartsWith("The archive is damaged, or no zip archive: ", row.Error);
    }

    [Fact]
    public async Task A_zip_gives_its_images()
    {
        using (var zip = ZipFile.Open(folder["in.zip"], ZipArchiveMode.Create))
            foreach (var (i, entry) in new[] { "a/1.png", "b/1.png", "readme.txt" }.Index())
            {
                await using var stream = zip.CreateEntry(entry).Open();
                await stream.WriteAsync(Picture(i), TestContext.Current.CancellationToken);
            }
        var rows = await Models.Pipeline(new() { BatchSize = 4 }).Rows(DataSource.Open([folder["in.zip"]]));
        Assert.Equal(["a/1.png", "b/1.png"], rows.Select(row => row.Path));
        Assert.Equal([Models.Mean(Picture(0)), Models.Mean(Picture(1))], rows.Select(row => (float[])row.Features[0].Elements));
    }

    [Fact]
    public async Task Manifests_of_every_kind_name_inputs_and_pass_on_the_rest()
    {
        Pictures.Write(folder["p", "1.png"], 1);
        Pictures.Write(folder["p", "2.png"], 2);
        await File.WriteAllTextAsync(folder["m.csv"], "id,path,label\n7,p/1.png,\"a, b\"\n8,p/2.png,\n9,p/none.png,c\n",
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["m.jsonl"], """
            {"id": 7, "path": "p/1.png", "score": 1, "tags": ["a"]}
            {"id": 8, "path": "p/2.png", "score": 0.5, "good": true}
            no object
            """, TestContext.Current.CancellationToken);
        using (var file = new ParquetFileWriter(folder["m.parquet"],
            [new Column<int>("id"), new Column<string>("image"), new Column<bool?>("good")]))
        {
            using (var group = file.AppendRowGroup())
            {
                using (var column = group.NextColumn().LogicalWriter<int>())
                    column.WriteBatch([7, 8]);
                using (var column = group.NextColumn().LogicalWriter<string>())
                    column.WriteBatch(["p/1.png", "p/2.png"]);
                using (var column = group.NextColumn().LogicalWriter<bool?>())
                    column.WriteBatch([true, null]);
            }
            file.Close();
        }
        var means = new[] { 1, 2 }.Select(seed => Models.Mean(Pictures.Encoded(seed))).ToArray();

        var csv = await Models.Pipeline().Rows(DataSource.Open([folder["m.csv"]]));
        Assert.Equal([["7", "a, b"], ["8", null], ["9", "c"]], csv.Select(row => row.Values.Cast<string?>()));
        Assert.Equal([null, null, $"There is no file '{folder["p", "none.png"]}'."], csv.Select(row => row.Error));
        Assert.Equal(means, csv.Take(2).Select(row => (float[])row.Features[0].Elements));

        var source = DataSource.Open([folder["m.jsonl"]]);
        Assert.Equal([new("id", typeof(long)), new("score", typeof(double)), new("tags", typeof(string)), new("good", typeof(bool))],
            source.Columns);
        var json = await Models.Pipeline().Rows(source);
        Assert.Equal([[7L, 1.0, "[\"a\"]", null], [8L, 0.5, null, true], [null, null, null, null]], json.Select(row => row.Values));
        Assert.Equal("Line 3 of m.jsonl is no JSON object.", json[2].Error);

        var parquet = await Models.Pipeline().Rows(DataSource.Open([folder["m.parquet"]]));
        Assert.Equal([[7L, true], [8L, null]], parquet.Select(row => row.Values));
        Assert.Equal(means, parquet.Select(row => (float[])row.Features[0].Elements));
    }

    [Fact]
    public async Task Addresses_are_read_whole_or_in_part_and_one_that_is_not_there_is_an_error_of_its_row()
    {
        await WriteTar(folder["shard.tar"], isCompressed: false);
        var shard = await File.ReadAllBytesAsync(folder["shard.tar"], TestContext.Current.CancellationToken);
        using var server = new LoopbackServer((_, head, stream, stop)
            => head.StartsWith("GET /shard.tar ", StringComparison.Ordinal) ? LoopbackServer.Serve(shard, head, stream, stop)
            : head.StartsWith("GET /1.png ", StringComparison.Ordinal) ? LoopbackServer.Serve(Picture(2), head, stream, stop)
            : LoopbackServer.Head(stream, $"{(int)HttpStatusCode.NotFound} Not Found\r\nContent-Length: 0", stop));
        await File.WriteAllTextAsync(folder["m.csv"], $"url\n{server.Address}1.png\n{server.Address}none.png\n",
            TestContext.Current.CancellationToken);
        var rows = await Models.Pipeline().Rows(DataSource.Open([folder["m.csv"]]));
        Assert.Equal(Models.Mean(Picture(2)), rows[0].Features[0].Elements);
        Assert.Equal($"{server.Address}none.png can't be read: Response status code does not indicate success: 404 (Not Found).",
            rows[1].Error);

        var streamed = await Models.Pipeline().Rows(DataSource.Open([$"{server.Address}shard.tar"]));
        Assert.Equal([Models.Mean(Picture(0)), Models.Mean(Picture(1)), Models.Mean(Picture(2))],
            streamed.Select(row => (float[])row.Features[0].Elements));
    }

    internal static byte[] Picture(int seed) => Pictures.Encoded(seed);

    private static async Task<string[]> Paths(params string[] inputs)
    {
        var paths = new List<string>();
        await foreach (var item in DataSource.Open(inputs).ItemsAsync())
            paths.Add(item.Path);
        return [.. paths];
    }

    internal static async Task WriteTar(string path, bool isCompressed)
    {
        await using Stream file = File.Create(path);
        await using var stream = isCompressed ? new GZipStream(file, CompressionLevel.Fastest) : file;
        await using var tar = new TarWriter(stream);
        foreach (var (name, content) in new (string, byte[])[]
        {
            ("n01/0000.jpg", Picture(0)), ("n01/0000.cls", "7"u8.ToArray()), ("n01/0000.txt", "a cat\n"u8.ToArray()),
            ("n01/0001.cls", "8"u8.ToArray()), ("n01/0001.jpg", Picture(1)),
            ("n02/0002.cls", "9"u8.ToArray()), ("n02/0002.txt", "a dog"u8.ToArray()), ("n02/0002.png", Picture(2)),
        })
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
    }
}
