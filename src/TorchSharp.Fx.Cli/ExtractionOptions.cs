using System.CommandLine;
using System.CommandLine.Parsing;

namespace TorchSharp.Fx.Cli;

/// <summary>How a command names a model, its weights and the nodes that are asked for.</summary>
internal sealed class ExtractionOptions
{
    private readonly ModelOptions model = new();
    private readonly InputOptions examples = new();
    private readonly WeightsOptions weights = new();
    private readonly PreprocessingOptions preprocessing = new();
    private readonly Option<string> nodes =
        new("--nodes") { Description =
            "The nodes to extract, and the keys they get: names, patterns (layer?.*.conv2), NAME:in for an input, 'stages', 'embedding'.",
                HelpName = "NAME[=KEY],…", Required = true };
    private readonly Option<int> batch = new("--batch") { Description = "The number of images in a batch.", HelpName = "N",
        DefaultValueFactory = _ => 1 };
    private readonly Option<bool> optimised =
        new("--optimised") { Description = "Run the optimised copy of the model: about twice as fast; the values differ by rounding." };

    internal ExtractionOptions()
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        batch.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--batch must be 1 or more, not {number}.");
        });
    }

    /// <summary>Adds the argument MODEL, then, where it is given, what stands behind it, then the options.</summary>
    internal void AddTo(Command command, System.CommandLine.Argument? behind = null)
    {
        model.AddTo(command);
        if (behind is not null)
            command.Add(behind);
        foreach (var option in (Option[])[nodes, .. weights.All, batch, optimised])
            command.Add(option);
        preprocessing.AddTo(command);
        examples.AddTo(command);
    }

    /// <summary>The command line's words about the model and the nodes, for another process to say again; files with their full
    /// paths.</summary>
    internal static string[] Arguments(ParseResult parsed)
    {
        var own = new Command("of");
        new ExtractionOptions().AddTo(own);
        var command = parsed.CommandResult.Command;
        var name = parsed.GetResult(command.Arguments.First(argument => argument.Name == "MODEL"))!.Tokens[0].Value;
        var given = own.Options.Select(option => parsed.GetResult(command.Options.First(other => other.Name == option.Name)))
            .OfType<OptionResult>().Where(result => !result.Implicit);
        return [FullPath(name), .. given.SelectMany(result
            => result.Tokens.Count == 0 ? [result.Option.Name]
            : result.Tokens.SelectMany(token
            => new[] { result.Option.Name, result.Option.Name == "--weights" ? FullPath(token.Value) : token.Value }))];
    }

    /// <summary>Of a file, or of the assembly that stands before a type's name.</summary>
    private static string FullPath(string text) => File.Exists(ModelAssembly.Named(text)?.Path ?? text) ? Path.GetFullPath(text) : text;

    internal int Batch(ParseResult parsed) => parsed.GetValue(batch);

    /// <summary>The model's name and the nodes, checked before anything is built.</summary>
    internal (ModelSource Source, ReturnNodes Requested) Read(ParseResult parsed)
    {
        var source = model.Read(parsed);
        var requested = NodeRequests.Parse(parsed.GetRequiredValue(nodes));
        source.RequireImages();
        return (source, requested);
    }

    /// <summary>Builds the model and cuts it at the nodes.</summary>
    internal Extractor Build(ParseResult parsed, ModelSource source, ReturnNodes requested)
    {
        var kwargs = examples.Read(parsed);
        var chosen = preprocessing.Read(parsed, source);
        var trained = weights.Build(parsed, source);
        requested = NodeRequests.WithPresets(requested, trained.Model, source, kwargs);
        var extractor = NodeRequests.Extractor(trained.Model, requested, training: false, kwargs);
        var fast = parsed.GetValue(optimised) ? extractor.optimize_for_inference(discard_parameters: true) : null;
        return new(source.Name, trained, (chosen ?? trained.Preprocessing)(), input
            => (fast ?? extractor).call(input), NodeRequests.Resolved(requested, extractor), fast, extractor);
    }

    /// <summary>The model's own code in the place of its graph.</summary>
    internal Extractor BuildRecorder(ParseResult parsed, ModelSource source, ReturnNodes requested)
    {
        if (parsed.GetValue(optimised))
            throw new ToolException("--optimised is for graphs, and --record runs without one: give one of the two.") { IsWrongUsage =
                true };
        if (requested.FirstOrDefault(request => request.Name is "stages" or "embedding") is { Name: { } preset })
            throw new ToolException(
                $"'{preset}' is found in the model's graph, and --record runs without one: name nodes or modules.") { IsWrongUsage = true };
        var chosen = preprocessing.Read(parsed, source);
        var trained = weights.Build(parsed, source);
        var recorder = feature_extraction.create_recorder(trained.Model, requested, tracer_kwargs: examples.Read(parsed));
        return new(source.Name, trained, (chosen ?? trained.Preprocessing)(), input
            => recorder.call(input), requested) { IsRecorded = true };
    }
}
