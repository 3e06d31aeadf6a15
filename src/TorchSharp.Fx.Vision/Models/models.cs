using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>The architectures, one builder each, and the catalogue of their names.</summary>
/// <remarks>
/// <c>torchvision.models</c>. A builder initialises random weights. With <c>device: torch.META</c> it allocates no weights and takes
/// milliseconds: enough to list names, count parameters or trace.
/// </remarks>
public static partial class models
{
    private static long[] imagenet => [3, 224, 224];

    private static readonly Dictionary<string, ModelInfo> catalogue = new ModelInfo[][]
    {
        alexnets,
        vggs,
        resnets,
        googlenets,
        inceptions,
        densenets,
        squeezenets,
        mnasnets,
        mobilenet_v2s,
        mobilenet_v3s,
        shufflenets,
        efficientnets,
        regnets,
        convnexts,
        vits,
        swins,
        maxvits,
        fcns,
        deeplabs,
        lraspps,
        videoresnets,
        s3ds,
        mvits,
        swin3ds,
        detectors,
        rafts,
        quantizables,
    }.SelectMany(family => family).ToDictionary(row => row.name);

    /// <summary>
    /// The names that <see cref="get_model(string, long?, Device?)"/> knows, sorted. <c>torchvision.models.list_models</c>
    /// </summary>
    /// <param name="input">Only models whose <c>forward</c> takes this input; null for all.</param>
    public static IReadOnlyList<string> list_models(ModelInput? input = null) =>
        [.. catalogue.Values.Where(row => input is null || row.input == input).Select(row => row.name).Order(StringComparer.Ordinal)];

    /// <summary>The catalogue's row of a model.</summary>
    /// <exception cref="ArgumentException">No model has that name.</exception>
    public static ModelInfo get_model_info(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return catalogue.TryGetValue(name.ToLowerInvariant(), out var row) ? row : throw new ArgumentException(
            $"There is no model named '{name}'. The nearest names are {NearestNames.Quoted(name, catalogue.Keys)}; models.list_models() "
                + "lists all.", nameof(name));
    }

    /// <summary>Builds a model by name. <c>torchvision.models.get_model</c></summary>
    /// <param name="name">One of <see cref="list_models"/>; upper and lower case are the same.</param>
    /// <param name="num_classes">How many outputs the classifier has; null is what the published weights have.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">No model has that name, or it has no classes.</exception>
    public static nn.Module get_model(string name, long? num_classes = null, Device? device = null)
    {
        var row = get_model_info(name);
        if (num_classes is not null && row.num_classes == 0)
            throw new ArgumentException($"'{row.name}' tells no classes apart: leave num_classes out.", nameof(num_classes));
        return row.builder(num_classes ?? row.num_classes, device);
    }
}
