using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace TorchSharp.Fx.Data;

/// <summary>The progress of a job.</summary>
/// <param name="Shards">The number of shards.</param>
/// <param name="Done">The number of shards that are done.</param>
/// <param name="Rows">The number of rows in the shards that are done.</param>
/// <param name="Errors">The number of these rows with an error.</param>
/// <param name="TotalRows">The number of rows in the job.</param>
/// <param name="Working">The number of shards that a live worker seems to have.</param>
/// <param name="RowsPerSecond">The average rate since the first shard was started; null before one is done.</param>
/// <param name="Remaining">The estimated time for the rest at that rate.</param>
public sealed record JobStatus(int Shards, int Done, long Rows, long Errors, long TotalRows, int Working, double? RowsPerSecond,
    TimeSpan? Remaining);

/// <summary>Reports on a job's results, and merges them.</summary>
public static class JobReport
{
    /// <summary>Counts the shards and rows that are done.</summary>
    public static JobStatus Status(this Job job)
    {
        ArgumentNullException.ThrowIfNull(job);
        ShardOutcome[] outcomes = [.. ShardFiles.AllDone(job.Store).Select(shard => job.Shard(shard).Outcome()).OfType<ShardOutcome>()];
        var working = ShardFiles.AllLeased(job.Store)
            .Count(shard => LeaseOwner.Of(job.Store.Read(job.Shard(shard).Lease)) is { IsGone: false });
        var rows = outcomes.Sum(outcome => outcome.Rows);
        double? rate = null;
        if (outcomes.Length > 0)
        {
            var begun = outcomes.Min(outcome => outcome.Finished.AddSeconds(-outcome.Seconds));
            rate = rows / Math.Max((outcomes.Max(outcome => outcome.Finished) - begun).TotalSeconds, 1e-3);
        }
        return new(job.Definition.Shards, outcomes.Length, rows, outcomes.Sum(outcome => outcome.Errors), job.Definition.Rows, working,
            rate,
            rate > 0 ? TimeSpan.FromSeconds((job.Definition.Rows - rows) / rate.Value) : null);
    }

    /// <summary>Checks the results: every input has exactly one row, in its place, and no file has changed since it was written.</summary>
    /// <returns>One sentence for each thing that is wrong; none when all is right.</returns>
    public static async IAsyncEnumerable<string> VerifyAsync(this Job job,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        using var inputs = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var shard in job.Shards)
        {
            if (job.Store.Exists(shard.Manifest))
            {
                using var manifest = await job.Store.FetchAsync(shard.Manifest, cancellation).ConfigureAwait(false);
                inputs.AppendData(Convert.FromHexString(await ShardFiles.HashOf(manifest.Path, cancellation).ConfigureAwait(false)));
            }
            if (await Wrong(job, shard, cancellation).ConfigureAwait(false) is { } sentence)
                yield return sentence;
        }
        if (Convert.ToHexStringLower(inputs.GetHashAndReset()) != job.Definition.Inputs)
            yield return $"The inputs in '{ShardFiles.Shards}' are not those that the job was made of.";
    }

    /// <summary>Merges the results of all shards into one table.</summary>
    /// <param name="job">The job; all its shards must be done.</param>
    /// <param name="path">The file.</param>
    /// <param name="metadata">The table's metadata.</param>
    /// <param name="cancellation">Cancels the merge; no file is written then.</param>
    /// <exception cref="InvalidDataException">A shard is not done.</exception>
    public static Task MergeAsync(this Job job, string path, IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellation = default) => job.MergeAsync(path, metadata, mapsBeside: false, cancellation);

    /// <summary>
    /// The same, but with <paramref name="mapsBeside"/> the maps go into <c>.safetensors</c> files beside the table, which names them.
    /// </summary>
    /// <param name="job">The job; all its shards must be done.</param>
    /// <param name="path">The file. The maps go into a folder beside it, with the same name but <c>.maps</c> instead of the
    /// extension.</param>
    /// <param name="metadata">The table's metadata.</param>
    /// <param name="mapsBeside">Whether maps go into that folder instead of the table.</param>
    /// <param name="cancellation">Cancels the merge; no file is written then.</param>
    /// <exception cref="InvalidDataException">A shard is not done.</exception>
    /// <exception cref="IOException">The folder of maps already exists.</exception>
    public static async Task MergeAsync(this Job job, string path, IReadOnlyDictionary<string, string> metadata, bool mapsBeside,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        if (job.Definition.Shards - ShardFiles.AllDone(job.Store).Count() is var open and > 0)
            throw new InvalidDataException(
                $"{open} of the job's {job.Definition.Shards} shards are not done: run it first, or read the files in '{ShardFiles.Parts}'.");
        await TableFile.WriteAsync(path, mapsBeside, job.Schema, metadata, async table =>
        {
            foreach (var shard in job.Shards)
            {
                using var part = await job.Store.FetchAsync(shard.PartOf(shard.Outcome()!), cancellation).ConfigureAwait(false);
                foreach (var row in FeatureTableReader.Read(part.Path, job.Schema))
                {
                    cancellation.ThrowIfCancellationRequested();
                    table.Add(row);
                }
            }
        }).ConfigureAwait(false);
    }

    private static async Task<string?> Wrong(Job job, ShardFiles shard, CancellationToken cancellation)
    {
        if (shard.Outcome() is not { } outcome)
            return $"Shard {shard.Number} is not done.";
        var (path, done) = (job.Store.PathOf(shard.PartOf(outcome)), job.Store.PathOf(shard.Done));
        if (!job.Store.Exists(shard.PartOf(outcome)))
            return $"Shard {shard.Number} is said to be done, but '{path}' is missing: delete '{done}' and run the job again.";
        using var part = await job.Store.FetchAsync(shard.PartOf(outcome), cancellation).ConfigureAwait(false);
        if (new FileInfo(part.Path).Length != outcome.Bytes
            || await ShardFiles.HashOf(part.Path, cancellation).ConfigureAwait(false) != outcome.Sha256)
            return $"'{path}' is not as it was written: delete '{done}' and run the job again.";
        var rows = FeatureTableReader.ReadOutcomes(part.Path).ToArray();
        var inputs = await ShardManifest.ReadAsync(job, shard, cancellation).Select(item => (item.Row, item.Path))
            .ToArrayAsync(cancellation).ConfigureAwait(false);
        return rows.Select(row => (row.Row, row.Path)).SequenceEqual(inputs) && rows.Length == outcome.Rows
            && rows.Count(row => row.Error is not null) == outcome.Errors ? null
            : $"'{path}' has other rows than '{job.Store.PathOf(shard.Manifest)}'.";
    }
}
