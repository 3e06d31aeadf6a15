using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    /// <summary>Published weights by their full name, <c>ResNet50_Weights.IMAGENET1K_V2</c>. <c>torchvision.models.get_weight</c></summary>
    /// <exception cref="ArgumentException">No weights have that name.</exception>
    public static Weights get_weight(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var all = WeightsCatalogue.ByEnum;
        if (name.Split('.') is [var type, var member] && all.TryGetValue(type, out var rows))
            return Choose(rows, member) ?? throw NoSuch(name, rows.Select(row => row.ToString()));
        throw NoSuch(name, all.Values.SelectMany(list => list).Select(row => row.ToString()));
    }

    /// <summary>All weights published for a model, in the order of their publication. <c>torchvision.models.get_model_weights</c></summary>
    /// <exception cref="ArgumentException">No model with weights has that name.</exception>
    public static IReadOnlyList<Weights> get_model_weights(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return WeightsCatalogue.ByModel.TryGetValue(name.ToLowerInvariant(), out var rows) ? rows : throw new ArgumentException(
            $"No weights are published for '{name}'. The nearest models with weights are "
                + $"{NearestNames.Quoted(name, WeightsCatalogue.ByModel.Keys)}.", nameof(name));
    }

    /// <summary>
    /// Builds a model with published weights, downloaded if missing; for quantised weights a graph, as <see cref="quantization"/> does.
    /// <c>torchvision.models.get_model(name, weights=…)</c>
    /// </summary>
    /// <param name="name">One of <see cref="list_models"/>; upper and lower case are the same.</param>
    /// <param name="weights">Weights of that model, such as <c>ResNet50_Weights.DEFAULT</c>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="options">Mirror, time limits and progress of the download; null is the defaults.</param>
    /// <exception cref="ArgumentException">No model has that name, or the weights belong to another model.</exception>
    /// <exception cref="DownloadException">They could not be downloaded; the message says which file to put where.</exception>
    /// <exception cref="NotSupportedException">The weights are quantised, and the program doesn't refer to TorchSharp.Fx.</exception>
    public static nn.Module get_model(string name, Weights weights, Device? device = null, DownloadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var info = get_model_info(name);
        CheckModel(weights, info.name);
        var path = weights.download(options);
        var model = BuildFor(weights, device);
        if (info.is_quantizable)
            using (model)
                return quantization.Quantized(model, info, path);
        model.LoadPublished(path, info.unused);
        return model;
    }

    /// <summary>Builds a model with published weights, chosen by name.</summary>
    /// <param name="name">One of <see cref="list_models"/>; upper and lower case are the same.</param>
    /// <param name="weights"><c>DEFAULT</c>, <c>IMAGENET1K_V2</c> or the full <c>ResNet50_Weights.IMAGENET1K_V2</c>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="options">Mirror, time limits and progress of the download; null is the defaults.</param>
    /// <exception cref="ArgumentException">No model or no weights have that name.</exception>
    /// <exception cref="DownloadException">They could not be downloaded; the message says which file to put where.</exception>
    public static nn.Module get_model(string name, string weights, Device? device = null, DownloadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Contains('.', StringComparison.Ordinal)) return get_model(name, get_weight(weights), device, options);
        var rows = get_model_weights(get_model_info(name).name);
        return get_model(name, Choose(rows, weights) ?? throw NoSuch(weights, rows.Select(row => row.name)), device, options);
    }

    /// <summary>Builds the model that published weights are for, as they want it.</summary>
    internal static nn.Module BuildFor(Weights weights, Device? device) => BuildFor(get_model_info(weights.model), weights, device);

    private static nn.Module BuildFor(ModelInfo info, Weights weights, Device? device)
        => info.pretrained is { } build ? build(weights, device) : info.builder(info.num_classes, device);

    private static void CheckModel(Weights weights, string model)
    {
        if (weights.model != model)
            throw new ArgumentException($"{weights} are weights of '{weights.model}', not of '{model}'.", nameof(weights));
    }

    private static Weights? Choose(IReadOnlyList<Weights> rows, string name)
        => rows.FirstOrDefault(row => row.name == name || (name == "DEFAULT" && row.is_default));

    private static ArgumentException NoSuch(string name, IEnumerable<string> known) =>
        new($"There are no weights named '{name}'. The nearest names are {NearestNames.Quoted(name, known)}.", nameof(name));
}
