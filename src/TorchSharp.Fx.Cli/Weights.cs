using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Where a model's numbers come from.</summary>
internal static class Weights
{
    internal const string Random = "random";

    /// <summary>Builds a model with random weights or those of a file.</summary>
    /// <param name="source">The model.</param>
    /// <param name="weights"><c>random</c> or the path of a safetensors file.</param>
    /// <param name="seed">What random weights are drawn with.</param>
    internal static nn.Module Build(ModelSource source, string weights, long seed)
    {
        if (weights != Random && !File.Exists(weights))
            throw new ToolException($"There is no file '{weights}' to take weights from.");
        if (source.IsSaved)
            return weights == Random ? source.Build(null) : throw new ToolException($"'{source.Name}' has its weights; --weights is for models without.") { IsWrongUsage = true };
        torch.manual_seed(seed);
        if (weights != Random)
            return source.Build(null).load_weights(weights);
        Console.Error.WriteLine($"The weights are random (seed {seed}): good for trying out, but the features mean nothing. Give trained ones with --weights FILE.safetensors.");
        return source.Build(null);
    }
}
