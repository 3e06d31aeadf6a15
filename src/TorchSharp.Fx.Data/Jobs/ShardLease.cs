using System.Diagnostics;
using System.Text.Json;

namespace TorchSharp.Fx.Data;

/// <summary>Who works on a shard. It gives signs of life as long as its owner lives; without them for a while, the shard is another's to
/// take.</summary>
/// <param name="timeout">That while.</param>
/// <param name="cancellation">Ends the work.</param>
internal abstract class ShardLease(TimeSpan timeout, CancellationToken cancellation) : IAsyncDisposable
{
    private readonly CancellationTokenSource lost = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    private Task beating = Task.CompletedTask;

    /// <summary>Ends when the lease is another's, or the caller wants to end.</summary>
    internal CancellationToken Lost => lost.Token;

    /// <summary>Begins to give signs of life, on a thread of its own: those of the pool are busy with images.</summary>
    internal ShardLease Living()
    {
        beating = Task.Factory.StartNew(Beat, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return this;
    }

    /// <summary>Makes a result known, unless the shard is another's by now.</summary>
    /// <param name="write">Writes the part, and says what it is.</param>
    /// <returns>What it said; null where another's result counts.</returns>
    internal abstract Task<ShardOutcome?> PublishAsync(Func<FileStream, Task<ShardOutcome>> write);

    public async ValueTask DisposeAsync()
    {
        await lost.CancelAsync().ConfigureAwait(false);
        await beating.ConfigureAwait(false);
        await ReleaseAsync().ConfigureAwait(false);
        lost.Dispose();
    }

    /// <summary>Gives a sign of life; false where the lease is another's.</summary>
    private protected abstract bool Touch();

    private protected abstract Task ReleaseAsync();

    private void Beat()
    {
        var last = Stopwatch.GetTimestamp();
        while (!lost.Token.WaitHandle.WaitOne(timeout / 5))
            try
            {
                if (!Touch())
                    lost.Cancel();
                last = Stopwatch.GetTimestamp();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // If no sign of life can be given for long, another takes it.
                if (Stopwatch.GetElapsedTime(last) > timeout * 0.8)
                    lost.Cancel();
            }
    }
}

/// <summary>A process that works on shards.</summary>
/// <param name="Id">Nobody else's.</param>
/// <param name="Host">The machine, and what on it numbers processes: a container has its own.</param>
/// <param name="Process">Its number there.</param>
/// <param name="Beats">How many signs of life it gave, where these are counted.</param>
internal sealed record LeaseOwner(string Id, string Host, int Process, int Beats = 0)
{
    internal static LeaseOwner Create() => new(Guid.NewGuid().ToString("N"), ThisHost, Environment.ProcessId);

    private static string ThisHost { get; } = string.Join(' ', Environment.MachineName, Read("/proc/sys/kernel/random/boot_id"),
        new FileInfo("/proc/self/ns/pid").LinkTarget);

    /// <summary>Whether it is a process of this machine that is there no more: nobody has to wait for it.</summary>
    internal bool IsGone => Host == ThisHost && OperatingSystem.IsLinux()
        && (!Directory.Exists($"/proc/{Process}") || Read($"/proc/{Process}/stat").Split(')')[^1].TrimStart().StartsWith('Z'));

    /// <summary>The content of a lease; null where there is none, or one that can't be read.</summary>
    internal static LeaseOwner? Of(byte[]? lease)
    {
        try
        {
            return lease is null ? null : JsonSerializer.Deserialize<LeaseOwner>(lease);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}

/// <summary>Tells dead owners by this process's own clock: clocks of machines differ, but a lease that does not change while one watches is
/// not touched.</summary>
/// <param name="timeout">After how long without a change.</param>
internal sealed class LeaseWatch(TimeSpan timeout)
{
    private readonly Dictionary<int, (string? Owner, object Mark, long Since)> seen = [];

    internal TimeSpan Timeout => timeout;

    /// <param name="shard">The shard's number.</param>
    /// <param name="owner">Who has it.</param>
    /// <param name="mark">What a sign of life changes.</param>
    internal bool IsDead(int shard, LeaseOwner? owner, object mark)
    {
        if (!seen.TryGetValue(shard, out var before) || before.Owner != owner?.Id || !before.Mark.Equals(mark))
            before = seen[shard] = (owner?.Id, mark, Stopwatch.GetTimestamp());
        return owner?.IsGone == true || Stopwatch.GetElapsedTime(before.Since) > timeout;
    }
}
