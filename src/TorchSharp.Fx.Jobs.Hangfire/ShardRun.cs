using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using TorchSharp.Fx.Data;
using Job = TorchSharp.Fx.Data.Job;

namespace TorchSharp.Fx.Jobs.Hangfire;

/// <summary>A worker's run of a shard, by its number.</summary>
/// <param name="options">Whom it tells.</param>
/// <param name="worker">The worker of a job.</param>
/// <param name="stopping">The server's end.</param>
internal sealed class ShardRun(ShardServerOptions options, Func<Job, JobWorker> worker, CancellationToken stopping)
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(5);

    /// <summary>Computes a shard, unless it is done.</summary>
    /// <remarks>It ends early by the server's end alone. Hangfire's token ends too when the shard was given to another server, and that is
    /// no reason: whoever has the lease goes on.</remarks>
    [AutomaticRetry(Attempts = 4, DelaysInSeconds = [10, 30, 60, 300], ExceptOn = [typeof(InvalidDataException)]), TakenShardWaits]
    public async Task RunAsync(string folder, string id, int shard, IJobCancellationToken cancellation)
    {
        var job = Job.Open(folder);
        if (job.Definition.Id != id)
            throw new InvalidDataException($"The job in '{folder}' is not the one that was submitted: submit it again.");
        if (job.IsDone(shard))
            return;
        if (await ComputeAsync(worker(job), shard, cancellation).ConfigureAwait(false) is { } outcome)
            options.Done?.Invoke(job, outcome);
        else if (!job.IsDone(shard))
            throw new ShardTakenException(shard, options.Timeout / 2);
    }

    private async Task<ShardOutcome?> ComputeAsync(JobWorker worker, int shard, IJobCancellationToken cancellation)
    {
        try
        {
            return await worker.TryRunAsync(shard, stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Hangfire puts back what was cancelled when its own token has ended, and counts it as failed before.
            cancellation.ShutdownToken.WaitHandle.WaitOne(Moment);
            throw;
        }
    }
}

/// <summary>Another worker has the lease of a shard. Whether it lives shows later.</summary>
internal sealed class ShardTakenException(int shard, TimeSpan wait) : Exception($"Another worker has shard {shard}.")
{
    internal TimeSpan Wait => wait;
}

/// <summary>A shard that another worker has comes again later: it is no failure, and nobody waits for it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TakenShardWaitsAttribute : JobFilterAttribute, IElectStateFilter
{
    /// <inheritdoc/>
    public void OnStateElection(ElectStateContext context)
    {
        if (context.CandidateState is FailedState { Exception: ShardTakenException taken })
            context.CandidateState = new ScheduledState(taken.Wait) { Reason = taken.Message };
    }
}
