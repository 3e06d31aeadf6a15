using Hangfire;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>
/// Puts a job's shards into Hangfire as background jobs. A background job has only the shard's number; everything else is in the job's
/// folder.
/// </summary>
public static class ShardQueue
{
    internal const string Name = "torchfx";

    /// <summary>Enqueues the shards that are not done. A shard that is enqueued twice is computed once.</summary>
    /// <param name="storage">The queue.</param>
    /// <param name="job">The job; workers must see its folder under the same path.</param>
    /// <returns>The number of enqueued shards.</returns>
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
