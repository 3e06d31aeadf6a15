using System.Runtime.CompilerServices;
using System.Threading.Channels;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>Runs a model over a data set: reading, decoding and preprocessing go on beside the model, all in bounded memory, and rows come
/// out in order.</summary>
/// <remarks>
/// Row r is always at place r mod <see cref="FeaturePipelineOptions.BatchSize"/> of its batch, and a broken or absent neighbour is a sample
/// of zeros there: so the bits of a row do not depend
/// on what became of others. An input that can't be read, or that the model refuses, is a row with an error.
/// </remarks>
public sealed class FeaturePipeline
{
    private readonly FeatureModel model;
    private readonly FeaturePipelineOptions options;

    /// <param name="extract">The model: from a batch to named tensors whose first dimension is the batch. Called by several threads at
    /// once, without gradients; an extractor's <c>call</c> does.</param>
    /// <param name="example">What one input looks like, without the batch dimension; the model runs on it once, to know the columns. It
    /// stays the caller's.</param>
    /// <param name="options">Batches, threads, decoding; null is the defaults.</param>
    /// <exception cref="ArgumentException">A feature is no tensor of the batch.</exception>
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

    /// <summary>The rows of all inputs, in their order.</summary>
    /// <param name="items">The inputs, by ascending row.</param>
    /// <param name="progress">Is told after every row.</param>
    /// <param name="cancellation">Ends the run.</param>
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
