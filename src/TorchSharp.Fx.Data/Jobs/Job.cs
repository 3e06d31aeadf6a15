using System.Text.Json;
using System.Text.Json.Nodes;

namespace TorchSharp.Fx.Data;

/// <summary>
/// Computes the features of a data set in shards, with any number of processes on any number of machines. A job lives in a folder or a
/// bucket. Each shard's result is written completely and once.
/// </summary>
/// <remarks>
/// <c>job.json</c> has all settings that affect the results, <c>shards/shard-N.parquet</c> the inputs of shard N, and
/// <c>parts/part-N.parquet</c> its result, which is valid once <c>parts/part-N.done.json</c> exists. <c>leases</c> records which worker has
/// which shard. A shard may be computed twice, but only one result is kept.
/// </remarks>
public sealed class Job
{
    private const string FileName = "job.json";

    private Job(string folder, JobStore store, JobDefinition definition) => (Folder, Store, Definition) = (folder, store, definition);

    /// <summary>The job's folder, or its address in an S3-compatible store (<c>s3://BUCKET/KEY</c>).</summary>
    public string Folder { get; }

    /// <summary>The job's full path or address, for processes with another current folder.</summary>
    public string Location => Store.Location;

    internal bool IsInBucket => Store is S3JobStore;

    /// <summary>The model, nodes and inputs of the job.</summary>
    public JobDefinition Definition { get; }

    /// <summary>The columns of the job's result.</summary>
    public FeatureSchema Schema => new(Definition.Passed, Definition.Features);

    /// <summary>Opens an existing job.</summary>
    /// <exception cref="InvalidDataException">The folder has no job, or the job is damaged.</exception>
    public static Job Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var store = JobStore.Of(folder);
        return store.Read(FileName) is { } definition ? new(folder, store, JobDefinition.Read(definition, store.PathOf(FileName)))
            : throw new InvalidDataException(
                $"The folder '{folder}' has no {FileName}: make a job with 'torchfx job create', or wait until it is made.");
    }

    /// <summary>Creates a job: lists the inputs, splits them into shards, and writes the job's files, <c>job.json</c> last.</summary>
    /// <param name="folder">A folder that doesn't exist or is empty.</param>
    /// <param name="settings">All settings, besides the inputs, that affect the results.</param>
    /// <param name="source">The inputs.</param>
    /// <param name="features">The columns of features that the model computes.</param>
    /// <param name="shardSize">The number of inputs per shard; the last may have fewer.</param>
    /// <param name="cancellation">Cancels the creation; the files written so far are no job.</param>
    /// <exception cref="IOException">The folder isn't empty or can't be written.</exception>
    public static async Task<Job> CreateAsync(string folder, JsonObject settings, DataSource source, IReadOnlyList<FeatureColumn> features,
        int shardSize, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardSize);
        var schema = new FeatureSchema(source.Columns, features).RequireDistinct();
        var store = JobStore.Of(folder);
        if (!await store.TryBeginAsync([ShardFiles.Shards, ShardFiles.Parts, ShardFiles.Leases], cancellation).ConfigureAwait(false))
            throw new IOException($"The folder '{folder}' is not empty, so no job can be made there: choose another one.");
        var (rows, hash) = await ShardManifest.WriteAll(store, source, shardSize, cancellation).ConfigureAwait(false);
        var definition = JobDefinition.Create(settings, schema, rows, shardSize, hash);
        await store.WriteAsync(FileName, stream
            => JsonSerializer.SerializeAsync(stream, definition.ToJson(), JobDefinition.Indented, cancellation), cancellation)
            .ConfigureAwait(false);
        await store.EndAsync().ConfigureAwait(false);
        return new(folder, store, definition);
    }

    /// <summary>Whether a shard's result exists.</summary>
    /// <param name="shard">The shard's number.</param>
    /// <exception cref="ArgumentException">The job has no such shard.</exception>
    public bool IsDone(int shard) => Shard(shard).IsDone;

    /// <summary>The shards, each with its files.</summary>
    internal IEnumerable<ShardFiles> Shards => Enumerable.Range(0, Definition.Shards).Select(Shard);

    internal JobStore Store { get; }

    internal ShardFiles Shard(int number) => number >= 0 && number < Definition.Shards ? new(Store, number)
        : throw new ArgumentException($"The job has no shard {number}: it has {Definition.Shards}, from 0.", nameof(number));
}
