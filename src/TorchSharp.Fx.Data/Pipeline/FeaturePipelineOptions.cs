using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>The settings of a pipeline.</summary>
public sealed record FeaturePipelineOptions
{
    // What bounds the memory on machines with many processors: how many images are worked on at once, where that is more than two batches.
    private const int ImagesAtOnce = 32;

    /// <summary>The number of inputs in a batch.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>
    /// Decodes bytes to a tensor, which the caller disposes; the second argument is the input's name for messages. Decodes images by
    /// default.
    /// </summary>
    public Func<ReadOnlyMemory<byte>, string, Tensor> Decode { get; init; } = (bytes, name) => io.Decode(bytes.Span, name);

    /// <summary>
    /// The transform from a decoded tensor to the model's input, without the batch dimension; null for none. Several threads call it at
    /// once.
    /// </summary>
    public Func<Tensor, Tensor>? Preprocess { get; init; }

    /// <summary>
    /// The number of batches that run at once, each with its share of the threads. Use 1 for a model that keeps state between calls.
    /// </summary>
    public int Workers { get => workers ?? Math.Min(get_num_threads(), Math.Max(2, ImagesAtOnce / BatchSize)); init => workers = value; }

    /// <summary>Whether the results are float16.</summary>
    public bool IsHalf { get; init; }

    /// <summary>Whether a broken input ends the run with an exception.</summary>
    public bool FailFast { get; init; }

    private readonly int? workers;

    /// <summary>The threads of one batch. Batches beside each other lose less than threads that meet after every operation.</summary>
    internal int Threads => Math.Max(1, get_num_threads() / Workers);

    /// <summary>How many inputs are read or decoded while others run: enough for the next batches, and for addresses that answer
    /// slowly.</summary>
    internal int Ahead => Math.Max(16, 2 * BatchSize);
}
