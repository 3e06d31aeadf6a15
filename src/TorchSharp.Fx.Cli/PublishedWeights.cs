using System.Globalization;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli;

/// <summary>The questions that commands ask about published weights.</summary>
internal static class PublishedWeights
{
    /// <summary>All of a model; none where none are published.</summary>
    internal static IReadOnlyList<Vision.Weights> Of(string model) => WeightsCatalogue.ByModel.GetValueOrDefault(model) ?? [];

    /// <summary>Those whose file has this name, of a model that is here.</summary>
    internal static Vision.Weights? OfFile(string path)
        => models.list_models().SelectMany(Of)
            .FirstOrDefault(weights => Path.GetFileName(weights.url.AbsolutePath) == Path.GetFileName(path));

    /// <summary>Where the file is, or would be after its download.</summary>
    internal static string LocalPath(this Vision.Weights weights)
        => Path.Combine(hub.get_dir(), Path.GetFileName(weights.url.AbsolutePath));

    /// <summary>The first measure of the first data set, which is the one people compare.</summary>
    internal static string Accuracy(this Vision.Weights weights)
        => weights.meta.metrics.FirstOrDefault() is { Key: { } set, Value: { Count: > 0 } measures } && measures.First() is var first
            ? $"{Number(first.Value)} {first.Key}, {set}" : "";

    internal static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
