using System.CommandLine;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>How images are prepared, where the model and its weights don't say or the user knows better.</summary>
internal sealed class PreprocessingOptions
{
    private readonly Option<string?> like = new("--preprocess")
    {
        Description = "Prepare images like the published weights of this model.",
        HelpName = "MODEL",
    };

    private readonly Option<long?> size = Setting<long?>("--size", "PIXELS", "Crop images to a square with this side.");
    private readonly Option<long?> resize = Setting<long?>("--resize", "PIXELS", "Resize the shorter side to this before cropping.");
    private readonly Option<string?> mean = Setting<string?>("--mean", "R,G,B", "The mean to subtract, for pixels from 0 to 1.");
    private readonly Option<string?> std = Setting<string?>("--std", "R,G,B", "The standard deviation to divide by after that.");
    private readonly Option<string?> interpolation = Setting<string?>("--interpolation", "bilinear|bicubic|nearest", "How to resize.");

    internal PreprocessingOptions() => interpolation.AcceptOnlyFromAmong("bilinear", "bicubic", "nearest");

    private static Option<T> Setting<T>(string name, string value, string description)
        => new(name) { Description = description, HelpName = value };

    private Option[] Settings => [size, resize, mean, std, interpolation];

    internal void AddTo(Command command)
    {
        like.CompletionSources.Add(Completions.Models);
        command.Add(like);
        foreach (var option in Settings)
            command.Add(option);
    }

    /// <summary>Makes what the command line asks for; null where it asks for nothing.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="source">The model, which says the size where the command line doesn't.</param>
    internal Func<nn.Module<Tensor, Tensor>>? Read(ParseResult parsed, ModelSource source)
    {
        var given = Settings.FirstOrDefault(option => parsed.GetResult(option) is not null);
        if (parsed.GetValue(like) is { } model)
            return given is null ? Like(model)
                : throw Wrong($"--preprocess {model} says all of how images are prepared: leave out {given.Name}, or --preprocess.");
        if (given is null)
            return null;
        var side = Pixels(parsed, size) ?? source.CropSize;
        var shorter = Pixels(parsed, resize) ?? ModelSource.ResizeFor(side);
        var (means, deviations) = (Channels(parsed, mean), Channels(parsed, std));
        if (deviations?.Any(value => value <= 0) == true)
            throw Wrong($"--std must be positive, not {parsed.GetValue(std)}.");
        var mode = Enum.Parse<InterpolationMode>(parsed.GetValue(interpolation) ?? nameof(InterpolationMode.Bilinear), ignoreCase: true);
        return () => new ImageClassification(side, shorter, means, deviations, mode);
    }

    private static Func<nn.Module<Tensor, Tensor>> Like(string model)
    {
        var source = ModelSource.Find(model, args: null);
        source.RequireImages();
        var published = PublishedWeights.Of(source.Name).FirstOrDefault(weights => weights.is_default);
        return published is null ? source.Preprocessing : published.transforms;
    }

    private static long? Pixels(ParseResult parsed, Option<long?> option) => parsed.GetValue(option) switch
    {
        null => null,
        > 0 and <= 1 << 14 and var pixels => pixels,
        var other => throw Wrong($"{option.Name} must be a number of pixels from 1 to {1 << 14}, not {other}."),
    };

    private static double[]? Channels(ParseResult parsed, Option<string?> option)
    {
        if (parsed.GetValue(option) is not { } text)
            return null;
        double[] numbers = [.. text.Split(',').Select(Number)];
        return numbers switch
        {
            _ when !numbers.All(double.IsFinite) || numbers.Length is not (1 or 3)
                => throw Wrong($"{option.Name} must be a number for each channel, as in 0.485,0.456,0.406, or one for all, not '{text}'."),
            [var all] => [all, all, all],
            _ => numbers,
        };
    }

    private static double Number(string text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;

    private static ToolException Wrong(string sentence) => new(sentence) { IsWrongUsage = true };
}
