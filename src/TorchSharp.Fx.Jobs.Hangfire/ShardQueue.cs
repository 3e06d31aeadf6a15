using Hangfire;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>A job's shards as Hangfire's background jobs, a number each: all else stands in the job's folder.</summary>
public static class ShardQueue
{
    internal const string Name = "torchfx";

    /// <summary>Enqueues the shards that are not done. One that is there twice is computed once.</summary>
    /// <param name="storage">The queue.</param>
    /// <param name="job">The job; workers see its folder under the same path.</param>
    /// <returns>How many shards were enqueued.</returns>
    public static int Submit(JobStorage storage, Job job)
    {
        ArgumentNullException.ThrowIfNull(job);
        var client = new BackgroundJobClient(storage);
        var (folder, id, count) = (job.Location, job.Definition.Id, 0);
        foreach (var shard in Enumerable.Range(0, job.Definition.Shards).Where(shard => !job.IsDone(shard)))
        {
            client.Enqueue<ShardRun>(Name, run => run.RunAsync(folder, id, shard, JobCancellationToken.Null));
            count++;
        }
        return count;
    }
}
