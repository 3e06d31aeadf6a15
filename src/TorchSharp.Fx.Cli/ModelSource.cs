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

    /// <summary>The shape of one sample; null where only the user knows.</summary>
    internal InputShape? Sample { get; init; }

    /// <summary>How many inputs like the sample it takes.</summary>
    internal int NumInputs { get; init; } = 1;

    /// <summary>Makes what prepares images for it, unless its weights or the command line say otherwise.</summary>
    internal Func<nn.Module<Tensor, Tensor>> Preprocessing { get; init; } = () => ForImageNet(CropSize);

    // Vision's leaf functions, which a graph names and the tool has; found when a file is read or written, not at every start.
    private static readonly Lazy<Type[]> Functions =
        new(() => [.. typeof(models).Assembly.GetExportedTypes()
            .Where(type => type is { IsAbstract: true, IsSealed: true }
                && type.CustomAttributes.Any(mark => mark.AttributeType.Name == "FxLeafAttribute"))]);

    /// <summary>Whether it is a file of a graph with its weights, which needs no tracing.</summary>
    internal bool IsSaved { get; init; }

    /// <summary>
    /// The model for what only looks at its structure; example inputs have to go through it, and not all operations have a meta form.
    /// </summary>
    internal nn.Module BuildToTrace(TracerKwargs kwargs) => Build(kwargs.example_inputs is null ? META : null);

    /// <summary>The inputs that shapes follow from: those of the command line, else a sample.</summary>
    internal object?[] Inputs(TracerKwargs kwargs) => (kwargs.example_inputs, Sample) switch
    {
        ({ } given, _) => [.. given],
        (null, { } sample) => [.. Enumerable.Repeat(sample, NumInputs)],
        _ => throw new ToolException(
            $"Shapes follow from those of the inputs: give --input for each input of '{Name}', in order, as in --input 1x3x224x224.") { IsWrongUsage = true },
    };

    /// <summary>Whether it is a model of Vision.</summary>
    internal bool IsInCatalogue { get; private init; }

    /// <summary>
    /// The nodes that are worth extracting; found without memory or computing where it is Vision's, and at the size of its images where
    /// only the user knows its inputs.
    /// </summary>
    internal FeatureInfo Features(TracerKwargs kwargs)
    {
        using var model = BuildToTrace(kwargs);
        return feature_extraction.feature_info(model, kwargs.example_inputs
            ?? [.. Enumerable.Repeat(Sample ?? InputShape.Parse($"1x3x{CropSize}x{CropSize}"), NumInputs)], kwargs);
    }

    /// <summary>Whether it takes no images but sequences of them.</summary>
    internal bool TakesVideos => IsInCatalogue && models.get_model_info(Name).input_shape.Count != 3;

    /// <summary>Refuses a model whose input no image is.</summary>
    internal void RequireImages()
    {
        if (IsInCatalogue && models.get_model_info(Name).input == ModelInput.Pair)
            throw new ToolException($"'{Name}' takes two images at once: 'torchfx flow' gives the flow between them.");
        if (TakesVideos)
            throw new ToolException($"'{Name}' takes videos, and torchfx reads images only.");
    }

    /// <summary>The shorter side before an image is cut to a square: torchvision's ratio is 256 to 224 for most weights.</summary>
    internal static long ResizeFor(long crop_size) => (long)Math.Round(crop_size * 256 / 224.0);

    private static ImageClassification ForImageNet(long crop_size) => new(crop_size, ResizeFor(crop_size));

    /// <summary>Saves a graph for any process that has this tool's libraries.</summary>
    internal static void Save(nn.Module graph, string path) => fx.save(graph, path, Functions.Value);

    /// <param name="model">
    /// A name of the catalogue, <c>path/To.dll:Namespace.Type</c>, or a file: one that <see cref="Save"/> wrote, a program that PyTorch
    /// exported (.pt2), or an ONNX model.
    /// </param>
    /// <param name="args">The constructor's arguments as JSON, for a type only.</param>
    internal static ModelSource Find(string model, string? args)
    {
        if (ModelAssembly.Named(model) is var (path, type))
            return FromAssembly(model, path, type, args);
        if (args is null && model == TrainedResNet.Name)
            return TrainedResNet.Source;
        if (args is null && IsFile(model))
            return new(model, _ => fx.load(model, Functions.Value), UsualCropSize) { IsSaved = true, Preprocessing = () => OfFile(model) };
        if (args is not null)
            throw new ToolException(
                $"--args is for the constructor of a type (path/To.dll:Namespace.Type), and '{model}' is a model of the catalogue.") { IsWrongUsage = true };
        var info = InCatalogue(model);
        return info.input != ModelInput.Images
            ? Of(info) with { Sample = InputShape.Parse($"1x{string.Join('x', info.input_shape)}"),
                NumInputs = info.input == ModelInput.Pair ? 2 : 1 }
            : throw new ToolException($"'{info.name}' is a detector, which takes a list of images; 'torchfx detect' runs it.");
    }

    /// <summary>A detector of the catalogue.</summary>
    internal static ModelSource FindDetector(string model)
    {
        var info = InCatalogue(model);
        return info.input == ModelInput.Images ? Of(info)
            : throw new ToolException(
                $"'{info.name}' is no detector. Detectors are {string.Join(", ", models.list_models(ModelInput.Images))}.");
    }

    private static ModelSource Of(ModelInfo info)
        => new(info.name, device => models.get_model(info.name, device: device), info.input_shape[^1]) { IsInCatalogue = true };

    /// <summary>The file that has the model, be it an assembly or a graph; null where it is the catalogue's.</summary>
    internal static string? FileOf(string model) => ModelAssembly.Named(model)?.Path ?? (IsFile(model) ? model : null);

    private static bool IsFile(string model) => Path.GetExtension(model).ToLowerInvariant() is ".safetensors" or ".pt2" or ".onnx";

    /// <summary>The preprocessing that a file of Hugging Face's beside the model tells, or that most models take.</summary>
    private static nn.Module<Tensor, Tensor> OfFile(string model)
    {
        if (ImageProcessor.Beside(model) is { } path)
            return ImageProcessor.from_pretrained(path);
        Console.Error.WriteLine(
            $"Images are prepared as for ImageNet, at {UsualCropSize} pixels. Where '{model}' takes others, say so by --preprocess or "
                + "--size, --mean and --std.");
        return ForImageNet(UsualCropSize);
    }

    /// <summary>The catalogue's row of a model.</summary>
    internal static ModelInfo InCatalogue(string model) => models.list_models().Contains(model.ToLowerInvariant())
        ? models.get_model_info(model)
        : throw new ToolException(
            $"There is no model named '{model}'. The nearest names are {NearestNames.Quoted(model, models.list_models())}; 'torchfx "
                + "models' lists all.");

    private static ModelSource FromAssembly(string model, string path, string typeName, string? args)
    {
        var assembly = ModelAssembly.Load(path);
        var type = assembly.FindModule(typeName);
        var construct = ConstructorArguments.Match(type, args);
        return new(model, _ => construct(), UsualCropSize);
    }
}
