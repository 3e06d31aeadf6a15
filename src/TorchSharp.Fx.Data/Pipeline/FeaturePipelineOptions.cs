using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>How a pipeline works.</summary>
public sealed record FeaturePipelineOptions
{
    // What bounds the memory on machines with many processors: how many images are worked on at once, where that is more than two batches.
    private const int ImagesAtOnce = 32;

    /// <summary>How many inputs run together.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>From bytes, and the name for a message, to a tensor that the caller disposes; images by default.</summary>
    public Func<ReadOnlyMemory<byte>, string, Tensor> Decode { get; init; } = (bytes, name) => io.Decode(bytes.Span, name);

    /// <summary>From what was decoded to what the model takes, without the batch dimension; null leaves it as it is. Called by several
    /// threads at once.</summary>
    public Func<Tensor, Tensor>? Preprocess { get; init; }

    /// <summary>How many batches run at once, each in its share of the threads; 1 for a model that keeps something between calls.</summary>
    public int Workers { get => workers ?? Math.Min(get_num_threads(), Math.Max(2, ImagesAtOnce / BatchSize)); init => workers = value; }

    /// <summary>Whether features are float16 in the result.</summary>
    public bool IsHalf { get; init; }

    /// <summary>Whether a broken input ends the run.</summary>
    public bool FailFast { get; init; }

    private readonly int? workers;

    /// <summary>The threads of one batch. Batches beside each other lose less than threads that meet after every operation.</summary>
    internal int Threads => Math.Max(1, get_num_threads() / Workers);

    /// <summary>How many inputs are read or decoded while others run: enough for the next batches, and for addresses that answer
    /// slowly.</summary>
    internal int Ahead => Math.Max(16, 2 * BatchSize);
}
