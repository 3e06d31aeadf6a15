using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx extract MODEL INPUT…</c></summary>
internal sealed class ExtractCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions examples = new();
    private readonly Argument<string[]> inputs = new("INPUT") { Description = "Images, or folders: all images in them and in the folders inside, in natural order.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> nodes = new("--nodes") { Description = "The nodes to extract, and the keys they get: names, patterns (layer?.*.conv2), NAME:in for an input, 'stages', 'embedding'.", HelpName = "NAME[=KEY],…", Required = true };
    private readonly Option<string> folder = new("--out") { Description = "The folder to write to; made where it does not exist.", HelpName = "DIR", Required = true };
    private readonly Option<string> weights = new("--weights") { Description = "Published weights (DEFAULT, IMAGENET1K_V2), a .pth or .safetensors file, or 'random'.", HelpName = "NAME|FILE|random", DefaultValueFactory = _ => Weights.Random };
    private readonly Option<long> seed = new("--seed") { Description = "The seed of random weights.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<string> format = Choice("--format", "One .safetensors file a batch, or one .npy file a key and a .json file that lists them.", "safetensors", "npy");
    private readonly Option<int> batch = new("--batch") { Description = "How many images run, and are written, together.", HelpName = "N", DefaultValueFactory = _ => 1 };

    private readonly Option<bool> optimised = new("--optimised") { Description = "Run the optimised copy of the model: about twice as fast; the values differ by rounding." };

    private readonly Option<bool> record = new("--record") { Description = "Run the model's own code rather than its graph: for models that are no graph, as content or other threads decide what they do." };

    public ExtractCommand() : base("extract", "Runs a model on images and writes the values of its nodes to files, one for each image or batch.",
        "extract resnet18 photo.jpg --nodes layer4 --out features",
        "extract resnet50 photos --nodes embedding --weights DEFAULT --out features --batch 8 --optimised",
        "extract resnet50 photos --nodes stages,layer3.?.conv2,fc:in=pooled --weights resnet50.safetensors --out features",
        "extract bin/MyModels.dll:MyModels.Encoder photos --nodes encoder --format npy --out features",
        "extract bin/MyModels.dll:MyModels.EarlyExit photos --nodes block3 --record --out features")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        Add(inputs);
        foreach (var option in new Option[] { nodes, folder, weights, seed, format, batch, optimised, record })
            Add(option);
        examples.AddTo(this);
        batch.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--batch must be 1 or more, not {number}.");
        });
        SetAction((parsed, token) => Task.FromResult(Run(parsed, token)));
    }

    private int Run(ParseResult parsed, CancellationToken token)
    {
        var (source, kwargs) = (model.Read(parsed), examples.Read(parsed));
        var requested = NodeRequests.Parse(parsed.GetRequiredValue(nodes));
        CheckKeys(requested.Where(request => request.Key != request.Name), parsed.GetRequiredValue(format));
        source.RequireImages();
        var images = InputImages.Find(parsed.GetRequiredValue(inputs));
        var (numbers, target) = (parsed.GetRequiredValue(weights), parsed.GetRequiredValue(folder));

        var isRecorded = parsed.GetValue(record);
        if (isRecorded)
            CheckRecordable(requested, parsed.GetValue(optimised));
        using var trained = Weights.Build(source, numbers, parsed.GetValue(seed));
        var about = new Dictionary<string, string> { ["model"] = source.Name, ["weights"] = trained.Weights };
        if (isRecorded)
        {
            var recorder = feature_extraction.create_recorder(trained.Model, requested, tracer_kwargs: kwargs);
            return Write(new(input => recorder.call(input), trained.Preprocessing, Writer(parsed, target, about), requested) { IsRecorded = true }, parsed, images, token);
        }
        requested = NodeRequests.WithPresets(requested, trained.Model, source, kwargs);
        using var extractor = NodeRequests.Extractor(trained.Model, requested, training: false, kwargs);
        var features = NodeRequests.Resolved(requested, extractor);
        CheckKeys(features, parsed.GetRequiredValue(format));
        using var fast = parsed.GetValue(optimised) ? extractor.optimize_for_inference() : null;
        return Write(new(input => (fast ?? extractor).call(input), trained.Preprocessing, Writer(parsed, target, about), features), parsed, images, token);
    }

    private int Write(Extraction extraction, ParseResult parsed, IReadOnlyList<InputImage> images, CancellationToken token)
    {
        extraction.Run(images, parsed.GetValue(batch), token);
        return 0;
    }

    private FeatureWriter Writer(ParseResult parsed, string target, Dictionary<string, string> about)
    {
        Directory.CreateDirectory(target);
        return FeatureWriter.Create(parsed.GetRequiredValue(format), target, about);
    }

    /// <summary>What only a graph has.</summary>
    private static void CheckRecordable(ReturnNodes requested, bool isOptimised)
    {
        if (isOptimised)
            throw new ToolException("--optimised is for graphs, and --record runs without one: give one of the two.") { IsWrongUsage = true };
        if (requested.FirstOrDefault(request => request.Name is "stages" or "embedding") is { Name: { } preset })
            throw new ToolException($"'{preset}' is found in the model's graph, and --record runs without one: name nodes or modules.") { IsWrongUsage = true };
    }

    /// <summary>A key is part of a .npy file's name.</summary>
    private static void CheckKeys(IEnumerable<ReturnNode> requested, string format)
    {
        foreach (var (_, key) in requested)
            if (format == "npy" && key.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()))
                throw new ToolException($"The key '{key}' can't be part of a file's name, as --format npy needs; give the node another one with NAME=KEY.") { IsWrongUsage = true };
    }
}
