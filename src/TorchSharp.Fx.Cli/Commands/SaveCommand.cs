using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx save MODEL --out FILE</c></summary>
internal sealed class SaveCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> file =
        new("--out") { Description = "The file to write; an existing one is replaced.", HelpName = "FILE.safetensors", Required = true };
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "Cut the graph at these nodes first, as extract does.", HelpName = "NAME[=KEY],…" };
    private readonly WeightsOptions weights = new();

    private readonly Option<TraceModes> modes =
        new("--modes") { Description = "With --nodes, the modes to trace in; one mode for a model that can't be traced in the other.",
            HelpName = "both|train|eval" };

    public SaveCommand() : base("save", "Saves a model's graph and weights in one file, which loads without the model's code.",
        "save resnet18 --weights resnet18.pth --out resnet18.fx.safetensors",
        "save bin/MyModels.dll:MyModels.Encoder --nodes encoder=embedding --out encoder.safetensors")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        foreach (var option in (Option[])[file, nodes, modes, .. weights.All])
            Add(option);
        inputs.AddTo(this);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs, path) = (model.Read(parsed), inputs.Read(parsed).In(parsed.GetValue(modes)), parsed.GetRequiredValue(file));
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new ToolException($"--out must end with .safetensors, as the file is one, but it is '{path}'.") { IsWrongUsage = true };
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        using var trained = weights.Build(parsed, source);
        var module = trained.Model;
        using var graph = requested is null
            ? WholeGraph.Of(module, kwargs)
                : feature_extraction.create_feature_extractor(module, NodeRequests.WithPresets(requested, module, source, kwargs),
                    tracer_kwargs: kwargs, suppress_diff_warning: true);
        ModelSource.Save(graph, path);
        Console.Out.WriteLine(path);
    }
}
