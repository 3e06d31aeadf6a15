using System.CommandLine;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx run MODEL --inputs FILE --out FILE</c></summary>
internal sealed class RunCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions inputs = new();
    private readonly Option<string> file =
        new("--inputs") { Description =
            "A .safetensors file with a tensor for each input, under its name or its position (0, 1, …); what is in a list or dictionary "
                + "after a dot. For one input also a .npy file.", HelpName = "FILE", Required = true };
    private readonly Option<string> output =
        new("--out") { Description = "The file to write, .safetensors, or .npy for a single tensor; an existing one is replaced.",
            HelpName = "FILE", Required = true };
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "Return the values of these nodes instead of the result, as extract does.",
            HelpName = "NAME[=KEY],…" };
    private readonly WeightsOptions weights = new();

    public RunCommand()
        : base("run",
            "Runs a model in evaluation mode on tensors of a file: text, sound, several inputs. Results are written under their names, "
                + "those inside of others after a dot, a single one as 'output'.",
        "run bert.pt2 --inputs tokens.safetensors --out states.safetensors",
        "run model.onnx --inputs x.npy --nodes layer4=embedding --out embedding.npy")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        foreach (var option in (Option[])[file, output, nodes, .. weights.All])
            Add(option);
        inputs.AddTo(this);
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs, path, to) =
            (model.Read(parsed), inputs.Read(parsed), parsed.GetRequiredValue(file), parsed.GetRequiredValue(output));
        AtomicFile.RequireFolder(to);
        if (!IsTensorFile(to))
            throw new ToolException($"--out must end with .safetensors or .npy, but it is '{to}'.") { IsWrongUsage = true };
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var given = Tensors(path);
        using var trained = weights.Build(parsed, source);
        var module = trained.Model;
        requested = requested is null ? null : NodeRequests.WithPresets(requested, module, source, kwargs);
        using var graph = requested is null
            ? WholeGraph.Of(module, kwargs) : NodeRequests.Extractor(module, requested, training: false, kwargs);
        graph.eval();
        var program = ((IGraphModule)graph).Program;
        var results = NamedTensors.Outputs(program.Run(NamedTensors.Inputs(program.Current, given, path)));
        if (!to.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
            Safetensors.save_file(results, to);
        else if (results.Count == 1)
            Npy.save(to, results.Values.Single());
        else
            throw new ToolException(
                $"A .npy file has one tensor, and there are {results.Count} results: {NamedTensors.Quoted(results.Keys)}. Let --out end "
                    + "with .safetensors.");
        var table = Terminal.Table("name", "shape", "type");
        foreach (var (name, tensor) in results)
            table.AddRow(name, $"[{string.Join(", ", tensor.shape)}]", tensor.dtype.ToString().ToLowerInvariant());
        Terminal.Messages.Write(table);
        Console.Out.WriteLine(to);
    }

    private static bool IsTensorFile(string path) => Path.GetExtension(path).ToLowerInvariant() is ".safetensors" or ".npy";

    private static Dictionary<string, Tensor> Tensors(string path)
    {
        if (!IsTensorFile(path))
            throw new ToolException($"--inputs must end with .safetensors or .npy, but it is '{path}'.") { IsWrongUsage = true };
        return path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? new() { ["0"] = Npy.load(path) } : Safetensors.load_file(path);
    }
}
