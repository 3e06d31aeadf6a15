using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace TorchSharp.Fx.Data;

/// <summary>A job's files in a folder, on a disk or on a file system that machines share.</summary>
internal sealed class FolderJobStore(string folder) : JobStore
{
    // Since when the locks of shards can't be had.
    private readonly ConcurrentDictionary<int, long> blocked = new();

    internal override string Location => Path.GetFullPath(folder);

    internal override string PathOf(string name) => Path.Combine([folder, .. name.Split('/')]);

    internal override string PartOf(string shard, string sha256) => $"{shard}.parquet";

    internal override Task<bool> TryBeginAsync(IEnumerable<string> folders, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        try
        {
            File.Open(PathOf(Marker), FileMode.CreateNew).Dispose();
        }
        catch (IOException) when (File.Exists(PathOf(Marker)))
        {
            return Task.FromResult(false);
        }
        if (Directory.EnumerateFileSystemEntries(folder).Any(entry => Path.GetFileName(entry) != Marker))
        {
            File.Delete(PathOf(Marker));
            return Task.FromResult(false);
        }
        foreach (var name in folders)
            Directory.CreateDirectory(PathOf(name));
        return Task.FromResult(true);
    }

    internal override Task EndAsync()
    {
        File.Delete(PathOf(Marker));
        return Task.CompletedTask;
    }

    internal override bool Exists(string name) => File.Exists(PathOf(name));

    internal override byte[]? Read(string name)
    {
        try
        {
            return File.ReadAllBytes(PathOf(name));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    internal override IEnumerable<string> List(string prefix)
    {
        var (inner, start) = (prefix[..prefix.LastIndexOf('/')], prefix[(prefix.LastIndexOf('/') + 1)..]);
        return Directory.Exists(PathOf(inner))
            ? Directory.EnumerateFiles(PathOf(inner), $"{start}*").Select(file => $"{inner}/{Path.GetFileName(file)}") : [];
    }

    internal override Task WriteAsync(string name, Func<Stream, Task> write, CancellationToken cancellation)
        => AtomicFile.WriteDurably(PathOf(name), write);

    internal override Task<LocalFile> FetchAsync(string name, CancellationToken cancellation)
        => File.Exists(PathOf(name)) ? Task.FromResult(new LocalFile(PathOf(name), IsCopy: false))
            : throw new FileNotFoundException($"There is no file '{PathOf(name)}'.", PathOf(name));

    internal override async Task<ShardLease?> TryTakeAsync(ShardFiles shard, LeaseOwner owner, LeaseWatch watch, bool isDone,
        CancellationToken cancellation)
    {
        if (IsAnothers(shard, watch))
            return null;
        using var locked = await LockOrBreakAsync(shard, watch.Timeout, cancellation).ConfigureAwait(false);
        // Another one may have come first while this one waited.
        if (locked is null || shard.IsDone != isDone || IsAnothers(shard, watch))
            return null;
        var (path, temporary) = (PathOf(shard.Lease), $"{PathOf(shard.Lease)}.{owner.Id}");
        await File.WriteAllBytesAsync(temporary, JsonSerializer.SerializeToUtf8Bytes(owner), cancellation).ConfigureAwait(false);
        File.Move(temporary, path, overwrite: true);
        return new FileLease(this, shard, owner, watch.Timeout, cancellation).Living();
    }

    private bool IsAnothers(ShardFiles shard, LeaseWatch watch) => Exists(shard.Lease)
        && !watch.IsDead(shard.Number, LeaseOwner.Of(Read(shard.Lease)), File.GetLastWriteTimeUtc(PathOf(shard.Lease)));

    /// <summary>
    /// The lock of a shard; one that a process has held for longer than a lease lasts is broken, for it hangs. What such a process does
    /// when it goes on, it finds not to be its own any more.
    /// </summary>
    private async Task<FileStream?> LockOrBreakAsync(ShardFiles shard, TimeSpan timeout, CancellationToken cancellation)
    {
        if (await LockAsync(shard, cancellation).ConfigureAwait(false) is { } locked)
        {
            blocked.TryRemove(shard.Number, out _);
            return locked;
        }
        if (Stopwatch.GetElapsedTime(blocked.GetOrAdd(shard.Number, _ => Stopwatch.GetTimestamp())) <= timeout)
            return null;
        try
        {
            File.Delete(PathOf(shard.Lock));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Windows deletes no file that is open.
            return null;
        }
        return await LockAsync(shard, cancellation).ConfigureAwait(false);
    }

    /// <summary>The system holds the lock for one process, and lets it go when that dies; null where it can't be had soon.</summary>
    private async Task<FileStream?> LockAsync(ShardFiles shard, CancellationToken cancellation)
    {
        for (var attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                return new FileStream(PathOf(shard.Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (error.HResult is 11 or 35 or unchecked((int)0x80070020))
            {
                // EWOULDBLOCK of Linux or macOS, or a sharing violation: another process has it.
                await Task.Delay(10, cancellation).ConfigureAwait(false);
            }
            // EROFS, a read-only file system.
            catch (Exception error) when (error is UnauthorizedAccessException or IOException { HResult: 30 })
            {
                throw new IOException(
                    $"The job's folder '{folder}' takes no new files: change its rights, or copy the job to another folder.", error);
            }
        }
        return null;
    }

    /// <summary>A file that its owner touches.</summary>
    private sealed class FileLease(FolderJobStore store, ShardFiles shard, LeaseOwner owner, TimeSpan timeout,
        CancellationToken cancellation) : ShardLease(timeout, cancellation)
    {
        private string Path => store.PathOf(shard.Lease);

        private bool IsOwned => LeaseOwner.Of(store.Read(shard.Lease))?.Id == owner.Id;

        private protected override bool Touch()
        {
            var isOwned = IsOwned;
            if (isOwned)
                File.SetLastWriteTimeUtc(Path, DateTime.UtcNow);
            return isOwned;
        }

        private protected override Task ReleaseAsync() => WhileOwned(() => File.Delete(Path));

        /// <summary>The part first, then what says that it is done: so what is said is always of a whole part.</summary>
        internal override async Task<ShardOutcome?> PublishAsync(Func<FileStream, Task<ShardOutcome>> write)
        {
            var part = store.PathOf(store.PartOf(shard.Part, ""));
            // What a worker that was killed left behind.
            foreach (var left in Directory.GetFiles(System.IO.Path.GetDirectoryName(part)!, $"{System.IO.Path.GetFileName(part)}.*.tmp"))
                File.Delete(left);
            ShardOutcome? outcome = null;
            await AtomicFile.WriteDurably(part, async stream => outcome = await write(stream).ConfigureAwait(false), async move =>
            {
                var isOwned = await WhileOwned(() =>
                {
                    // A crash between the two moves leaves a shard that is not done.
                    File.Delete(store.PathOf(shard.Done));
                    move();
                    store.WriteAsync(shard.Done, outcome!.WriteAsync, CancellationToken.None).GetAwaiter().GetResult();
                }).ConfigureAwait(false);
                outcome = isOwned ? outcome : null;
            }).ConfigureAwait(false);
            return outcome;
        }

        /// <summary>Does something while nobody else can take the shard; not at all where it is another's already.</summary>
        private async Task<bool> WhileOwned(Action act)
        {
            for (var wait = 0; ; wait++)
            {
                using var locked = await store.LockAsync(shard, CancellationToken.None).ConfigureAwait(false);
                if (locked is null && wait < 100)
                    continue;
                if (locked is null || !IsOwned)
                    return false;
                act();
                return true;
            }
        }
    }
}
