using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>An input that is ready for the model, or what is wrong with it.</summary>
internal sealed record LoadedItem(DataItem Item, Tensor? Tensor, string? Error) : IDisposable
{
    public void Dispose() => Tensor?.Dispose();
}

/// <summary>Reads, decodes and preprocesses inputs: reading waits, so many at once; decoding computes, so one a processor.</summary>
internal sealed class ItemLoader(FeaturePipelineOptions options) : IDisposable
{
    private readonly ContentReader reader = new();
    private readonly SemaphoreSlim processors = new(Environment.ProcessorCount);

    internal async Task<LoadedItem> LoadAsync(DataItem item, CancellationToken cancellation)
    {
        try
        {
            var bytes = item.Content switch
            {
                StoredContent stored => await reader.ReadAsync(stored.Location, item.Path, cancellation).ConfigureAwait(false),
                ReadContent read => read.Bytes,
                BrokenContent broken => throw new InvalidDataException(broken.Error),
                _ => default,
            };
            await processors.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await Task.Run(() => new LoadedItem(item, Prepared(item, bytes), null), cancellation).ConfigureAwait(false);
            }
            finally
            {
                processors.Release();
            }
        }
        catch (Exception error) when (RowError.IsInputs(error))
        {
            return new(item, null, RowError.Sentence(error));
        }
    }

    private Tensor Prepared(DataItem item, ReadOnlyMemory<byte> bytes) => OwnThreads.Run(1, () =>
    {
        var decoded = item.Content is TensorContent made ? made.Make() : options.Decode(bytes, item.Path);
        if (options.Preprocess is null)
            return decoded.DetachFromDisposeScope();
        using (decoded)
            return options.Preprocess(decoded).DetachFromDisposeScope();
    });

    public void Dispose()
    {
        reader.Dispose();
        processors.Dispose();
    }
}

/// <summary>Work on a thread of the pool without gradients and with some of the processors; both hold for one thread, which is given back
/// as it was.</summary>
internal static class OwnThreads
{
    internal static T Run<T>(int threads, Func<T> work)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            using var mode = no_grad();
            using var scope = NewDisposeScope();
            return work();
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
