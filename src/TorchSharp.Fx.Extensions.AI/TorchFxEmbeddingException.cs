using Microsoft.Extensions.AI;

namespace TorchSharp.Fx.Extensions.AI;

/// <summary>Some images of a call have no embedding: they are damaged, or the model refuses them.</summary>
public sealed class TorchFxEmbeddingException : Exception
{
    internal TorchFxEmbeddingException(IReadOnlyDictionary<int, string> errors, IReadOnlyList<Embedding<float>?> embeddings)
        : base(errors.Count == 1 ? errors.First().Value
            : $"{errors.Count} of {embeddings.Count} images have no embedding. {errors.First().Value}")
        => (Errors, Embeddings) = (errors, embeddings);

    /// <summary>One sentence for each image that failed, by its index in the call.</summary>
    public IReadOnlyDictionary<int, string> Errors { get; }

    /// <summary>The embeddings in the order of the call; null for images that failed.</summary>
    public IReadOnlyList<Embedding<float>?> Embeddings { get; }
}
