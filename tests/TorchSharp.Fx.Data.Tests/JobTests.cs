using System.Diagnostics;
using TorchSharp.Fx.Cli.Tests;
using static TorchSharp.Fx.Data.Tests.SampleJobs;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Whoever works on a job, in whatever order and however often, its rows are there once, with the same bytes.</summary>
public sealed class JobTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_job_s_parts_have_all_rows_once_and_merged_they_are_what_one_run_gives()
    {
        var job = await Create("job", pictures: 11, shardSize: 4);
        Assert.Equal((3, 11L), (job.Definition.Shards, job.Definition.Rows));
        var outcomes = await Worker(job).RunAsync(cancellation: TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal([(0, 4L, 0L), (1, 4, 0), (2, 3, 0)], outcomes.Select(outcome => (outcome.Shard, outcome.Rows, outcome.Errors)));
        Assert.Empty(await Wrong(job));
        await job.MergeAsync(folder["merged.parquet"], new Dictionary<string, string> { ["model"] = "the test's" },
            TestContext.Current.CancellationToken);
        await TableTests.Write(DataSource.Open([folder["in"]]), folder["whole.parquet"], isHalf: false);
        Assert.Equal(File.ReadAllBytes(folder["whole.parquet"]), File.ReadAllBytes(folder["merged.parquet"]));
        Assert.Equal(Enumerable.Range(0, 11).Select(row => (object)(long)row),
            TableTests.Query($"select row from '{folder["job", "parts", "*.parquet"]}' order by row").Select(row => row[0]));
        Assert.Empty(Directory.GetFiles(folder["job", "leases"], "*.lease"));
        var status = job.Status();
        Assert.Equal((3, 3, 11L, 0L, 0), (status.Shards, status.Done, status.Rows, status.Errors, status.Working));
        Assert.Empty(await Worker(job).RunAsync(cancellation: TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_shard_that_a_live_worker_has_is_not_done_by_another()
    {
        var job = await Create("job", pictures: 2, shardSize: 2);
        using var hold = new SemaphoreSlim(0);
        var calls = 0;
        var first = Worker(job, Soon, input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        }).TryRunAsync(0, TestContext.Current.CancellationToken);
        while (!File.Exists(folder["job", "leases", "shard-00000.lease"]) || job.Status().Working == 0)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        // Longer than the timeout: the first gives signs of life all the time.
        var other = Worker(job, Soon);
        for (var watched = Stopwatch.StartNew(); watched.Elapsed < 2 * Soon; await Task.Delay(50, TestContext.Current.CancellationToken))
            Assert.Null(await other.TryRunAsync(0, TestContext.Current.CancellationToken));
        hold.Release();
        Assert.NotNull(await first);
        Assert.Empty(await Wrong(job));
    }

    [Fact]
    public async Task A_worker_ends_soon_after_another_has_done_the_last_shard()
    {
        var job = await Create("job", pictures: 2, shardSize: 2);
        using var hold = new SemaphoreSlim(0);
        var calls = 0;
        var first = Worker(job, TimeSpan.FromHours(1), input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        }).TryRunAsync(0, TestContext.Current.CancellationToken);
        while (!File.Exists(folder["job", "leases", "shard-00000.lease"]))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        var waiting = Task.Run(() => Worker(job, TimeSpan.FromHours(1)).RunAsync(cancellation: TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken).AsTask(), TestContext.Current.CancellationToken);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        hold.Release();
        Assert.NotNull(await first);
        // A tenth of the timeout, six minutes, would be the longest pause.
        Assert.Empty(await waiting.WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_a_worker_leaves_that_gives_no_sign_of_life_is_taken_over_and_a_late_result_is_dropped()
    {
        var job = await Create("job", pictures: 4, shardSize: 2);
        var lease = folder["job", "leases", "shard-00000.lease"];
        using var hold = new SemaphoreSlim(0);
        var calls = 0;
        var late = Worker(job, timeout: TimeSpan.FromHours(1), model: input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        }).TryRunAsync(0, TestContext.Current.CancellationToken);
        while (!File.Exists(lease))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        // The late one beats once in twelve minutes: for others it hangs.
        var outcomes = await Worker(job, Soon).RunAsync(cancellation: TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal([0, 1], outcomes.Select(outcome => outcome.Shard).Order());
        var part = File.ReadAllBytes(folder["job", "parts", "part-00000.parquet"]);
        hold.Release();
        Assert.Null(await late);
        Assert.Equal(part, File.ReadAllBytes(folder["job", "parts", "part-00000.parquet"]));
        Assert.Empty(await Wrong(job));
        Assert.Empty(Directory.GetFiles(folder["job", "parts"], "*.tmp"));
    }

    [Fact]
    public async Task A_lease_of_a_process_that_is_gone_keeps_nobody_waiting()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere one waits for the timeout.");
        var job = await Create("job", pictures: 2, shardSize: 2);
        var gone = LeaseOwner.Create() with { Id = "gone", Process = int.MaxValue };
        await File.WriteAllTextAsync(folder["job", "leases", "shard-00000.lease"], System.Text.Json.JsonSerializer.Serialize(gone),
            TestContext.Current.CancellationToken);
        Assert.NotNull(await Worker(job, TimeSpan.FromHours(1)).TryRunAsync(0, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Many_workers_at_once_do_every_shard_once()
    {
        var job = await Create("job", pictures: 24, shardSize: 2);
        var done = await Task.WhenAll(Enumerable.Range(0, 4)
            .Select(_ => Task.Run(async ()
            => await Worker(job).RunAsync(cancellation: TestContext.Current.CancellationToken)
            .ToListAsync(TestContext.Current.CancellationToken))));
        Assert.Equal(Enumerable.Range(0, 12), done.SelectMany(outcomes => outcomes).Select(outcome => outcome.Shard).Order());
        Assert.Empty(await Wrong(job));
    }

    [Fact]
    public async Task Retry_computes_the_broken_rows_alone_and_all_bytes_are_then_those_of_an_undisturbed_run()
    {
        var good = await Create("good", pictures: 10, shardSize: 5);
        await Run(good);
        string[] broken = [folder["in", "3.png"], folder["in", "7.png"], folder["in", "8.png"]];
        foreach (var path in broken)
            File.Move(path, path + ".away");
        // The list was made while they were there.
        CopyInputs("good", "job");
        var job = Job.Open(folder["job"]);
        await Run(job);
        Assert.Equal(3, job.Status().Errors);
        Assert.Empty(await Wrong(job));
        foreach (var path in broken)
            File.Move(path + ".away", path);
        var computed = new List<long>();
        var outcomes = await Worker(job, model: input =>
        {
            computed.Add(input.abs().sum([1, 2, 3]).count_nonzero().item<long>());
            return Models.Means(input);
        }).RetryAsync(TestContext.Current.CancellationToken);
        Assert.Equal([(0, 0L), (1, 0)], outcomes.Select(outcome => (outcome.Shard, outcome.Errors)));
        // After the one to know the columns by.
        Assert.Equal(3, computed.Skip(1).Sum());
        Assert.Empty(await Wrong(job));
        foreach (var part in new[] { "part-00000.parquet", "part-00001.parquet" })
            Assert.Equal(File.ReadAllBytes(folder["good", "parts", part]), File.ReadAllBytes(folder["job", "parts", part]));
    }

    [Fact]
    public async Task Verify_tells_what_is_missing_changed_or_of_other_inputs()
    {
        var job = await Create("job", pictures: 8, shardSize: 2);
        await Worker(job).TryRunAsync(0, TestContext.Current.CancellationToken);
        await Worker(job).TryRunAsync(1, TestContext.Current.CancellationToken);
        await Worker(job).TryRunAsync(2, TestContext.Current.CancellationToken);
        string Part(int shard) => folder["job", "parts", $"part-0000{shard}.parquet"];
        File.Delete(Part(0));
        using (var part = File.OpenWrite(Part(1)))
        {
            part.Position = 100;
            part.WriteByte(77);
        }
        File.Copy(folder["job", "shards", "shard-00000.parquet"], folder["job", "shards", "shard-00002.parquet"], overwrite: true);
        string Done(int shard) => folder["job", "parts", $"part-0000{shard}.done.json"];
        Assert.Equal([
            $"Shard 0 is said to be done, but '{Part(0)}' is missing: delete '{Done(0)}' and run the job again.",
            $"'{Part(1)}' is not as it was written: delete '{Done(1)}' and run the job again.",
            $"'{Part(2)}' has other rows than '{folder["job", "shards", "shard-00002.parquet"]}'.",
            "Shard 3 is not done.",
            "The inputs in 'shards' are not those that the job was made of."], await Wrong(job));
    }

    [Fact]
    public async Task Of_several_that_make_a_job_in_one_folder_one_does()
    {
        await Create("first", pictures: 2, shardSize: 2);
        for (var round = 0; round < 5; round++)
        {
            var name = $"race{round}";
            var tries = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
            {
                try
                {
                    return await Job.CreateAsync(folder[name], [], DataSource.Open([folder["in"]]), Models.Pipeline().Columns, 1 + (i % 2),
                        TestContext.Current.CancellationToken);
                }
                catch (IOException refused)
                {
                    Assert.Equal($"The folder '{folder[name]}' is not empty, so no job can be made there: choose another one.", refused.Message);
                    return null;
                }
            }));
            var made = Assert.Single(await Task.WhenAll(tries), job => job is not null)!;
            Assert.Equal(made.Definition.Id, Job.Open(folder[name]).Definition.Id);
            Assert.Equal(made.Definition.Shards, Directory.GetFiles(folder[name, "shards"]).Length);
            Assert.False(File.Exists(folder[name, "job.creating"]));
        }
    }

    [Fact]
    public async Task A_job_is_made_only_in_an_empty_folder_and_opened_only_as_it_was_made()
    {
        await Create("job", pictures: 2, shardSize: 2);
        var full = await Assert.ThrowsAsync<IOException>(() => Create("job", pictures: 2, shardSize: 2));
        Assert.Equal($"The folder '{folder["job"]}' is not empty, so no job can be made there: choose another one.", full.Message);
        var path = folder["job", "job.json"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"rows\": 2", "\"rows\": 3"));
        Assert.Equal($"'{path}' was changed after it was made: its id is not that of its content.",
            Assert.Throws<InvalidDataException>(() => Job.Open(folder["job"])).Message);
        File.WriteAllText(path, "{");
        Assert.StartsWith($"'{path}' is damaged: ", Assert.Throws<InvalidDataException>(() => Job.Open(folder["job"])).Message);
    }

    [Fact]
    public async Task Inputs_in_archives_and_broken_ones_are_listed_and_read_again()
    {
        using (var zip = System.IO.Compression.ZipFile.Open(folder["in.zip"], System.IO.Compression.ZipArchiveMode.Create))
        {
            await using var stream = zip.CreateEntry("a/1.png").Open();
            await stream.WriteAsync(SourceTests.Picture(5), TestContext.Current.CancellationToken);
        }
        foreach (var name in new[] { "a.tar", "b.tar.gz" })
            await SourceTests.WriteTar(folder[name], name.EndsWith("gz", StringComparison.Ordinal));
        await File.WriteAllTextAsync(folder["m.jsonl"], "{\"path\": \"none.png\", \"n\": 3}\nno object\n",
            TestContext.Current.CancellationToken);
        var source = DataSource.Open([folder["in.zip"], folder["a.tar"], folder["b.tar.gz"], folder["m.jsonl"]]);
        var direct = await Models.Pipeline(new() { BatchSize = 4 }).Rows(source);
        var job = await Job.CreateAsync(folder["job"], [], source, Models.Pipeline().Columns, 3, TestContext.Current.CancellationToken);
        await Run(job);
        var rows = Directory.GetFiles(folder["job", "parts"], "*.parquet").Order()
            .SelectMany(part => FeatureTableReader.Read(part, job.Schema)).ToArray();
        Assert.Equal(direct.Select(Text), rows.Select(Text));
        Assert.Equal(9, rows.Length);

        static string Text(FeatureRow row)
            => $"{row.Row} {row.Path} {string.Join(',', row.Values)} {row.Error} {string.Join(' ', row.Features.Take(1).SelectMany(feature => feature.Elements.Cast<float>()))}";
    }

    private Task<Job> Create(string name, int pictures, int shardSize) => SampleJobs.Create(folder, name, pictures, shardSize);

    private void CopyInputs(string from, string to) => SampleJobs.CopyInputs(folder, from, to);
}
