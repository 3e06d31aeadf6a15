using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Explorers;

/// <summary>The C# lines that extract chosen nodes of a graph of the model, a script that compiles.</summary>
internal sealed class ExtractingCode(Session session, GraphView view, string[] nodes, ExploredInput? input)
{
    private readonly string? prepare = PreprocessingCode(session);

    private bool IsPlain => view.Key.Form == ViewKey.Plain;

    /// <inheritdoc/>
    public override string ToString()
    {
        var names = Extracts.Placeholders(session);
        var takesImage = input is not { IsImage: false } && prepare is not null;
        string[] read = takesImage
            ?
            [
                $"using var image = prepare.call(io.read_image({Literal(input?.Name ?? "photo.jpg")})).unsqueeze(0);",
                "using var features = extractor.call(image);",
            ]
            :
            [
                "var inputs = Safetensors.load_file(\"inputs.safetensors\");    // the page downloads it",
                $"using var features = extractor.call({Listed(Given(names).Select(name => $"inputs[{Literal(name)}]"))});",
            ];
        var mode = view.Key.Mode;
        return string.Join('\n',
        [
            "using TorchSharp;", "using TorchSharp.Fx;", "using TorchSharp.Fx.Vision;", "", session.Model.Code, $"model.{mode}();",
            .. IsPlain && !takesImage ? [] : Prepared(), .. IsPlain ? [] : Copy(),
            $"string[] nodes = [{Listed(nodes.Select(Literal))}];",
            "using var extractor = feature_extraction.create_feature_extractor("
                + $"(torch.nn.Module){(IsPlain ? "model" : view.Key.Form)}, "
                + $"nodes{(mode == ViewKey.Train ? ", suppress_diff_warning: true" : "")});",
            $"extractor.{mode}();", "using var mode = torch.no_grad();", .. mode == ViewKey.Train
                ? ["torch.manual_seed(0);"] : Array.Empty<string>(),
            .. read, "Safetensors.save_file(features, \"features.safetensors\");", "",
        ]);
    }

    private string[] Prepared() => prepare is null ? [] : [$"using var prepare = {prepare};"];

    /// <summary>The lines that make the copy that is looked at.</summary>
    private string[] Copy()
    {
        var type = view.Module is torch.nn.Module<torch.Tensor, torch.Tensor> ? "<torch.Tensor, torch.Tensor>" : "";
        var traced = $"using var traced = new GraphModule{type}(model, new NodePathTracer().trace(model));";
        if (view.Key.Form == ViewKey.Optimised)
            return [traced, "using var optimised = traced.optimize_for_inference();"];
        if (prepare is null)
            throw new ArgumentException(
                "The model's preprocessing is no ImageClassification, so the page can't write the C# that quantises the model.");
        var typical = session.Inputs.Images.Take(Session.CalibrationImages).Select(image => Literal(image.Name));
        return
        [
            traced, $"string[] typical = [{Listed(typical)}];",
            "using var quantised = quantization.quantize(traced, typical.Select(path => prepare.call(io.read_image(path)).unsqueeze(0)));",
        ];
    }

    /// <summary>The tensors of a file in the order of the model's inputs.</summary>
    private IEnumerable<string> Given(string[] names) => input is null or { IsImage: true } ? names.Take(1)
        : names.Select((name, position) => input.Tensors.ByName.ContainsKey(name) ? name : $"{position}")
            .Where(input.Tensors.ByName.ContainsKey);

    /// <summary>The constructor call that makes the preprocessing; null where no constructor of Vision does.</summary>
    private static string? PreprocessingCode(Session session)
    {
        using var made = session.Model.Preprocessing?.Invoke();
        return made is ImageClassification ? "new " + made.ToString()!.Replace("=", ": ", StringComparison.Ordinal)
            .Replace("interpolation: ", "interpolation: torch.InterpolationMode.", StringComparison.Ordinal) : null;
    }

    private static string Listed(IEnumerable<string> words) => string.Join(", ", words);

    private static string Literal(string text)
        => '"' + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + '"';
}
