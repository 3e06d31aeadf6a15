using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary>How a command names a model's weights.</summary>
/// <param name="preset">What they are unless said.</param>
internal sealed class WeightsOptions(string preset = Weights.Random)
{
    private readonly Option<string> weights = new("--weights")
    {
        Description = "Published weights (DEFAULT, IMAGENET1K_V2), a .pth or .safetensors file, or 'random'.",
        HelpName = "NAME|FILE|random",
        DefaultValueFactory = _ => preset,
    };

    private readonly Option<long> seed = new("--seed")
    {
        Description = "The seed of random weights.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    /// <summary>In the order in which help shows them.</summary>
    internal Option[] All => [weights, seed];

    internal TrainedModel Build(ParseResult parsed, ModelSource source)
        => Weights.Build(source, Read(parsed).Weights, Read(parsed).Seed);

    /// <summary>The options as the command line has them, without building anything.</summary>
    internal (string Weights, long Seed) Read(ParseResult parsed) => (parsed.GetRequiredValue(weights), parsed.GetValue(seed));
}
