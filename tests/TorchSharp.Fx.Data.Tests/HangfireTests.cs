using System.Collections.Concurrent;
using System.Net;
using Hangfire;
using Hangfire.States;
using TorchSharp.Fx.Cli.Tests;
using TorchSharp.Fx.Jobs.Hangfire;
using static TorchSharp.Fx.Data.Tests.SampleJobs;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Shards by Hangfire: whatever it does twice, or whatever becomes of its storage, every row is there once.</summary>
public sealed class HangfireTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ConcurrentQueue<string> warnings = [];

    public static TheoryData<string> Storages => ["sqlite", "postgres"];

    public void Dispose() => folder.Dispose();

    [Theory, MemberData(nameof(Storages))]
    public async Task Several_servers_share_the_shards_and_compute_each_once(string kind)
    {
        var storage = Storage(kind);
        var job = await Create(folder, "job", pictures: 10, shardSize: 2);
        Assert.Equal(5, ShardQueue.Submit(storage, job));
        // Submitted again by mistake.
        Assert.Equal(5, ShardQueue.Submit(storage, job));
        var done = new List<int>();
        await using var one = await Serve(storage, job, done);
        await using var other = await Serve(storage, job, done);
        Assert.Equal(0, await one.WaitUntilEmptyAsync(TestContext.Current.CancellationToken));
        Assert.Equal([0, 1, 2, 3, 4], done.Order());
        await AssertUndisturbed(folder, job);
        Assert.Equal(0, ShardQueue.Submit(storage, job));
    }

    [Theory, MemberData(nameof(Storages))]
    public async Task A_shard_that_takes_longer_than_the_timeout_is_computed_once_and_keeps_nobody_from_the_others(string kind)
    {
        var limit = TimeSpan.FromSeconds(3);
        var storage = Storage(kind, limit);
        var job = await Create(folder, "job", pictures: 4, shardSize: 2);
        ShardQueue.Submit(storage, job);
        var (done, calls) = (new List<int>(), 0);
        using var hold = new SemaphoreSlim(0);
        var slow = Worker(job, limit, input =>
        {
            // The first is the one that the columns are known by.
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        });
        await using var one = await ShardServer.StartAsync(storage, _ => slow, Options(done, limit));
        while (Volatile.Read(ref calls) < 2)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await using var other = await Serve(storage, job, done, limit);
        // Long enough for Hangfire to give the first shard to the other server, if it wants to.
        await Task.Delay(2.5 * limit, TestContext.Current.CancellationToken);
        Assert.Single(done);
        hold.Release();
        Assert.Equal(0, await one.WaitUntilEmptyAsync(TestContext.Current.CancellationToken));
        Assert.Empty(warnings);
        Assert.Equal([0, 1], done.Order());
        Assert.Equal(2, calls);
        await AssertUndisturbed(folder, job);
    }

    [Theory, MemberData(nameof(Storages))]
    public async Task A_server_that_ends_puts_its_shard_back_for_others(string kind)
    {
        var storage = Storage(kind);
        var job = await Create(folder, "job", pictures: 4, shardSize: 2);
        ShardQueue.Submit(storage, job);
        var (done, calls) = (new List<int>(), 0);
        using var hold = new SemaphoreSlim(0);
        var worker = Worker(job, model: input =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        });
        var ending = await ShardServer.StartAsync(storage, _ => worker, Options(done));
        while (Volatile.Read(ref calls) < 2)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        var end = ending.DisposeAsync().AsTask();
        // Until the shard has been told to end; it can't, as long as its model computes.
        await Task.WhenAny(end, Task.Delay(1000, TestContext.Current.CancellationToken));
        hold.Release();
        await end;
        Assert.Empty(done);
        Assert.Equal((2, 0), (storage.GetMonitoringApi().EnqueuedCount("torchfx"), storage.GetMonitoringApi().ScheduledCount()));
        await using var other = await Serve(storage, job, done);
        Assert.Equal(0, await other.WaitUntilEmptyAsync(TestContext.Current.CancellationToken));
        Assert.Equal([0, 1], done.Order());
        await AssertUndisturbed(folder, job);
    }

    [Fact]
    public async Task PostgreSQL_that_is_restarted_in_the_middle_loses_nothing()
    {
        var storage = Storage("postgres");
        var job = await Create(folder, "job", pictures: 12, shardSize: 2);
        ShardQueue.Submit(storage, job);
        var (done, calls) = (new List<int>(), 0);
        using var hold = new SemaphoreSlim(0);
        var worker = Worker(job, model: input =>
        {
            if (Interlocked.Increment(ref calls) == 4)
                hold.Wait(TestContext.Current.CancellationToken);
            return Models.Means(input);
        });
        await using var server = await ShardServer.StartAsync(storage, _ => worker, Options(done));
        while (Volatile.Read(ref calls) < 4)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        postgres.Stop();
        // The third shard ends while there is no storage to tell.
        hold.Release();
        while (!job.IsDone(2))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        postgres.Start();
        Assert.Equal(0, await server.WaitUntilEmptyAsync(TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(0, 6), done.Order());
        await AssertUndisturbed(folder, job);
    }

    [Fact]
    public async Task A_worker_runs_nothing_else_that_a_storage_names()
    {
        var storage = Storage("sqlite");
        await File.WriteAllTextAsync(folder["precious"], "", TestContext.Current.CancellationToken);
        var path = folder["precious"];
        new BackgroundJobClient(storage).Create(() => File.Delete(path), new EnqueuedState("torchfx"));
        var job = await Create(folder, "job", pictures: 1, shardSize: 1);
        var told = new List<string>();
        await using var server = await ShardServer.StartAsync(storage, _ => Worker(job), new() { Warn = sentence =>
        {
            lock (told)
                told.Add(sentence);
        } });
        while (storage.GetMonitoringApi().GetStatistics() is { Scheduled: 0, Failed: 0 })
            await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public async Task A_job_that_is_not_the_submitted_one_fails_and_is_told()
    {
        var storage = Storage("sqlite");
        var job = await Create(folder, "job", pictures: 1, shardSize: 1);
        ShardQueue.Submit(storage, job);
        Directory.Delete(job.Folder, recursive: true);
        Pictures.Write(folder["in", "another.png"], 9);
        job = await Create(folder, "job", pictures: 1, shardSize: 1);
        var done = new List<int>();
        await using var server = await Serve(storage, job, done);
        Assert.Equal(1, await server.WaitUntilEmptyAsync(TestContext.Current.CancellationToken));
        Assert.Empty(done);
        Assert.Equal($"The job in '{job.Folder}' is not the one that was submitted: submit it again.",
            Assert.Single(storage.GetMonitoringApi().FailedJobs(0, 10)).Value.ExceptionMessage);
    }

    [Fact]
    public async Task The_dashboard_is_for_this_machine_and_for_those_who_have_the_token()
    {
        var job = await Create(folder, "job", pictures: 1, shardSize: 1);
        await using var server = await Serve(Storage("sqlite"), job, []);
        Assert.Equal("127.0.0.1", server.Address.Host);
        using var browser = new HttpClient();
        var token = TestContext.Current.CancellationToken;
        var plain = new Uri(server.Address, "/");
        foreach (var refused in new[] { plain, new Uri(plain, "/jobs/enqueued"), new Uri(plain, "/?token=0123") })
            Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync(refused, token)).StatusCode);
        var page = await browser.GetAsync(server.Address, token);
        // The address that is shown has no token any more.
        Assert.Equal((HttpStatusCode.OK, plain), (page.StatusCode, page.RequestMessage!.RequestUri));
        Assert.Contains("<title>", await page.Content.ReadAsStringAsync(token));
        var queue = await browser.GetAsync(new Uri(plain, "/jobs/enqueued"), token);
        Assert.Equal(HttpStatusCode.OK, queue.StatusCode);
        Assert.DoesNotContain(folder.Root, await queue.Content.ReadAsStringAsync(token));
    }

    [Theory]
    [InlineData("redis://127.0.0.1")]
    [InlineData("sqlite://")]
    [InlineData("postgres://127.0.0.1")]
    public void An_address_of_no_storage_is_refused(string address)
        => Assert.Equal("The storage has to be 'sqlite://FILE' or 'postgres://USER:PASSWORD@HOST:PORT/DATABASE'. (Parameter 'address')",
            Assert.Throws<ArgumentException>(() => ShardStorage.Open(address)).Message);

    [Fact]
    public void A_storage_that_can_not_be_opened_is_told_without_its_password()
    {
        var server = Assert.Throws<IOException>(() => ShardStorage.Open("postgres://me:secret@127.0.0.1:1/jobs"));
        Assert.StartsWith("The storage 'jobs' on 127.0.0.1:1 can't be opened: ", server.Message);
        Assert.DoesNotContain("secret", server.Message);
        var file = Assert.Throws<IOException>(() => ShardStorage.Open($"sqlite://{folder["none", "queue.db"]}"));
        Assert.StartsWith($"The storage '{folder["none", "queue.db"]}' can't be opened: ", file.Message);
    }

    private JobStorage Storage(string kind, TimeSpan? timeout = null)
    {
        if (kind == "postgres")
            Assert.SkipUnless(PostgresServer.IsHere, PostgresServer.Missing);
        return ShardStorage.Open(kind == "sqlite" ? $"sqlite://{folder["queue.db"]}" : postgres.Address, timeout);
    }

    private Task<ShardServer> Serve(JobStorage storage, Job job, List<int> done, TimeSpan? timeout = null)
    {
        var worker = Worker(job, timeout);
        return ShardServer.StartAsync(storage, _ => worker, Options(done, timeout));
    }

    private ShardServerOptions Options(List<int> done, TimeSpan? timeout = null) => new()
    {
        Timeout = timeout ?? TimeSpan.FromMinutes(1),
        Done = (_, outcome) =>
        {
            lock (done)
                done.Add(outcome.Shard);
        },
        Warn = warnings.Enqueue,
    };
}
