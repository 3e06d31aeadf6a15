namespace TorchSharp.Fx.Extensions.AI;

/// <summary>The settings for gathering images of several callers into batches.</summary>
public sealed class TorchFxEmbeddingOptions
{
    /// <summary>The largest number of images in a batch.</summary>
    public int MaxBatchSize { get; set; } = 8;

    /// <summary>How long the first image of a batch waits for others. While the model is busy, images gather anyway.</summary>
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The largest number of images that are decoded or waiting at once. Further images wait undecoded.</summary>
    public int Capacity { get; set; } = 256;

    /// <summary>
    /// The number of batches that run at once, each with its share of the threads. Use 1 for a model that keeps state between calls.
    /// </summary>
    public int Workers { get; set; } = 1;

    internal void Require()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(Capacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1);
    }
}
