using System.CommandLine;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx weights verify FILE</c></summary>
internal sealed class WeightsVerifyCommand : ToolCommand
{
    private readonly Argument<string> input = new("FILE") { Description = "A .pth, .pt or .safetensors file." };
    private readonly Option<string?> model =
        new("--model") { Description = "The model whose keys and shapes the file must have; not needed for a published file.",
            HelpName = "MODEL" };
    private readonly Option<string?> args =
        new("--args") { Description = "Arguments for the constructor by name, where MODEL is a type.", HelpName = "JSON" };

    public WeightsVerifyCommand() : base("verify", "Checks a file: the SHA-256 in its name, its structure, and whether it fits a model.",
        "weights verify ~/.cache/torch/hub/checkpoints/resnet50-11ad3fa6.pth", "weights verify checkpoint.pth --model resnet50")
    {
        Add(input);
        Add(model);
        Add(args);
        SetAction((parsed, token) => Run(parsed, token));
    }

    private async Task Run(ParseResult parsed, CancellationToken token)
    {
        NativeFiles.Require();
        var path = WeightsFiles.Existing(parsed.GetRequiredValue(input));
        await CheckHash(path, token);
        using var file = WeightsFiles.Open(path);
        await Console.Out.WriteLineAsync($"structure: {file.Summary()}");
        CheckModel(path, file, parsed.GetValue(model), parsed.GetValue(args));
    }

    private static async Task CheckHash(string path, CancellationToken token)
    {
        var expected = FileHash.InName(Path.GetFileName(path));
        await using var stream = File.OpenRead(path);
        var hash = await FileHash.Of(stream, token);
        if (expected is not null && !hash.StartsWith(expected, StringComparison.Ordinal))
            throw new ToolException(
                $"{path} has the SHA-256 {hash[..expected.Length]}… instead of the {expected}… in its name: it is damaged or another "
                    + "file. Delete it and download it again.");
        await Console.Out.WriteLineAsync(
            $"SHA-256: {hash}{(expected is null ? ", which its name does not have" : ", as its name has it")}");
    }

    private static void CheckModel(string path, WeightsFile file, string? model, string? args)
    {
        var published = PublishedWeights.OfFile(path);
        if (model is null && published is null)
        {
            Console.Out.WriteLine("model: not compared; name one with --model");
            return;
        }
        // Published weights come with parts that their model does without.
        var (name, module, unused) = model is null
            ? (published!.model, models.BuildFor(published, META), models.get_model_info(published.model).unused)
            : (model, ModelSource.Find(model, args).Build(META), []);
        using (module)
        {
            var keys = module.Compare(file, unused);
            if (!keys.all_match)
                throw new ToolException($"{path} does not fit {name}: {keys}.");
            Console.Out.WriteLine($"model: {name}, all keys and shapes are the same");
        }
    }
}
