using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Builds a model with random weights.</summary>
/// <param name="num_classes">The number of outputs of the classifier.</param>
/// <param name="device">The device of the weights; null for the default device.</param>
public delegate nn.Module ModelBuilder(long num_classes, Device? device);

/// <summary>The kind of input that a model's <c>forward</c> takes.</summary>
public enum ModelInput
{
    /// <summary>One tensor, a batch of samples of one shape.</summary>
    Batch,

    /// <summary>A list of images [C, H, W] of any sizes: detectors do.</summary>
    Images,

    /// <summary>Two batches of images of one shape: optical flow.</summary>
    Pair,
}

/// <summary>One row of the catalogue: an architecture that <see cref="models.get_model(string, long?, Device?)"/> builds by name.</summary>
/// <param name="name">Its name, torchvision's.</param>
/// <param name="num_params">How many parameters it has with the default number of classes; buffers don't count.</param>
/// <param name="input_shape">One sample's shape at training resolution, without the batch dimension: channels, frames of a video, height,
/// width.</param>
/// <param name="builder">The function that builds it.</param>
public sealed record ModelInfo(string name, long num_params, IReadOnlyList<long> input_shape, ModelBuilder builder)
{
    /// <summary>The number of classes of its published weights; 0 for a model without classes.</summary>
    public long num_classes { get; init; } = 1000;

    /// <summary>The kind of input that its <c>forward</c> takes.</summary>
    public ModelInput input { get; init; } = ModelInput.Batch;

    /// <summary>Whether it is one of <see cref="models.quantization"/>.</summary>
    public bool is_quantizable { get; init; }

    /// <summary>Builds it for published weights, where it is built otherwise than by default; null is <see cref="builder"/>.</summary>
    internal Func<Weights, Device?, nn.Module>? pretrained { get; init; }

    /// <summary>How the keys of published weights begin that it does without.</summary>
    internal IReadOnlyList<string> unused { get; init; } = [];
}
