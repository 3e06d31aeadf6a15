using System.CommandLine;
using TorchSharp.Fx.Onnx;
using TorchSharp.Fx.TorchScript;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx export MODEL --out FILE</c></summary>
internal sealed class ExportCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> file =
        new("--out", "--output") { Description = "The file to write; replaced if it exists. Its ending (.onnx, .pt) decides the format.",
            HelpName = "FILE", Required = true };
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "Cut the graph at these nodes first, as extract does; their keys name the outputs.",
            HelpName = "NAME[=KEY],…" };
    private readonly WeightsOptions weights = new();
    private readonly Option<string?> format =
        new("--format") { Description = "The format, where the file's ending does not decide it.", HelpName = "onnx|torchscript" };

    public ExportCommand()
        : base("export",
            "Writes a model in evaluation mode for other runtimes: for ONNX Runtime with the sizes of --input, whose letters stay free; "
                + "for PyTorch as TorchScript, with all sizes free.",
        "export resnet18 --weights resnet18.safetensors --nodes flatten=embedding --out resnet18.onnx",
        "export resnet18 --weights DEFAULT --out resnet18.pt",
        "export bin/MyModels.dll:MyModels.Encoder --input Nx3x64x64 --out encoder.onnx")
    {
        format.AcceptOnlyFromAmong("onnx", "torchscript");
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        foreach (var option in (Option[])[file, nodes, .. weights.All, format])
            Add(option);
        inputs.AddTo(this);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs, path) = (model.Read(parsed), inputs.Read(parsed), parsed.GetRequiredValue(file));
        AtomicFile.RequireFolder(path);
        var isOnnx = (parsed.GetValue(format) ?? FormatOf(path)) == "onnx";
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        var examples = isOnnx ? Inputs(source, kwargs) : null;
        using var trained = weights.Build(parsed, source);
        var module = trained.Model;
        requested = requested is null ? null : NodeRequests.WithPresets(requested, module, source, kwargs);
        using var graph = requested is null
            ? WholeGraph.Of(module, kwargs) : NodeRequests.Extractor(module, requested, training: false, kwargs);
        graph.eval();
        if (examples is not null)
            onnx.export(graph, path, examples);
        else
            torchscript.export(graph, path, kwargs.example_inputs ?? (source.Sample is null ? null : source.Inputs(kwargs)));
        Console.Out.WriteLine(path);
    }

    private static string FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".onnx" => "onnx",
        ".pt" or ".ts" or ".torchscript" => "torchscript",
        _ => throw new ToolException(
            $"The ending of --out says no format: '{path}' ends neither with .onnx nor with .pt. Give it one, or --format onnx or "
                + "--format torchscript.") { IsWrongUsage = true },
    };

    /// <summary>A model of the catalogue takes batches of any size.</summary>
    private static object?[] Inputs(ModelSource source, TracerKwargs kwargs)
        => kwargs.example_inputs is null && source.Sample is { } sample 
            ? [.. Enumerable.Repeat(InputShape.Parse("N" + sample.ToString()[sample.ToString().IndexOf('x', StringComparison.Ordinal)..]),
                source.NumInputs)]
            : source.Inputs(kwargs);
}
