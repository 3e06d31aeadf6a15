using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Data;

/// <summary>Computes shards of a job, next to other workers of the same job.</summary>
/// <param name="job">The job.</param>
/// <param name="pipeline">The model of the job.</param>
/// <param name="metadata">The metadata of every result file; it must be the same in all processes.</param>
/// <param name="timeout">The time without a heartbeat after which another worker counts as dead.</param>
public sealed class JobWorker(Job job, FeaturePipeline pipeline, IReadOnlyDictionary<string, string> metadata, TimeSpan timeout)
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);

    private readonly LeaseOwner owner = LeaseOwner.Create();
    private readonly LeaseWatch watch = new(timeout);

    /// <summary>Receives the progress after every row.</summary>
    public IProgress<PipelineProgress>? Progress { get; init; }

    /// <summary>Computes shards until all are done: first free shards, then those of dead workers.</summary>
    /// <param name="shards">The shards' numbers; null for all of the job.</param>
    /// <param name="cancellation">Cancels the work; unfinished shards stay free.</param>
    /// <returns>The shards that this worker computed, each when it is done.</returns>
    public async IAsyncEnumerable<ShardOutcome> RunAsync(IEnumerable<int>? shards = null,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var open = (shards?.Select(job.Shard) ?? job.Shards).ToList();
        RemoveDone(open);
        for (var pause = ShortestPause; open.Count > 0;)
        {
            var isIdle = true;
            foreach (var shard in open)
                if (await TryRunAsync(shard.Number, cancellation).ConfigureAwait(false) is { } outcome)
                {
                    isIdle = false;
                    yield return outcome;
                }
            RemoveDone(open);
            // Others have the rest: whether they live is seen by looking again. The end is seen soon, and a long wait asks seldom.
            pause = isIdle ? pause * 1.5 : ShortestPause;
            if (open.Count > 0 && isIdle)
                await Task.Delay(pause < timeout / 10 ? pause : timeout / 10, cancellation).ConfigureAwait(false);
        }
    }

    private void RemoveDone(List<ShardFiles> open)
    {
        var done = ShardFiles.AllDone(job.Store).ToHashSet();
        open.RemoveAll(shard => done.Contains(shard.Number));
    }

    /// <summary>Computes one shard, unless it is done or another worker has it.</summary>
    /// <param name="number">The shard's number.</param>
    /// <param name="cancellation">Cancels the work; the shard is then not done.</param>
    /// <returns>The result; null when there was nothing to do or another worker took the shard over.</returns>
    public Task<ShardOutcome?> TryRunAsync(int number, CancellationToken cancellation = default)
        => job.Shard(number) is { IsDone: false } shard
            ? Leased(shard, lost => pipeline.RunAsync(ShardManifest.ReadAsync(job, shard, lost), Progress, lost), cancellation)
            : Task.FromResult<ShardOutcome?>(null);

    /// <summary>Computes the rows with errors of finished shards again, and keeps all other rows.</summary>
    /// <param name="cancellation">Cancels the work; the old results stay.</param>
    /// <returns>The new results of the shards that had errors.</returns>
    public async Task<IReadOnlyList<ShardOutcome>> RetryAsync(CancellationToken cancellation = default)
    {
        var outcomes = new List<ShardOutcome>();
        foreach (var shard in job.Shards.Where(shard => shard.Outcome()?.Errors > 0))
            if (await Leased(shard, lost => Mended(shard, lost), cancellation, isRetry: true).ConfigureAwait(false) is { } outcome)
                outcomes.Add(outcome);
        return outcomes;
    }

    private async IAsyncEnumerable<FeatureRow> Mended(ShardFiles shard, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var part = await job.Store.FetchAsync(shard.PartOf(shard.Outcome()!), cancellation).ConfigureAwait(false);
        var broken = FeatureTableReader.ReadOutcomes(part.Path).Where(row => row.Error is not null).Select(row => row.Row).ToHashSet();
        var inputs = ShardManifest.ReadAsync(job, shard, cancellation).Where(item => broken.Contains(item.Row));
        var again = pipeline.RunAsync(inputs, Progress, cancellation).GetAsyncEnumerator(cancellation);
        await using var _ = again.ConfigureAwait(false);
        foreach (var row in FeatureTableReader.Read(part.Path, job.Schema))
            yield return row.Error is null ? row : await again.MoveNextAsync().ConfigureAwait(false) ? again.Current
                : throw new UnreachableException();
    }

    private async Task<ShardOutcome?> Leased(ShardFiles shard, Func<CancellationToken, IAsyncEnumerable<FeatureRow>> rows,
        CancellationToken cancellation, bool isRetry = false)
    {
        var lease = await job.Store.TryTakeAsync(shard, owner, watch, isRetry, cancellation).ConfigureAwait(false);
        if (lease is null)
            return null;
        await using var _ = lease.ConfigureAwait(false);
        try
        {
            return await Publish(shard, lease, rows(lease.Lost)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // It was taken over: another does it.
            return null;
        }
    }

    private Task<ShardOutcome?> Publish(ShardFiles shard, ShardLease lease, IAsyncEnumerable<FeatureRow> rows)
    {
        var time = Stopwatch.StartNew();
        return lease.PublishAsync(async stream =>
        {
            var (count, errors) = (0L, 0L);
            using (var table = new FeatureTableWriter(stream, job.Schema, metadata))
            {
                await foreach (var row in rows.ConfigureAwait(false))
                {
                    table.Add(row);
                    count++;
                    errors += row.Error is null ? 0 : 1;
                }
                table.Complete();
            }
            stream.Position = 0;
            var hash = await ShardFiles.HashOf(stream, lease.Lost).ConfigureAwait(false);
            return new(shard.Number, count, errors, hash, stream.Length, time.Elapsed.TotalSeconds,
                DateTime.UtcNow, $"{Environment.MachineName} {Environment.ProcessId}");
        });
    }
}
