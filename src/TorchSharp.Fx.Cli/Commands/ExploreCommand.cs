using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx explore MODEL [INPUT…]</c></summary>
internal sealed class ExploreCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions examples = new();
    private readonly WeightsOptions weights = new();
    private readonly PreprocessingOptions preprocessing = new();

    private readonly Argument<string[]> inputs = new("INPUT")
    {
        Description = "Images, folders of images, or .safetensors and .npy files of tensors. More can be dropped on the page.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<int> port = new("--port") { Description = "The port to listen on; 0 for any free port.", HelpName = "N" };
    private readonly Option<bool> noOpen = new("--no-open") { Description = "Print the address only, and open no browser." };

    public ExploreCommand() : base("explore",
        "Shows a model in the browser: its graph, what every node computes, and the code that extracts it.",
        "explore resnet18-trained samples/images", "explore vit_b_16 photo.jpg --weights DEFAULT",
        "explore bert.pt2 tokens.safetensors --no-open")
    {
        model.AddTo(this);
        Add(inputs);
        foreach (var option in (Option[])[port, noOpen, .. weights.All])
            Add(option);
        preprocessing.AddTo(this);
        examples.AddTo(this);
        port.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number is < 0 or > ushort.MaxValue)
                result.AddError($"--port must be 0 to {ushort.MaxValue}, not {number}.");
        });
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var (source, kwargs) = (model.Read(parsed), examples.Read(parsed));
        var chosen = preprocessing.Read(parsed, source);
        string[] files = [.. (parsed.GetValue(inputs) ?? []).SelectMany(Files)];
        using var trained = weights.Build(parsed, source);
        var explored = new ExploredModel(source.Name, trained.Model)
        {
            TracerKwargs = kwargs,
            Preprocessing = source.TakesVideos ? null : chosen ?? trained.Preprocessing,
            Sample = kwargs.example_inputs ?? (source.Sample is { } sample ? [sample] : null),
            Weights = trained.Weights,
            Code = CodeOf(parsed, source),
            Options = Given(parsed),
            Bind = NamedTensors.Inputs,
        };
        await using var explorer = await Explorer.StartAsync(explored, files, parsed.GetValue(port), token);
        await Console.Out.WriteLineAsync($"{explorer.Address}");
        await Console.Error.WriteLineAsync("Ctrl+C ends it.");
        if (!parsed.GetValue(noOpen))
            Open(explorer.Address);
        // Its end is the user's to say.
        await Task.Delay(Timeout.Infinite, token)
            .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return 0;
    }

    private static IEnumerable<string> Files(string input) => Directory.Exists(input) || !File.Exists(input)
        ? InputImages.Find([input]).Select(image => image.Path) : [input];

    private static void Open(Uri address)
    {
        try
        {
            Process.Start(new ProcessStartInfo(address.ToString()) { UseShellExecute = true })?.Dispose();
        }
        catch (Exception error)
            when (error is System.ComponentModel.Win32Exception or FileNotFoundException or PlatformNotSupportedException)
        {
            Console.Error.WriteLine("No browser opens here: open the address yourself.");
        }
    }

    /// <summary>The options that say what the model is and how it is given images, as they were typed.</summary>
    private string[] Given(ParseResult parsed) => [.. Options.Where(option => option != port && option != noOpen)
        .Select(parsed.GetResult).OfType<System.CommandLine.Parsing.OptionResult>().Where(result => !result.Implicit)
        .SelectMany(result => result.Tokens.Count == 0 ? [result.Option.Name]
            : result.Tokens.SelectMany(each => new[] { result.Option.Name, each.Value }))];

    /// <summary>The C# that makes the model as this command does.</summary>
    private string CodeOf(ParseResult parsed, ModelSource source)
    {
        var (named, seed) = weights.Read(parsed);
        if (source.IsSaved)
            return $"using var model = fx.load({Literal(source.Name == TrainedResNet.Name ? TrainedResNet.Network : source.Name)});";
        var seeded = named == Weights.Random ? string.Create(CultureInfo.InvariantCulture, $"torch.manual_seed({seed});\n") : "";
        var published = named != Weights.Random && !File.Exists(named) ? $", weights: {Literal(named)}" : "";
        var file = File.Exists(named) ? $"\nmodel.load_weights({Literal(named)});" : "";
        return source.IsInCatalogue ? $"{seeded}using var model = models.get_model({Literal(source.Name)}{published});{file}"
            : $"{seeded}using var model = new {source.Name.Split(':')[^1]}();    // with its arguments{file}";
    }

    private static string Literal(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal)}\"";
}
