using System.CommandLine;
using TorchSharp.Fx.Onnx;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx export MODEL --out FILE.onnx</c></summary>
internal sealed class ExportCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> file = new("--out") { Description = "The file to write; one that exists is replaced.", HelpName = "FILE", Required = true };
    private readonly Option<string?> nodes = new("--nodes") { Description = "Cut the graph at these nodes first, as extract does; their keys name the outputs.", HelpName = "NAME[=KEY],…" };
    private readonly Option<string> weights = new("--weights") { Description = "Published weights (DEFAULT, IMAGENET1K_V2), a .pth or .safetensors file, or 'random'.", HelpName = "NAME|FILE|random", DefaultValueFactory = _ => Weights.Random };
    private readonly Option<long> seed = new("--seed") { Description = "The seed of random weights.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<string> format = Choice("--format", "ONNX is the only one so far.", "onnx");

    public ExportCommand() : base("export", "Writes a model in evaluation mode for other runtimes. Sizes are those of --input, whose one letter stays free.",
        "export resnet18 --weights resnet18.safetensors --nodes flatten=embedding --out resnet18.onnx", "export bin/MyModels.dll:MyModels.Encoder --input Nx3x64x64 --out encoder.onnx")
    {
        model.AddTo(this);
        foreach (var option in new Option[] { file, nodes, weights, seed, format })
            Add(option);
        inputs.AddTo(this);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs, path) = (model.Read(parsed), inputs.Read(parsed), parsed.GetRequiredValue(file));
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        var examples = Inputs(source, kwargs);
        using var trained = Weights.Build(source, parsed.GetRequiredValue(weights), parsed.GetValue(seed));
        var module = trained.Model;
        requested = requested is null ? null : NodeRequests.WithPresets(requested, module, source, kwargs);
        using var graph = requested is null ? SaveCommand.Whole(module, kwargs) : NodeRequests.Extractor(module, requested, training: false, kwargs);
        graph.eval();
        onnx.export(graph, path, examples);
        Console.Out.WriteLine(path);
    }

    /// <summary>A model of the catalogue takes batches of any size.</summary>
    private static object?[] Inputs(ModelSource source, TracerKwargs kwargs)
        => kwargs.example_inputs is null && source.Sample is { } sample ? [InputShape.Parse("N" + sample.ToString()[sample.ToString().IndexOf('x', StringComparison.Ordinal)..])] : source.Inputs(kwargs);
}
