using System.Security.Cryptography;
using System.Text.Json;
using TorchSharp.Fx.Data;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A model that gives the values of its nodes for images.</summary>
/// <param name="model">What the command line calls it.</param>
/// <param name="trained">It; disposed with this.</param>
/// <param name="preprocessing">What prepares images for it; disposed with this.</param>
/// <param name="call">From a batch of images to the values.</param>
/// <param name="nodes">The nodes and their keys.</param>
/// <param name="owned">What else is disposed with this.</param>
internal sealed class Extractor(
    string model, TrainedModel trained, nn.Module<Tensor, Tensor> preprocessing, Func<Tensor, Features> call, ReturnNodes nodes,
        params IReadOnlyList<IDisposable?> owned) : IDisposable
{
    internal nn.Module<Tensor, Tensor> Preprocessing => preprocessing;

    internal ReturnNodes Nodes => nodes;

    /// <summary>Whether the model's own code runs: one image after the other, as it may keep something, and what comes up differs from
    /// image to image.</summary>
    internal bool IsRecorded { get; init; }

    internal Features Call(Tensor input) => call(input);

    /// <summary>The files that go beside every file of features.</summary>
    internal Dictionary<string, string> About() => new() { ["model"] = model, ["weights"] = trained.Weights };

    /// <summary>All that the numbers of a table depend on, in words.</summary>
    internal Dictionary<string, string> Identity(FeaturePipelineOptions options)
    {
        var identity = Settings(options);
        if (ModelSource.FileOf(model) is not { } path)
            return identity;
        using var file = File.OpenRead(path);
        identity["model_sha256"] = Convert.ToHexStringLower(SHA256.HashData(file));
        return identity;
    }

    private Dictionary<string, string> Settings(FeaturePipelineOptions options) => new(About())
    {
        ["weights_sha256"] = WeightsHash.Of(trained.Model),
        ["nodes"] = JsonSerializer.Serialize(nodes.ToDictionary(node => node.Key, node => node.Name), Json.Plain),
        ["preprocessing"] = Preprocessing.ToString()!,
        ["batch"] = options.BatchSize.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["versions"] = string.Join(", ",
            Diagnosis.Versions.Where(version => version.Name is not "onnxruntime").Select(version => $"{version.Name} {version.Version}")),
    };

    /// <summary>The model in a pipeline of images.</summary>
    internal FeaturePipeline Pipeline(FeaturePipelineOptions options)
    {
        using var example = ExampleImage.Of(Preprocessing);
        return new(call, example, options with { Preprocess = Preprocessing.call });
    }

    public void Dispose()
    {
        foreach (var part in owned)
            part?.Dispose();
        preprocessing.Dispose();
        trained.Dispose();
    }
}
