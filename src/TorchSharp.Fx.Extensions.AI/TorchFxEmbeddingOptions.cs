namespace TorchSharp.Fx.Extensions.AI;

/// <summary>How a generator gathers images of several callers into batches.</summary>
public sealed class TorchFxEmbeddingOptions
{
    /// <summary>How many images run together at most.</summary>
    public int MaxBatchSize { get; set; } = 8;

    /// <summary>How long the first image of a batch waits for others. While the model is busy, images gather anyway.</summary>
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>How many images are decoded or wait at once; those of callers beyond it wait undecoded.</summary>
    public int Capacity { get; set; } = 256;

    /// <summary>How many batches run at once, each in its share of the threads; 1 for a model that keeps something between calls.</summary>
    public int Workers { get; set; } = 1;

    internal void Require()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(Capacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1);
    }
}
