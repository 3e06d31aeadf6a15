using System.Diagnostics;
using System.Threading.Channels;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>Runs what several callers bring in batches: as many as are there, up to a number, and after a time at the latest.</summary>
/// <param name="run">Runs a batch.</param>
/// <param name="options">Sizes and times.</param>
/// <param name="telemetry">Is told of all.</param>
internal sealed class MicroBatcher(Func<IReadOnlyList<LoadedItem>, ImageVector[]> run, TorchFxEmbeddingOptions options,
    EmbeddingTelemetry telemetry) : IAsyncDisposable
{
    // What bounds it is how many images may be decoded at once.
    private readonly Channel<Waiting> queue = Channel.CreateUnbounded<Waiting>();
    private readonly SemaphoreSlim workers = new(options.Workers);
    private readonly Lock starting = new();
    private Task? loop;

    /// <summary>The vector of an image, which this disposes.</summary>
    internal async Task<ImageVector> RunAsync(LoadedItem item, CancellationToken cancellation)
    {
        var waiting = new Waiting(item);
        // What nobody waits for any longer is dropped when its turn comes.
        using var cancelling = cancellation.Register(() => waiting.Result.TrySetCanceled(cancellation));
        telemetry.Queued(1);
        if (!queue.Writer.TryWrite(waiting))
        {
            telemetry.Queued(-1);
            item.Dispose();
            throw Disposed();
        }
        Start();
        return await waiting.Result.Task.ConfigureAwait(false);
    }

    private void Start()
    {
        lock (starting)
            if (loop is null)
                // What belongs to the first caller, its activity too, is not to go on in the loop.
                using (ExecutionContext.SuppressFlow())
                    loop = Task.Run(Loop, CancellationToken.None);
    }

    private async Task Loop()
    {
        while (await queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            // First somebody to do it: meanwhile the batch grows.
            await workers.WaitAsync().ConfigureAwait(false);
            var batch = await Gather().ConfigureAwait(false);
            _ = Task.Run(() =>
            {
                try
                {
                    Run(batch);
                }
                finally
                {
                    workers.Release();
                }
            }, CancellationToken.None);
        }
    }

    private async Task<List<Waiting>> Gather()
    {
        var batch = new List<Waiting>(options.MaxBatchSize);
        using var deadline = new CancellationTokenSource();
        while (batch.Count < options.MaxBatchSize)
        {
            if (queue.Reader.TryRead(out var next))
            {
                telemetry.Queued(-1);
                if (next.Result.Task.IsCompleted)
                {
                    next.Item.Dispose();
                    continue;
                }
                batch.Add(next);
                if (batch.Count == 1)
                    deadline.CancelAfter(Rest(next));
            }
            else if (batch.Count == 0 || !await MoreComes(deadline.Token).ConfigureAwait(false))
                break;
        }
        return batch;
    }

    private TimeSpan Rest(Waiting first)
        => options.MaxDelay - Stopwatch.GetElapsedTime(first.Since) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;

    private async Task<bool> MoreComes(CancellationToken deadline)
    {
        try
        {
            return await queue.Reader.WaitToReadAsync(deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Run(List<Waiting> batch)
    {
        if (batch.Count == 0)
            return;
        try
        {
            var vectors = telemetry.Batch([.. batch.Select(one => one.Caller)], () => run([.. batch.Select(one => one.Item)]));
            foreach (var (one, vector) in batch.Zip(vectors))
                one.Result.TrySetResult(vector);
        }
        catch (Exception error)
        {
            batch.ForEach(one => one.Result.TrySetException(error));
        }
        finally
        {
            batch.ForEach(one => one.Item.Dispose());
        }
    }

    /// <summary>Lets what runs end, and refuses what waits.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!queue.Writer.TryComplete())
            return;
        while (queue.Reader.TryRead(out var waiting))
        {
            telemetry.Queued(-1);
            waiting.Item.Dispose();
            waiting.Result.TrySetException(Disposed());
        }
        if (loop is not null)
            await loop.ConfigureAwait(false);
        for (var worker = 0; worker < options.Workers; worker++)
            await workers.WaitAsync().ConfigureAwait(false);
        workers.Dispose();
    }

    private static ObjectDisposedException Disposed() => new(nameof(TorchFxEmbeddingGenerator));

    /// <summary>An image whose turn has not come.</summary>
    private sealed record Waiting(LoadedItem Item)
    {
        internal long Since { get; } = Stopwatch.GetTimestamp();

        internal ActivityContext Caller { get; } = Activity.Current?.Context ?? default;

        internal TaskCompletionSource<ImageVector> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
