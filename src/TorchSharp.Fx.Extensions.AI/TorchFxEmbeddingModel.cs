using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>An extractor that computes embeddings, with the transform that prepares images for it.</summary>
public sealed class TorchFxEmbeddingModel : IDisposable
{
    private readonly IReadOnlyList<IDisposable> owned;

    /// <param name="extract">Computes, from a batch of images, named tensors whose first dimension is the batch, e.g. an extractor's
    /// <c>call</c>. It runs without gradients.</param>
    /// <param name="preprocessing">The transform from a decoded image, uint8 [3, H, W], to the model's input without the batch dimension.
    /// Several threads call it at once.</param>
    /// <param name="owned">Objects to dispose with this one.</param>
    public TorchFxEmbeddingModel(Func<Tensor, IReadOnlyDictionary<string, Tensor>> extract, nn.Module<Tensor, Tensor> preprocessing,
        params IReadOnlyList<IDisposable> owned)
    {
        ArgumentNullException.ThrowIfNull(extract);
        ArgumentNullException.ThrowIfNull(preprocessing);
        (Extract, Preprocessing, this.owned) = (extract, preprocessing, owned);
    }

    /// <summary>The model id, for callers and telemetry.</summary>
    public string? Id { get; init; }

    /// <summary>The key of the feature that is the embedding; may be null if there is only one.</summary>
    public string? Key { get; init; }

    internal Func<Tensor, IReadOnlyDictionary<string, Tensor>> Extract { get; }

    internal nn.Module<Tensor, Tensor> Preprocessing { get; }

    /// <summary>Makes an embedding model from a node of a model, in eval mode.</summary>
    /// <param name="model">The model. It and the preprocessing are disposed with the result.</param>
    /// <param name="node">The node's name in <see cref="feature_extraction"/>.</param>
    /// <param name="preprocessing">The transform from a decoded image, uint8 [3, H, W], to the model's input.</param>
    /// <param name="id">The model id, for callers and telemetry.</param>
    public static TorchFxEmbeddingModel Of(nn.Module model, string node, nn.Module<Tensor, Tensor> preprocessing, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.eval();
        var extractor = feature_extraction.create_feature_extractor(model, [node], tracer_kwargs: new() { modes = TraceModes.eval },
            suppress_diff_warning: true);
        extractor.eval();
        return new(input => extractor.call(input), preprocessing, extractor, preprocessing, model) { Id = id };
    }

    /// <summary>Disposes the objects that it owns.</summary>
    public void Dispose()
    {
        foreach (var part in owned)
            part.Dispose();
    }
}
