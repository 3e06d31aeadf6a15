using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace TorchSharp.Fx.Data;

/// <summary>How far a job is.</summary>
/// <param name="Shards">All its shards.</param>
/// <param name="Done">Those that are done.</param>
/// <param name="Rows">Rows of these.</param>
/// <param name="Errors">Those of them with an error.</param>
/// <param name="TotalRows">All rows of the job.</param>
/// <param name="Working">Shards that somebody works on, as far as one can tell.</param>
/// <param name="RowsPerSecond">The rate since the first shard was begun; null before one is done.</param>
/// <param name="Remaining">How long the rest takes at that rate.</param>
public sealed record JobStatus(int Shards, int Done, long Rows, long Errors, long TotalRows, int Working, double? RowsPerSecond,
    TimeSpan? Remaining);

/// <summary>The state of a job's results.</summary>
public static class JobReport
{
    /// <summary>Counts what is done.</summary>
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

    /// <summary>Compares the results with the inputs: every row once, in its place, in files that are as they were written.</summary>
    /// <returns>What is wrong, a sentence each; none if nothing is.</returns>
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

    /// <summary>Writes the parts as one table.</summary>
    /// <param name="job">The job; all its shards are done.</param>
    /// <param name="path">The file.</param>
    /// <param name="metadata">What goes into it.</param>
    /// <param name="cancellation">Ends it; there is then no file.</param>
    /// <exception cref="InvalidDataException">A shard is not done.</exception>
    public static Task MergeAsync(this Job job, string path, IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellation = default) => job.MergeAsync(path, metadata, mapsBeside: false, cancellation);

    /// <summary>
    /// The same, where <paramref name="mapsBeside"/> with maps in <c>.safetensors</c> files beside the table, which it names.
    /// </summary>
    /// <param name="job">The job; all its shards are done.</param>
    /// <param name="path">The file; the maps go into a folder of its name, with <c>.maps</c> behind it.</param>
    /// <param name="metadata">What goes into it.</param>
    /// <param name="mapsBeside">Whether maps go there rather than into the table.</param>
    /// <param name="cancellation">Ends it; there is then no file.</param>
    /// <exception cref="InvalidDataException">A shard is not done.</exception>
    /// <exception cref="IOException">There are maps already.</exception>
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
