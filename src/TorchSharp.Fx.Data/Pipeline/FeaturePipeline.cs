using System.Runtime.CompilerServices;
using System.Threading.Channels;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>
/// Runs a model over a data set. Reading, decoding and preprocessing run in parallel with the model, in bounded memory. Rows come out in
/// order.
/// </summary>
/// <remarks>
/// Row r is always at index r mod <see cref="FeaturePipelineOptions.BatchSize"/> of its batch, and a broken or missing row is replaced by
/// zeros. So a row's result is bit for bit the same whether others fail or not. An input that can't be read, or that the model refuses,
/// gives a row with an error.
/// </remarks>
public sealed class FeaturePipeline
{
    private readonly FeatureModel model;
    private readonly FeaturePipelineOptions options;

    /// <param name="extract">The model: computes, from a batch, named tensors whose first dimension is the batch, e.g. an extractor's
    /// <c>call</c>. Several threads call it at once, without gradients.</param>
    /// <param name="example">An example of one input, without the batch dimension. The model runs on it once to find the columns. The
    /// caller disposes it.</param>
    /// <param name="options">Batches, threads, decoding; the defaults when null.</param>
    /// <exception cref="ArgumentException">A feature is no tensor whose first dimension is the batch.</exception>
    public FeaturePipeline(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, Tensor example,
        FeaturePipelineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(extract);
        ArgumentNullException.ThrowIfNull(example);
        this.options = options ?? new();
        model = new(extract, example, this.options);
    }

    /// <summary>The columns of features, in the order of the model.</summary>
    public IReadOnlyList<FeatureColumn> Columns => model.Columns;

    /// <summary>Computes the rows of all inputs, in order.</summary>
    /// <param name="items">The inputs, in ascending order of their rows.</param>
    /// <param name="progress">Receives the progress after every row.</param>
    /// <param name="cancellation">Cancels the run.</param>
    /// <exception cref="InvalidDataException">An input is broken, and <see cref="FeaturePipelineOptions.FailFast"/> is set.</exception>
    public async IAsyncEnumerable<FeatureRow> RunAsync(IAsyncEnumerable<DataItem> items, IProgress<PipelineProgress>? progress = null,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var loader = new ItemLoader(options);
        var loading = Channel.CreateBounded<Task<LoadedItem>>(new BoundedChannelOptions(options.Ahead) { SingleReader = true,
            SingleWriter = true });
        var computing = Channel.CreateBounded<Task<FeatureRow[]>>(new BoundedChannelOptions(options.Workers) { SingleReader = true,
            SingleWriter = true });
        var load = Fill(loading.Writer, Load(items, loading.Writer, loader, stop.Token));
        var compute = Fill(computing.Writer, Batch(loading.Reader, computing.Writer, stop.Token));
        try
        {
            var (rows, errors) = (0L, 0L);
            await foreach (var batch in computing.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
                foreach (var row in await batch.ConfigureAwait(false))
                {
                    if (row.Error is not null && options.FailFast)
                        throw new InvalidDataException(row.Error);
                    progress?.Report(new(++rows, errors += row.Error is null ? 0 : 1));
                    yield return row;
                }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(load, compute).ConfigureAwait(false);
            await Discard(loading.Reader, computing.Reader).ConfigureAwait(false);
        }
    }

    /// <summary>The end of a stage, good or bad, is the end of the channel that it fills.</summary>
    private static async Task Fill<T>(ChannelWriter<T> writer, Task stage)
    {
        await stage.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)
            .ConfigureAwait(false);
        writer.TryComplete(stage.IsCanceled ? new OperationCanceledException() : stage.Exception?.InnerException);
    }

    private static async Task Load(IAsyncEnumerable<DataItem> items, ChannelWriter<Task<LoadedItem>> loading, ItemLoader loader,
        CancellationToken cancellation)
    {
        // A source may list a folder or read an archive: not on the caller's thread.
        await Task.Yield();
        await foreach (var item in items.WithCancellation(cancellation).ConfigureAwait(false))
        {
            // Nothing is read before there is room for it.
            await loading.WaitToWriteAsync(cancellation).ConfigureAwait(false);
            loading.TryWrite(loader.LoadAsync(item, cancellation));
        }
    }

    private async Task Batch(ChannelReader<Task<LoadedItem>> loading, ChannelWriter<Task<FeatureRow[]>> computing,
        CancellationToken cancellation)
    {
        using var workers = new SemaphoreSlim(options.Workers);
        var started = new List<Task>();
        var batch = new List<LoadedItem>();
        try
        {
            await foreach (var next in loading.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                var item = await next.ConfigureAwait(false);
                if (batch is [var first, ..] && first.Item.Row / options.BatchSize != item.Item.Row / options.BatchSize)
                    await Start().ConfigureAwait(false);
                batch.Add(item);
            }
            if (batch.Count > 0)
                await Start().ConfigureAwait(false);
        }
        finally
        {
            batch.ForEach(item => item.Dispose());
            await Task.WhenAll(started.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default))).ConfigureAwait(false);
        }

        async Task Start()
        {
            await computing.WaitToWriteAsync(cancellation).ConfigureAwait(false);
            var full = batch;
            batch = [];
            started.RemoveAll(task => task.IsCompleted);
            var task = Compute(full, workers, cancellation);
            started.Add(task);
            computing.TryWrite(task);
        }
    }

    private async Task<FeatureRow[]> Compute(List<LoadedItem> batch, SemaphoreSlim workers, CancellationToken cancellation)
    {
        try
        {
            await workers.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await Task.Run(() => model.Run(batch), cancellation).ConfigureAwait(false);
            }
            finally
            {
                workers.Release();
            }
        }
        finally
        {
            batch.ForEach(item => item.Dispose());
        }
    }

    private static async Task Discard(ChannelReader<Task<LoadedItem>> loading, ChannelReader<Task<FeatureRow[]>> computing)
    {
        while (loading.TryRead(out var next))
            await next.ContinueWith(task =>
            {
                if (task.IsCompletedSuccessfully)
                    task.Result.Dispose();
            }, TaskScheduler.Default).ConfigureAwait(false);
        while (computing.TryRead(out var batch))
            await batch.ContinueWith(task => _ = task.Exception, TaskScheduler.Default).ConfigureAwait(false);
    }
}
