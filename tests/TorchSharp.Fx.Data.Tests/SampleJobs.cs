using System.Text.Json.Nodes;
using TorchSharp.Fx.Cli.Tests;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Jobs over small pictures in a test's folder.</summary>
internal static class SampleJobs
{
    internal static async Task<Job> Create(TemporaryFolder folder, string name, int pictures, int shardSize)
    {
        foreach (var i in Enumerable.Range(0, pictures))
            Pictures.Write(folder["in", $"{i}.png"], i);
        return await Job.CreateAsync(folder[name], new JsonObject { ["model"] = "means" }, DataSource.Open([folder["in"]]),
            Models.Pipeline().Columns, shardSize, TestContext.Current.CancellationToken);
    }

    /// <summary>The same job again, with nothing done.</summary>
    internal static void CopyInputs(TemporaryFolder folder, string from, string to)
    {
        foreach (var part in new[] { "parts", "leases", "shards" })
            Directory.CreateDirectory(folder[to, part]);
        foreach (var file in Directory.GetFiles(folder[from, "shards"]).Append(folder[from, "job.json"]))
            File.Copy(file, Path.Combine(folder[to], Path.GetRelativePath(folder[from], file)));
    }

    internal static JobWorker Worker(Job job, TimeSpan? timeout = null, Func<Tensor, IReadOnlyDictionary<string, Tensor>>? model = null)
        => new(job, Models.Pipeline(new() { BatchSize = 4, Workers = 1 }, model), new Dictionary<string,
            string> { ["model"] = "the test's" }, timeout ?? TimeSpan.FromMinutes(1));

    internal static async Task Run(Job job)
        => await Worker(job).RunAsync(cancellation: TestContext.Current.CancellationToken)
        .ToListAsync(TestContext.Current.CancellationToken);

    internal static async Task<List<string>> Wrong(Job job)
        => await job.VerifyAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

    /// <summary>Fails unless every row is there once, with the bytes that an undisturbed run gives.</summary>
    internal static async Task AssertUndisturbed(TemporaryFolder folder, Job job)
    {
        Assert.Empty(await Wrong(job));
        CopyInputs(folder, Path.GetFileName(job.Folder), "undisturbed");
        await Run(Job.Open(folder["undisturbed"]));
        foreach (var part in Directory.GetFiles(folder["undisturbed", "parts"], "*.parquet"))
            Assert.Equal(File.ReadAllBytes(part), File.ReadAllBytes(Path.Combine(job.Folder, "parts", Path.GetFileName(part))));
    }
}
