using System.Text.Json;
using System.Text.Json.Nodes;

namespace TorchSharp.Fx.Data;

/// <summary>
/// A data set's features in a folder or a bucket, cut into shards that any number of processes compute, here or elsewhere; each shard's
/// result appears whole, and once.
/// </summary>
/// <remarks>
/// <c>job.json</c> has all that the numbers depend on; <c>shards/shard-N.parquet</c> the inputs of shard N; <c>parts/part-N.parquet</c> its
/// result, which counts once
/// <c>parts/part-N.done.json</c> is there; <c>leases</c> says who works on what. A shard may be computed twice, but only one result is
/// kept.
/// </remarks>
public sealed class Job
{
    private const string FileName = "job.json";

    private Job(string folder, JobStore store, JobDefinition definition) => (Folder, Store, Definition) = (folder, store, definition);

    /// <summary>Its folder, or its address in a store of the S3 kind (<c>s3://BUCKET/KEY</c>).</summary>
    public string Folder { get; }

    /// <summary>The same for processes that were started elsewhere: a full path, or the address.</summary>
    public string Location => Store.Location;

    internal bool IsInBucket => Store is S3JobStore;

    /// <summary>The work it does.</summary>
    public JobDefinition Definition { get; }

    /// <summary>The columns of its result.</summary>
    public FeatureSchema Schema => new(Definition.Passed, Definition.Features);

    /// <summary>Opens one that was created.</summary>
    /// <exception cref="InvalidDataException">The folder has no job, or a damaged one.</exception>
    public static Job Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var store = JobStore.Of(folder);
        return store.Read(FileName) is { } definition ? new(folder, store, JobDefinition.Read(definition, store.PathOf(FileName)))
            : throw new InvalidDataException(
                $"The folder '{folder}' has no {FileName}: make a job with 'torchfx job create', or wait until it is made.");
    }

    /// <summary>Lists the inputs, cuts them into shards, and writes what a job is made of; <c>job.json</c> comes last.</summary>
    /// <param name="folder">A folder that is not there yet, or is empty.</param>
    /// <param name="settings">All that the numbers depend on, beside the inputs.</param>
    /// <param name="source">The inputs.</param>
    /// <param name="features">The columns that the model gives.</param>
    /// <param name="shardSize">How many inputs a shard has; the last may have fewer.</param>
    /// <param name="cancellation">Ends it; what is there is then no job.</param>
    /// <exception cref="IOException">The folder has something in it, or can't be written.</exception>
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

    /// <summary>Whether a shard's result is there.</summary>
    /// <param name="shard">Its number.</param>
    /// <exception cref="ArgumentException">The job has no such shard.</exception>
    public bool IsDone(int shard) => Shard(shard).IsDone;

    /// <summary>The shards, each with its files.</summary>
    internal IEnumerable<ShardFiles> Shards => Enumerable.Range(0, Definition.Shards).Select(Shard);

    internal JobStore Store { get; }

    internal ShardFiles Shard(int number) => number >= 0 && number < Definition.Shards ? new(Store, number)
        : throw new ArgumentException($"The job has no shard {number}: it has {Definition.Shards}, from 0.", nameof(number));
}
