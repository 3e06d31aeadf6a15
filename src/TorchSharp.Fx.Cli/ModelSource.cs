using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>Where a model comes from: Vision's catalogue, a type of the user's own assembly, or a file of a graph.</summary>
/// <param name="Name">What the command line calls it.</param>
/// <param name="Build">Makes it; Vision's models also on the meta device, where weights cost neither time nor memory.</param>
/// <param name="CropSize">The side of the square that images are cut to, in pixels.</param>
internal sealed record ModelSource(string Name, Func<Device?, nn.Module> Build, long CropSize)
{
    private const long UsualCropSize = 224;

    /// <summary>What one sample of the catalogue's models looks like; null where only the user knows.</summary>
    internal InputShape? Sample { get; private init; }

    // Vision's leaf functions, which a graph names and the tool has; found when a file is read or written, not at every start.
    private static readonly Lazy<Type[]> Functions = new(() => [.. typeof(models).Assembly.GetExportedTypes().Where(type => type is { IsAbstract: true, IsSealed: true } && type.CustomAttributes.Any(mark => mark.AttributeType.Name == "FxLeafAttribute"))]);

    /// <summary>Whether it is a file of a graph with its weights, which needs no tracing.</summary>
    internal bool IsSaved { get; private init; }

    /// <summary>The model for what only looks at its structure; example inputs have to go through it, and not all operations have a meta form.</summary>
    internal nn.Module BuildToTrace(TracerKwargs kwargs) => Build(kwargs.example_inputs is null ? META : null);

    /// <summary>The inputs that shapes follow from: those of the command line, else a sample.</summary>
    internal object?[] Inputs(TracerKwargs kwargs) => (kwargs.example_inputs, Sample) switch
    {
        ({ } given, _) => [.. given],
        (null, { } sample) => [sample],
        _ => throw new ToolException($"Shapes follow from those of the inputs: give --input for each input of '{Name}', in order, as in --input 1x3x224x224.") { IsWrongUsage = true },
    };

    /// <summary>Whether it is a model of Vision.</summary>
    internal bool IsInCatalogue => Sample is not null;

    /// <summary>What of the model is worth extracting; found without memory or computing where it is Vision's, and at the size of its images where only the user knows its inputs.</summary>
    internal FeatureInfo Features(TracerKwargs kwargs)
    {
        using var model = BuildToTrace(kwargs);
        return feature_extraction.feature_info(model, kwargs.example_inputs ?? [Sample ?? InputShape.Parse($"1x3x{CropSize}x{CropSize}")], kwargs);
    }

    /// <summary>Refuses a model whose input no image is.</summary>
    internal void RequireImages()
    {
        if (IsInCatalogue && models.get_model_info(Name).input_shape.Count != 3)
            throw new ToolException($"'{Name}' takes videos, and torchfx reads images only.");
    }

    /// <summary>Images as the model's published weights want them: torchvision's ratio of resize to crop is 256 to 224 throughout.</summary>
    internal ImageClassification Preprocessing() => new(CropSize, (long)Math.Round(CropSize * 256 / 224.0));

    /// <summary>Saves a graph for any process that has this tool's libraries.</summary>
    internal static void Save(nn.Module graph, string path) => fx.save(graph, path, Functions.Value);

    /// <param name="model">
    /// A name of the catalogue, <c>path/To.dll:Namespace.Type</c>, or a file: one that <see cref="Save"/> wrote, a program that PyTorch exported (.pt2), or an ONNX model.
    /// </param>
    /// <param name="args">The constructor's arguments as JSON, for a type only.</param>
    internal static ModelSource Find(string model, string? args)
    {
        if (model.Contains(".dll", StringComparison.OrdinalIgnoreCase))
            return FromAssembly(model, args);
        if (args is null && Reader(model) is { } read)
            return new(model, _ => read(model), UsualCropSize) { IsSaved = true };
        if (args is not null)
            throw new ToolException($"--args is for the constructor of a type (path/To.dll:Namespace.Type), and '{model}' is a model of the catalogue.") { IsWrongUsage = true };
        var info = InCatalogue(model);
        return new(info.name, device => models.get_model(info.name, device: device), info.input_shape[^1]) { Sample = InputShape.Parse($"1x{string.Join('x', info.input_shape)}") };
    }

    /// <summary>What reads a file of this ending; null for what is no model's file.</summary>
    private static Func<string, nn.Module>? Reader(string model) => Path.GetExtension(model).ToLowerInvariant() switch
    {
        ".safetensors" => path => fx.load(path, Functions.Value),
        ".pt2" => path => export.load(path),
        ".onnx" => path => Onnx.onnx.load(path),
        _ => null,
    };

    /// <summary>The catalogue's row of a model.</summary>
    internal static ModelInfo InCatalogue(string model) => models.list_models().Contains(model.ToLowerInvariant())
        ? models.get_model_info(model)
        : throw new ToolException($"There is no model named '{model}'. The nearest names are {NearestNames.Quoted(model, models.list_models())}; 'torchfx models' lists all.");

    private static ModelSource FromAssembly(string model, string? args)
    {
        var end = model.IndexOf(".dll", StringComparison.OrdinalIgnoreCase) + ".dll".Length;
        var (path, typeName) = (model[..end], model[end..].TrimStart(':'));
        var assembly = ModelAssembly.Load(path);
        var type = assembly.FindModule(typeName);
        var construct = ConstructorArguments.Match(type, args);
        return new(model, _ => construct(), UsualCropSize);
    }
}
