using System.CommandLine;
using System.Globalization;
using System.Text;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx quantize MODEL --calibrate PHOTOS --out FILE</c></summary>
internal sealed class QuantizeCommand : ToolCommand
{
    private readonly ModelOptions model = new();
    private readonly InputOptions examples = new();
    private readonly Option<string[]> photos =
        new("--calibrate")
        {
            Description = "Typical images, or folders of them, for calibration: their values decide the scales.",
            HelpName = "IMAGE|FOLDER", Required = true, AllowMultipleArgumentsPerToken = true,
        };
    private readonly Option<string> file =
        new("--out") { Description = "The file to write: .safetensors for torchfx and fx.load, .onnx for ONNX Runtime.", HelpName = "FILE",
            Required = true };
    private readonly Option<string?> nodes =
        new("--nodes") { Description = "Cut the graph at these nodes first, as extract does.", HelpName = "NAME[=KEY],…" };
    private readonly Option<string> observer = Choice(
        "--observer", "How to find the range of values: histogram drops outliers, minmax keeps all, moving averages.", "histogram",
        "minmax", "moving");
    private readonly WeightsOptions weights = new();
    private readonly Option<double?> cosine =
        new("--target-cosine") { Description = "Keep the worst layers in fp32 until each output has this cosine to that of fp32.",
            HelpName = "0.999" };
    private readonly Option<string?> report =
        new("--report")
        {
            Description = "Print the error of each value against fp32, in decibels; with an .svg file, also draw it.",
            HelpName = "FILE.svg",
            Arity = ArgumentArity.ZeroOrOne,
        };

    public QuantizeCommand() : base("quantize", "Quantises a model to 8 bits, calibrated with some images.",
        "quantize resnet18 --weights DEFAULT --calibrate photos --out resnet18.int8.safetensors",
        "quantize resnet50 --weights DEFAULT --nodes embedding --calibrate photos --target-cosine 0.999 --report errors.svg --out int8.onnx")
    {
        nodes.CompletionSources.Add(Completions.Nodes);
        model.AddTo(this);
        foreach (var option in (Option[])[photos, file, nodes, observer, .. weights.All, cosine, report])
            Add(option);
        examples.AddTo(this);
        cosine.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number)
                && number is not (> 0 and <= 1))
                result.AddError($"--target-cosine must be above 0 and at most 1, not {token.Value}.");
        });
        SetAction(Run);
    }

    private void Run(ParseResult parsed)
    {
        var (source, kwargs, path) = (model.Read(parsed), examples.Read(parsed), parsed.GetRequiredValue(file));
        AtomicFile.RequireFolder(path);
        if (parsed.GetValue(report) is { } picture)
        {
            AtomicFile.RequireFolder(picture);
            if (!Path.GetExtension(picture).Equals(".svg", StringComparison.OrdinalIgnoreCase))
                throw new ToolException($"--report draws an .svg file, and is given '{picture}'.") { IsWrongUsage = true };
        }
        if (Path.GetExtension(path).ToLowerInvariant() is not (".safetensors" or ".onnx"))
            throw new ToolException($"--out must end with .safetensors or .onnx, which say the format, but it is '{path}'.")
            {
                IsWrongUsage = true,
            };
        source.RequireImages();
        var images = InputImages.Find(parsed.GetRequiredValue(photos));
        var requested = parsed.GetValue(nodes) is { } text ? NodeRequests.Parse(text) : null;
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var trained = weights.Build(parsed, source);
        trained.Model.eval();
        using var prepare = trained.Preprocessing();
        var inputs = images.Select(image => prepare.call(io.read_image(image.Path)).unsqueeze(0)).ToArray();
        if (requested is null && trained.Model is not IGraphModule && WholeGraph.Of(trained.Model, kwargs) is var whole)
            using (whole)
                Write(whole, inputs, parsed, path);
        else if (requested is null)
            Write(trained.Model, inputs, parsed, path);
        else
        {
            requested = NodeRequests.WithPresets(requested, trained.Model, source, kwargs);
            using var extractor = NodeRequests.Extractor(trained.Model, requested, training: false, kwargs);
            Write(extractor, inputs, parsed, path);
        }
    }

    private void Write(nn.Module graph, Tensor[] inputs, ParseResult parsed, string path)
    {
        switch (graph)
        {
            case GraphModule<Tensor, Tensor> module: Quantize(module, inputs, parsed, path); break;
            case DualGraphModule<Tensor> extractor: Quantize(extractor, inputs, parsed, path); break;
            case DualGraphModule extractor: Quantize(extractor, inputs, parsed, path); break;
            case GraphModule module: Quantize(module, inputs, parsed, path); break;
            default: throw new ToolException(
                $"A {graph.GetType().Name} takes more than an image, and torchfx quantize calibrates with images: call quantize of the "
                    + "library.");
        }
    }

    private void Quantize<T>(T module, Tensor[] inputs, ParseResult parsed, string path) where T : nn.Module, IGraphModule
    {
        var mapping = QConfigMapping.default_mapping(parsed.GetRequiredValue(observer) switch
        {
            "minmax" => QConfig.minmax_qconfig,
            "moving" => QConfig.moving_average_qconfig,
            _ => QConfig.default_qconfig,
        }, attention: true);
        using var quantized = parsed.GetValue(cosine) is { } target
            ? module.quantize(inputs, target, mapping) : module.quantize(inputs, mapping);
        if (Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
            Onnx.onnx.export(quantized, path, [InputShape.Parse($"Nx{string.Join('x', inputs[0].shape[1..])}")]);
        else
            ModelSource.Save(quantized, path);
        if (parsed.GetResult(report) is not null)
            Report(quantization.report(module, quantized, inputs), parsed.GetValue(report), Path.GetFileNameWithoutExtension(path));
        Console.Out.WriteLine(path);
    }

    private static void Report(QuantizationReport report, string? picture, string name)
    {
        Console.Error.Write(report);
        if (picture is not null)
            AtomicFile.Write(picture, stream => stream.Write(Encoding.UTF8.GetBytes(report.to_svg(name))));
    }
}
