namespace TorchSharp.Fx.Data;

/// <summary>Where a job's files lie: a folder, or a bucket of a store of the S3 kind. Their names have slashes.</summary>
/// <remarks>What is asked for here is small and answered at once; contents go by way of <see cref="FetchAsync"/>,
/// <see cref="WriteAsync"/> and a lease.</remarks>
internal abstract class JobStore
{
    internal static JobStore Of(string folder) => ContentLocation.AddressOf(folder) is { Scheme: S3.Scheme } ? new S3JobStore(folder)
        : new FolderJobStore(folder);

    /// <summary>The job's place for processes anywhere: a full path, or an address.</summary>
    internal abstract string Location { get; }

    /// <summary>A file's name as its users know it.</summary>
    internal abstract string PathOf(string name);

    /// <summary>The name of a shard's result, which may depend on its content.</summary>
    internal abstract string PartOf(string shard, string sha256);

    /// <summary>The file that stands there while a job is made: who made it is alone.</summary>
    private protected const string Marker = "job.creating";

    /// <summary>Takes an empty place for a job that is made now; false where there is anything, or another one makes a job.</summary>
    internal abstract Task<bool> TryBeginAsync(IEnumerable<string> folders, CancellationToken cancellation);

    /// <summary>The job is made.</summary>
    internal abstract Task EndAsync();

    internal abstract bool Exists(string name);

    /// <summary>A small file; null where there is none.</summary>
    internal abstract byte[]? Read(string name);

    /// <summary>The names of the files whose names begin so.</summary>
    internal abstract IEnumerable<string> List(string prefix);

    /// <summary>Writes a file that appears whole or not at all.</summary>
    internal abstract Task WriteAsync(string name, Func<Stream, Task> write, CancellationToken cancellation);

    /// <summary>A file's content as a file of this machine.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    internal abstract Task<LocalFile> FetchAsync(string name, CancellationToken cancellation);

    /// <summary>Takes a shard that is nobody's, or whose owner was seen dead; null where it isn't to be had.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="owner">Who takes it.</param>
    /// <param name="watch">What was seen of leases, and after how long an owner without a sign of life is dead.</param>
    /// <param name="isDone">Whether the shard has to be done already.</param>
    /// <param name="cancellation">Ends the work.</param>
    internal abstract Task<ShardLease?> TryTakeAsync(ShardFiles shard, LeaseOwner owner, LeaseWatch watch, bool isDone,
        CancellationToken cancellation);
}

/// <summary>A file of this machine; a copy is gone with its last reader.</summary>
internal sealed record LocalFile(string Path, bool IsCopy) : IDisposable
{
    internal static LocalFile New() => new(System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"torchfx-{Guid.NewGuid():N}"), true);

    public void Dispose()
    {
        if (IsCopy)
            File.Delete(Path);
    }
}
