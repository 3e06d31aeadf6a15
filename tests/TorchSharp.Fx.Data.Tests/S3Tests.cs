using System.Text.Json.Nodes;
using TorchSharp.Fx.Cli.Tests;
using static TorchSharp.Fx.Data.Tests.SampleJobs;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>A store of the S3 kind as the place of inputs and of results.</summary>
public sealed class S3Tests(FakeS3 store) : IClassFixture<FakeS3>, IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Keys_that_begin_alike_are_a_folder_and_objects_are_files()
    {
        for (var i = 0; i < 7; i++)
            store.Put($"a/photos/{i % 2}/{i}.png", Pictures.Encoded(i));
        store.Put("a/photos/readme.txt", [1]);
        store.Put("a/photos-of-others/1.png", [1]);
        var rows = await Models.Pipeline().Rows(DataSource.Open(["s3://a/photos"]));
        Assert.Equal(["0/0.png", "0/2.png", "0/4.png", "0/6.png", "1/1.png", "1/3.png", "1/5.png"], rows.Select(row => row.Path));
        Assert.All(rows, row => Assert.Equal(Models.Mean(store.Get($"a/photos/{row.Path}")), (float[])row.Features[0].Elements));
        var two = await Models.Pipeline().Rows(DataSource.Open(["s3://a/photos/1/5.png", "s3://a/photos/1/none.png"]));
        Assert.Equal([null, "There is no file 's3://a/photos/1/none.png'."], two.Select(row => row.Error));
        var empty = await Assert.ThrowsAsync<InvalidDataException>(() => Models.Pipeline().Rows(DataSource.Open(["s3://a/none"])));
        Assert.Equal("'s3://a/none' has no images (.bmp, .gif, .jpeg, .jpg, .png, .webp).", empty.Message);
    }

    [Theory]
    [InlineData("shard.tar")]
    [InlineData("shard.tar.gz")]
    public async Task Archives_in_a_store_are_read_at_once_and_again_by_a_job(string name)
    {
        await SourceTests.WriteTar(folder[name], name.EndsWith("gz", StringComparison.Ordinal));
        store.Put($"tars/{name}", await File.ReadAllBytesAsync(folder[name], Token));
        var here = await Models.Pipeline().Rows(DataSource.Open([folder[name]]));
        var there = await Models.Pipeline().Rows(DataSource.Open([$"s3://tars/{name}"]));
        Assert.Equal(here.Select(Text), there.Select(Text));
        var job = await Job.CreateAsync(folder["job"], [], DataSource.Open([$"s3://tars/{name}"]), Models.Pipeline().Columns, 2, Token);
        await Run(job);
        Assert.Equal(here.Select(Text), Directory.GetFiles(folder["job", "parts"], "*.parquet").Order()
            .SelectMany(part => FeatureTableReader.Read(part, job.Schema)).Select(Text));
    }

    [Fact]
    public async Task A_manifest_may_name_objects_and_a_busy_store_is_asked_again()
    {
        store.Put("m/1.png", Pictures.Encoded(1));
        await File.WriteAllTextAsync(folder["m.csv"], "path,label\ns3://m/1.png,cat\n", Token);
        store.Busy = 2;
        var row = Assert.Single(await Models.Pipeline().Rows(DataSource.Open([folder["m.csv"]])));
        Assert.Equal((null, "cat", 0), (row.Error, (string)row.Values[0]!, store.Busy));
    }

    [Fact]
    public async Task A_job_in_a_bucket_gives_what_one_in_a_folder_gives()
    {
        var local = await Create(folder, "job", pictures: 11, shardSize: 2);
        await Run(local);
        var job = await CreateThere("s3://results/one");
        Assert.Equal(("s3://results/one", 6), (job.Location, job.Definition.Shards));
        Assert.Equal("The folder 's3://results/one' is not empty, so no job can be made there: choose another one.",
            (await Assert.ThrowsAsync<IOException>(() => CreateThere("s3://results/one"))).Message);
        var done = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () => await Worker(Job.Open("s3://results/one/"))
            .RunAsync(cancellation: Token).ToListAsync(Token))));
        Assert.Equal(Enumerable.Range(0, 6), done.SelectMany(outcomes => outcomes).Select(outcome => outcome.Shard).Order());
        Assert.Empty(await Wrong(job));
        Assert.Equal((6, 11L, 0L, 0), (job.Status().Done, job.Status().Rows, job.Status().Errors, job.Status().Working));
        Assert.Empty(store.Names("results/one/leases/"));
        var parts = store.Names("results/one/parts/").Where(name => name.EndsWith(".parquet", StringComparison.Ordinal)).Order();
        Assert.Equal(Directory.GetFiles(folder["job", "parts"], "*.parquet").Order().Select(File.ReadAllBytes), parts.Select(store.Get));
        await local.MergeAsync(folder["local.parquet"], new Dictionary<string, string>(), Token);
        await job.MergeAsync(folder["there.parquet"], new Dictionary<string, string>(), Token);
        Assert.Equal(await File.ReadAllBytesAsync(folder["local.parquet"], Token), await File.ReadAllBytesAsync(folder["there.parquet"], Token));
    }

    [Fact]
    public async Task In_a_bucket_too_a_worker_that_hangs_is_taken_over_and_its_late_result_dropped()
    {
        await Create(folder, "job", pictures: 4, shardSize: 2);
        var job = await CreateThere("s3://results/late");
        using var hold = new SemaphoreSlim(0);
        var calls = 0;
        // It gives its first sign of life after twelve minutes: for others it hangs.
        var late = Worker(job, TimeSpan.FromHours(1), input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(Token);
            // Other numbers than those that count.
            return Models.Means(calls > 1 ? input + 1 : input);
        }).TryRunAsync(0, Token);
        while (Volatile.Read(ref calls) < 2 && !late.IsCompleted)
            await Task.Delay(10, Token);
        var outcomes = await Worker(job, TimeSpan.FromSeconds(1)).RunAsync(cancellation: Token).ToListAsync(Token);
        Assert.Equal([0, 1], outcomes.Select(outcome => outcome.Shard).Order());
        var names = store.Names("results/late/parts/");
        hold.Release();
        Assert.Null(await late);
        Assert.Equal(names, store.Names("results/late/parts/"));
        Assert.Empty(await Wrong(job));
    }

    [Fact]
    public async Task A_shard_that_a_live_worker_has_is_nobody_else_s_in_a_bucket()
    {
        await Create(folder, "job", pictures: 2, shardSize: 2);
        var job = await CreateThere("s3://results/live");
        var limit = TimeSpan.FromSeconds(2);
        using var hold = new SemaphoreSlim(0);
        var calls = 0;
        var first = Worker(job, limit, input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(Token);
            return Models.Means(input);
        }).TryRunAsync(0, Token);
        while (Volatile.Read(ref calls) < 2 && !first.IsCompleted)
            await Task.Delay(10, Token);
        var other = Worker(job, limit);
        for (var until = DateTime.UtcNow + 2 * limit; DateTime.UtcNow < until; await Task.Delay(100, Token))
            Assert.Null(await other.TryRunAsync(0, Token));
        Assert.Equal(1, job.Status().Working);
        hold.Release();
        Assert.NotNull(await first);
        Assert.Empty(await Wrong(job));
    }

    [Fact]
    public async Task Retry_in_a_bucket_puts_the_mended_part_in_the_place_of_the_broken_one()
    {
        for (var i = 0; i < 4; i++)
            store.Put($"r/{i}.png", Pictures.Encoded(i));
        var job = await Job.CreateAsync("s3://results/retry", [], DataSource.Open(["s3://r"]), Models.Pipeline().Columns, 2, Token);
        store.Remove("r/1.png");
        await Run(job);
        Assert.Equal(1, job.Status().Errors);
        store.Put("r/1.png", Pictures.Encoded(1));
        Assert.Equal(0, Assert.Single(await Worker(job).RetryAsync(Token)).Errors);
        Assert.Empty(await Wrong(job));
        Assert.Equal(4, store.Names("results/retry/parts/").Length);
        var part = store.Names("results/retry/parts/part-00000.").Single(name => name.EndsWith(".parquet", StringComparison.Ordinal));
        store.Put(part, [.. store.Get(part)[..^9], .. new byte[9]]);
        Assert.Equal($"'s3://{part}' is not as it was written: delete 's3://results/retry/parts/part-00000.done.json' and run the job again.",
            Assert.Single(await Wrong(job)));
    }

    [Fact]
    public async Task A_store_that_refuses_is_told_in_a_sentence()
    {
        await Create(folder, "job", pictures: 1, shardSize: 1);
        var key = Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_S3");
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
        try
        {
            var error = await Assert.ThrowsAsync<IOException>(() => CreateThere("s3://results/none"));
            Assert.StartsWith("The store of 's3://results/none/job.creating' answers: ", error.Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_S3", key);
        }
    }

    private Task<Job> CreateThere(string address) => Job.CreateAsync(address, new JsonObject { ["model"] = "means" },
        DataSource.Open([folder["in"]]), Models.Pipeline().Columns, 2, Token);

    private static string Text(FeatureRow row)
        => $"{row.Row} {row.Path.Split('/')[^1]} {string.Join(',', row.Values)} {row.Error} {string.Join(' ', row.Features.Take(1).SelectMany(feature => feature.Elements.Cast<float>()))}";
}
