using System.Text.Json;
using Amazon.S3.Model;

namespace TorchSharp.Fx.Data;

/// <summary>A job's files in a bucket of a store that puts objects on conditions (<c>If-None-Match</c>, <c>If-Match</c>).</summary>
/// <remarks>A result's name has a piece of its checksum, and what says that a shard is done names it. That is put once: so of several
/// results one counts, and none is ever changed.</remarks>
internal sealed class S3JobStore(string address) : JobStore
{
    private const int HashDigits = 16;

    internal override string Location => address.TrimEnd('/');

    internal override string PathOf(string name) => $"{Location}/{name}";

    internal override string PartOf(string shard, string sha256) => $"{shard}.{sha256[..HashDigits]}.parquet";

    internal override async Task<bool> TryBeginAsync(IEnumerable<string> folders, CancellationToken cancellation)
    {
        if (await PutIfAsync(Marker, [], null, cancellation).ConfigureAwait(false) is null)
            return false;
        if (!List("").Any(name => name != Marker))
            return true;
        await EndAsync().ConfigureAwait(false);
        return false;
    }

    internal override Task EndAsync() => DeleteAsync(Marker);

    internal override bool Exists(string name) => List(name).Any(found => found == name);

    internal override byte[]? Read(string name) => Wait(TryReadAsync(name))?.Content;

    internal override IEnumerable<string> List(string prefix)
    {
        var (bucket, folder) = S3.Parts($"{Location}/");
        var request = new ListObjectsV2Request { BucketName = bucket, Prefix = folder + prefix };
        do
        {
            var page = Wait(S3.Telling(PathOf(prefix), () => S3.Client.ListObjectsV2Async(request)));
            foreach (var found in page.S3Objects ?? [])
                yield return found.Key[folder.Length..];
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (request.ContinuationToken is not null);
    }

    internal override async Task WriteAsync(string name, Func<Stream, Task> write, CancellationToken cancellation)
    {
        using var file = LocalFile.New();
        using var stream = new FileStream(file.Path, FileMode.CreateNew, FileAccess.ReadWrite);
        await write(stream).ConfigureAwait(false);
        await PutAsync(name, stream, cancellation).ConfigureAwait(false);
    }

    internal override Task<LocalFile> FetchAsync(string name, CancellationToken cancellation) => S3.Telling(PathOf(name), async () =>
    {
        using var response = await S3.GetAsync(PathOf(name), 0, null, cancellation).ConfigureAwait(false);
        var file = LocalFile.New();
        try
        {
            using var stream = new FileStream(file.Path, FileMode.CreateNew, FileAccess.Write);
            await response.ResponseStream.CopyToAsync(stream, cancellation).ConfigureAwait(false);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    });

    internal override async Task<ShardLease?> TryTakeAsync(ShardFiles shard, LeaseOwner owner, LeaseWatch watch, bool isDone,
        CancellationToken cancellation)
    {
        var found = await TryReadAsync(shard.Lease).ConfigureAwait(false);
        if (found is { } lease && !watch.IsDead(shard.Number, LeaseOwner.Of(lease.Content), lease.Tag))
            return null;
        var tag = await PutIfAsync(shard.Lease, JsonSerializer.SerializeToUtf8Bytes(owner), found?.Tag, cancellation).ConfigureAwait(false);
        if (tag is null)
            return null;
        var done = await TryReadAsync(shard.Done).ConfigureAwait(false);
        var taken = new ObjectLease(this, shard, owner, tag, done?.Tag, watch.Timeout, cancellation).Living();
        if (done is null != isDone)
            return taken;
        // Another one came first, between the look at the shard and the lease.
        await taken.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    private async Task<(byte[] Content, string Tag)?> TryReadAsync(string name)
    {
        try
        {
            return await S3.Telling(PathOf(name), async () =>
            {
                using var response = await S3.GetAsync(PathOf(name), 0, null, CancellationToken.None).ConfigureAwait(false);
                using var content = new MemoryStream();
                await response.ResponseStream.CopyToAsync(content).ConfigureAwait(false);
                return (content.ToArray(), response.ETag);
            }).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private Task<string?> PutIfAsync(string name, byte[] content, string? tag, CancellationToken cancellation)
        => S3.PutIfAsync(PathOf(name), new MemoryStream(content), tag, cancellation);

    private async Task PutAsync(string name, FileStream stream, CancellationToken cancellation)
    {
        stream.Position = 0;
        await S3.PutAsync(PathOf(name), stream, cancellation).ConfigureAwait(false);
    }

    private async Task DeleteAsync(string name)
    {
        var (bucket, key) = S3.Parts(PathOf(name));
        await S3.Telling(PathOf(name), () => S3.Client.DeleteObjectAsync(bucket, key)).ConfigureAwait(false);
    }

    // Small requests; who asks is a thread of its own, never one that others wait for.
    private static T Wait<T>(Task<T> request) => request.GetAwaiter().GetResult();

    /// <summary>An object that only its owner's tag changes.</summary>
    /// <param name="store">The job's files.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="owner">Who has it.</param>
    /// <param name="tag">The lease's tag.</param>
    /// <param name="done">The tag of what says that the shard is done, when the lease was taken.</param>
    /// <param name="timeout">After how long without a sign of life it is another's to take.</param>
    /// <param name="cancellation">Ends the work.</param>
    private sealed class ObjectLease(S3JobStore store, ShardFiles shard, LeaseOwner owner, string tag, string? done, TimeSpan timeout,
        CancellationToken cancellation) : ShardLease(timeout, cancellation)
    {
        private string tag = tag;
        private int beats;

        private protected override bool Touch()
        {
            // Other content, so that the tag is another.
            var content = JsonSerializer.SerializeToUtf8Bytes(owner with { Beats = ++beats });
            if (Wait(store.PutIfAsync(shard.Lease, content, tag, CancellationToken.None)) is not { } changed)
                return false;
            tag = changed;
            return true;
        }

        private protected override async Task ReleaseAsync()
        {
            if (await store.TryReadAsync(shard.Lease).ConfigureAwait(false) is { } lease && LeaseOwner.Of(lease.Content)?.Id == owner.Id)
                await store.DeleteAsync(shard.Lease).ConfigureAwait(false);
        }

        /// <summary>The part under a name of its own first, then, if nobody was faster, what says that it is the shard's.</summary>
        internal override async Task<ShardOutcome?> PublishAsync(Func<FileStream, Task<ShardOutcome>> write)
        {
            using var file = LocalFile.New();
            using var stream = new FileStream(file.Path, FileMode.CreateNew, FileAccess.ReadWrite);
            var outcome = await write(stream).ConfigureAwait(false);
            var part = shard.PartOf(outcome);
            await store.PutAsync(part, stream, Lost).ConfigureAwait(false);
            using var said = new MemoryStream();
            await outcome.WriteAsync(said).ConfigureAwait(false);
            var isFirst = await store.PutIfAsync(shard.Done, said.ToArray(), done, Lost).ConfigureAwait(false) is not null;
            var counts = isFirst ? outcome : shard.Outcome();
            // What others, or killed ones, put in vain.
            foreach (var other in store.List($"{shard.Part}.").Where(name => name.EndsWith(".parquet", StringComparison.Ordinal)).ToArray())
                if (counts is not null && other != shard.PartOf(counts) && (isFirst || other == part))
                    await store.DeleteAsync(other).ConfigureAwait(false);
            return isFirst ? outcome : null;
        }
    }
}
