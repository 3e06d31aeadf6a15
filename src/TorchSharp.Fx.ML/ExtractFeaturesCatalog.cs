using TorchSharp;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.ML;

namespace Microsoft.ML;

/// <summary>Adds feature extraction with TorchSharp models to ML.NET's transforms.</summary>
public static class ExtractFeaturesCatalog
{
    /// <summary>Adds a column with the features that a model computes from images, a <c>Vector&lt;Single, width&gt;</c>.</summary>
    /// <param name="catalog">The catalogue, <c>mlContext.Transforms</c>.</param>
    /// <param name="outputColumnName">The name of the new column.</param>
    /// <param name="inputColumnName">The column of images: paths, as text, or the bytes of image files (<c>LoadRawImageBytes</c>).</param>
    /// <param name="extract">Computes, from a batch of images, named tensors whose first dimension is the batch, e.g. an extractor's
    /// <c>call</c>. The caller owns it and the preprocessing; both must live as long as the transformer. ML.NET may call it from several
    /// threads at once.</param>
    /// <param name="preprocessing">The transform from a decoded image, uint8 [3, H, W], to the model's input without the batch
    /// dimension.</param>
    /// <param name="key">The key of the features, where the extractor returns several.</param>
    /// <param name="imageFolder">The base folder of relative paths; the current folder when null.</param>
    /// <exception cref="System.ArgumentException">The extractor returns several features and no key is given, or the key is not among
    /// them.</exception>
    /// <remarks>
    /// An image that can't be read, or that the model refuses, ends the pass over the data, as in ML.NET's own transforms. ML.NET can't
    /// save this transformer: save the extractor with <c>fx.save</c>, and the steps after this one with <c>mlContext.Model.Save</c>.
    /// </remarks>
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
