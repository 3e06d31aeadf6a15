using TorchSharp;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.ML;

namespace Microsoft.ML;

/// <summary>Features by TorchSharp models in ML.NET's catalogue of transforms.</summary>
public static class ExtractFeaturesCatalog
{
    /// <summary>Adds a column with a model's features of images: <c>Vector&lt;Single, width&gt;</c>.</summary>
    /// <param name="catalog">The catalogue, <c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The new column.</param>
    /// <param name="inputColumnName">The column of images: paths (text), or the bytes of image files (<c>LoadRawImageBytes</c>).</param>
    /// <param name="extract">From a batch of images to named tensors whose first dimension is the batch: an extractor's <c>call</c>. It
    /// stays the caller's, as the preprocessing does, and has to live as long as the transformer. ML.NET may call it from several threads
    /// at once.</param>
    /// <param name="preprocessing">From a decoded image, uint8 [3, H, W], to what the model takes, without the batch dimension.</param>
    /// <param name="key">Whose features, where the extractor gives several.</param>
    /// <param name="imageFolder">Where relative paths start; null is the current folder.</param>
    /// <exception cref="System.ArgumentException">The extractor gives several features and no key is given, or not this one.</exception>
    /// <remarks>An image that can't be read or that the model refuses ends the pass over the data, as in ML.NET's own transforms. ML.NET
    /// saves transformers of its own only: save the extractor with <c>fx.save</c>, and what comes behind this step with
    /// <c>mlContext.Model.Save</c>.</remarks>
    public static ExtractFeaturesEstimator ExtractFeatures(this TransformsCatalog catalog, string outputColumnName, string inputColumnName,
        Func<torch.Tensor, IReadOnlyDictionary<string, torch.Tensor>> extract, torch.nn.Module<torch.Tensor, torch.Tensor> preprocessing,
        string? key = null, string? imageFolder = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ArgumentException.ThrowIfNullOrEmpty(inputColumnName);
        ArgumentNullException.ThrowIfNull(extract);
        ArgumentNullException.ThrowIfNull(preprocessing);
        return new(catalog, new ImageVectors(extract, preprocessing, key, workers: 1), outputColumnName, inputColumnName, imageFolder);
    }
}
