using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>An extractor that computes embeddings, with the transform that prepares images for it.</summary>
public sealed class TorchFxEmbeddingModel : IDisposable
{
    private readonly IReadOnlyList<IDisposable> owned;

    /// <param name="extract">From a batch of images to named tensors whose first dimension is the batch; an extractor's <c>call</c>. It
    /// runs without gradients.</param>
    /// <param name="preprocessing">From a decoded image, uint8 [3, H, W], to what the model takes, without the batch dimension. Called by
    /// several threads at once.</param>
    /// <param name="owned">What is disposed with this.</param>
    public TorchFxEmbeddingModel(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, nn.Module<Tensor, Tensor> preprocessing,
        params IReadOnlyList<IDisposable> owned)
    {
        ArgumentNullException.ThrowIfNull(extract);
        ArgumentNullException.ThrowIfNull(preprocessing);
        (Extract, Preprocessing, this.owned) = (extract, preprocessing, owned);
    }

    /// <summary>The name that callers and telemetry know it by.</summary>
    public string? Id { get; init; }

    /// <summary>The key of the features that are the embedding; null where there is only one.</summary>
    public string? Key { get; init; }

    internal Func<Tensor, IReadOnlyDictionary<string, Tensor>> Extract { get; }

    internal nn.Module<Tensor, Tensor> Preprocessing { get; }

    /// <summary>The value of a node of a model, in eval mode.</summary>
    /// <param name="model">The model; disposed with what is returned, as the preprocessing is.</param>
    /// <param name="node">The node, as <see cref="feature_extraction"/> names it.</param>
    /// <param name="preprocessing">From a decoded image, uint8 [3, H, W], to what the model takes.</param>
    /// <param name="id">The name that callers and telemetry know it by.</param>
    public static TorchFxEmbeddingModel Of(nn.Module model, string node, nn.Module<Tensor, Tensor> preprocessing, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.eval();
        var extractor = feature_extraction.create_feature_extractor(model, [node], tracer_kwargs: new() { modes = TraceModes.eval },
            suppress_diff_warning: true);
        extractor.eval();
        return new(input => extractor.call(input), preprocessing, extractor, preprocessing, model) { Id = id };
    }

    /// <summary>Disposes what it owns.</summary>
    public void Dispose()
    {
        foreach (var part in owned)
            part.Dispose();
    }
}
