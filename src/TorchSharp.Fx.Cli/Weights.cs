using Spectre.Console;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A model with its numbers, in eval mode.</summary>
/// <param name="Model">The model.</param>
/// <param name="Preprocessing">Makes what leads from a decoded image to what the model takes.</param>
/// <param name="Weights">Where the numbers come from, in words.</param>
internal sealed record TrainedModel(nn.Module Model, Func<nn.Module<Tensor, Tensor>> Preprocessing, string Weights) : IDisposable
{
    public void Dispose() => Model.Dispose();
}

/// <summary>Where a model's numbers come from.</summary>
internal static class Weights
{
    internal const string Random = "random";

    /// <summary>Builds a model with random weights, published ones or those of a file.</summary>
    /// <param name="source">The model.</param>
    /// <param name="weights"><c>random</c>, the path of a file, or the name of published weights, which are downloaded where they are not
    /// there yet.</param>
    /// <param name="seed">What random weights are drawn with.</param>
    internal static TrainedModel Build(ModelSource source, string weights, long seed)
    {
        if (source.IsSaved)
            return weights == Random
                ? new(source.Build(null).InEvaluation(), source.Preprocessing, "its own")
                : throw new ToolException($"'{source.Name}' has its weights; --weights is for models without.") { IsWrongUsage = true };
        var published = Published(source, weights);
        torch.manual_seed(seed);
        var model = published is not null ? FromFile(source, Downloaded(published))
            : weights != Random ? FromFile(source, weights)
            : WithRandom(source, seed);
        var known = published ?? PublishedWeights.OfFile(weights);
        return new(model.InEvaluation(), known?.model == source.Name ? known.transforms : source.Preprocessing, published?.ToString()
            ?? (weights == Random ? $"random, seed {seed}" : weights));
    }

    private static nn.Module InEvaluation(this nn.Module model)
    {
        model.eval();
        return model;
    }

    /// <summary>The published weights that a text names; null where it names a file or none at all.</summary>
    internal static Vision.Weights? Published(ModelSource source, string weights)
    {
        if (weights == Random || File.Exists(weights))
            return null;
        if (weights.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal)
            || Path.GetExtension(weights) is ".pth" or ".pt" or ".safetensors")
            throw new ToolException($"There is no file '{weights}' to take weights from.");
        if (!source.IsInCatalogue)
            throw new ToolException($"There is no file '{weights}' to take weights from, and none are published for '{source.Name}'.");
        var published =
            models.get_weight(weights.Contains('.', StringComparison.Ordinal)
                ? weights : $"{models.get_model_weights(source.Name)[0].enum_name}.{weights}");
        return published.model == source.Name
            ? published : throw new ToolException($"{published} are weights of '{published.model}', not of '{source.Name}'.");
    }

    private static nn.Module FromFile(ModelSource source, string path)
        => IsQuantized(source) ? Quantized(source, path)
            : PublishedWeights.OfFile(path) is { } known && known.model == source.Name
            ? models.get_model(source.Name, known, options: new() { model_dir = Path.GetDirectoryName(Path.GetFullPath(path)) })
            : source.Build(null).load_weights(path);

    private static bool IsQuantized(ModelSource source)
        => source.IsInCatalogue && models.get_model_info(source.Name).is_quantizable;

    /// <summary>The graph in eight bits that a model of floating point and a checkpoint of eight bits make.</summary>
    private static nn.Module Quantized(ModelSource source, string path)
    {
        using var scope = NewDisposeScope();
        var known = models.get_model_weights(source.Name)[0];
        using var model = models.BuildFor(known, device: null);
        var unused = models.get_model_info(source.Name).unused;
        using var file = new WeightsFile(path);
        var state = file.Load(null).Where(item => !unused.Any(prefix => item.Key.StartsWith(prefix, StringComparison.Ordinal)))
            .ToDictionary(item => item.Key, item => item.Value);
        return model switch
        {
            GoogLeNet google => quantization.load_quantized(google, state),
            Inception3 inception => quantization.load_quantized(inception, state),
            _ => quantization.load_quantized((nn.Module<Tensor, Tensor>)model, state),
        };
    }

    private static nn.Module WithRandom(ModelSource source, long seed)
    {
        Console.Error.WriteLine(
            $"The weights are random (seed {seed}): good for trying out, but the features mean nothing. Give trained ones with --weights "
                + $"{(source.IsInCatalogue ? "DEFAULT or " : "")}FILE.");
        return source.Build(null);
    }

    private static string Downloaded(Vision.Weights weights)
    {
        if (Console.IsErrorRedirected || File.Exists(weights.LocalPath()))
            return weights.download();
        return Terminal.Messages.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new RemainingTimeColumn())
            .Start(context =>
        {
            var task = context.AddTask(weights.ToString());
            return weights.download(new() { progress = new Progress(task) });
        });
    }

    private sealed class Progress(ProgressTask task) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => task.MaxValue(value.total ?? double.MaxValue).Value(value.received);
    }
}
