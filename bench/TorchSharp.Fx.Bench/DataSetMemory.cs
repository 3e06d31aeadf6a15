using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>Whether memory grows with the rows: many small files through a tiny model to a table, and a long manifest into the shards of a job.</summary>
internal static class DataSetMemory
{
    private const int Side = 40, FilesInAFolder = 1000, Labels = 100;

    /// <summary>Generated images, each a file and different, as a table of features.</summary>
    /// <param name="args">How many, 100,000 by default.</param>
    internal static Task<int> Images(string[] args) => InFolder(args, 100_000, async (folder, count) =>
    {
        TensorMemory.KeepFreed();
        using var noGrad = no_grad();
        Make(folder, count);
        using var convolution = nn.Conv2d(3, 16, 3, stride: 2);
        using var preprocessing = new ImageClassification(32, 36);
        using var example = rand(3, 32, 32);
        var pipeline = new FeaturePipeline(images => new Dictionary<string, Tensor> { ["mean"] = convolution.call(images).mean([2, 3]) }, example,
            new() { BatchSize = 8, Preprocess = preprocessing.call });
        using var stream = File.Create(Path.Combine(folder, "features.parquet"));
        using var table = new FeatureTableWriter(stream, new([], pipeline.Columns), new Dictionary<string, string>());
        var memory = new Watched(count);
        await foreach (var row in pipeline.RunAsync(DataSource.Open([folder]).ItemsAsync()))
        {
            table.Add(row.Error is null ? row : throw new InvalidDataException(row.Error));
            memory.Seen();
        }
        table.Complete();
        memory.Tell("images to a table");
    });

    /// <summary>A manifest with a column of labels, cut into shards of 10,000.</summary>
    /// <param name="args">How many rows, 10,000,000 by default.</param>
    internal static Task<int> Plan(string[] args) => InFolder(args, 10_000_000, async (folder, count) =>
    {
        var list = Path.Combine(folder, "list.csv");
        await File.WriteAllLinesAsync(list, Enumerable.Range(0, count)
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"photos/{row / FilesInAFolder:D5}/{row:D9}.jpg,{row % Labels}")).Prepend("path,label"));
        var memory = new Watched(count);
        var job = await Job.CreateAsync(Path.Combine(folder, "job"), [], new Counted(DataSource.Open([list]), memory), [new("f", typeof(float), [512])], 10_000);
        memory.Tell("rows of a manifest into shards");
        var shards = new DirectoryInfo(Path.Combine(folder, "job", "shards")).GetFiles();
        Console.WriteLine($"{job.Definition.Shards} shards, {shards.Sum(shard => shard.Length) >> 20} MB of {new FileInfo(list).Length >> 20}");
    });

    private static async Task<int> InFolder(string[] args, int usual, Func<string, int, Task> act)
    {
        var folder = Directory.CreateTempSubdirectory("torchfx-data-");
        try
        {
            await act(folder.FullName, args is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : usual);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        return 0;
    }

    private static void Make(string folder, int count)
    {
        using var pixels = randint(0, 256, [3, Side, Side], dtype: ScalarType.Byte);
        for (var i = 0; i < count; i++)
        {
            if (i % FilesInAFolder == 0)
                Directory.CreateDirectory(Path.Combine(folder, $"{i / FilesInAFolder}"));
            using var scope = NewDisposeScope();
            pixels[i % 3, i / 3 % Side].add_(1);
            File.WriteAllBytes(Path.Combine(folder, $"{i / FilesInAFolder}", $"{i}.png"), io.encode_png(pixels));
        }
    }

    /// <summary>The process's memory over the rows.</summary>
    private sealed class Watched(int count)
    {
        private readonly Stopwatch time = Stopwatch.StartNew();
        private readonly List<string> told = [];
        private long first, most;
        private int rows;

        internal void Seen()
        {
            if (++rows % 100 != 0)
                return;
            var now = Environment.WorkingSet >> 20;
            most = Math.Max(most, now);
            if (rows == 1000)
                first = now;
            if (rows == 1000 || rows % Math.Max(count / 5, 100) == 0)
                told.Add(string.Create(CultureInfo.InvariantCulture, $"{rows:N0}: {now} MB"));
        }

        internal void Tell(string what) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rows:N0} {what}, {time.Elapsed.TotalSeconds:F0} s: {first} MB after the first thousand, {most} MB at most ({string.Join(", ", told)})"));
    }

    private sealed class Counted(DataSource source, Watched memory) : DataSource
    {
        public override IReadOnlyList<DataColumn> Columns => source.Columns;

        public override async IAsyncEnumerable<DataItem> ItemsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (var item in source.ItemsAsync(cancellation))
            {
                memory.Seen();
                yield return item;
            }
        }
    }
}
