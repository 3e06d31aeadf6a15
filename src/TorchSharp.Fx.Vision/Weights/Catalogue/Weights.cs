using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>Published weights of a model: their address, accuracy and preprocessing. <c>torchvision.models.Weights</c></summary>
public sealed class Weights
{
    private readonly TransformSettings settings;

    internal Weights(string enum_name, string name, Uri url, bool is_default, WeightsMeta meta, TransformSettings settings)
    {
        (this.enum_name, this.name, this.url, this.is_default, this.meta, this.settings) =
            (enum_name, name, url, is_default, meta, settings);
        const string quantized = "_QuantizedWeights";
        model = (enum_name.EndsWith(quantized, StringComparison.Ordinal)
            ? $"quantized_{enum_name[..^quantized.Length]}" : enum_name[..^"_Weights".Length]).ToLowerInvariant();
    }

    /// <summary>The type that they are a member of, e.g. <c>ResNet50_Weights</c>.</summary>
    public string enum_name { get; }

    /// <summary>Their own name, such as <c>IMAGENET1K_V2</c>.</summary>
    public string name { get; }

    /// <summary>The model's name, such as <c>resnet50</c>.</summary>
    public string model { get; }

    /// <summary>The address of the file.</summary>
    public Uri url { get; }

    /// <summary>Whether they are the model's best.</summary>
    public bool is_default { get; }

    /// <summary>Size, accuracy and labels.</summary>
    public WeightsMeta meta { get; }

    /// <summary>The preprocessing they were measured with. <c>weights.transforms()</c></summary>
    /// <returns>A transform from uint8 images [N, 3, H, W], or videos [N, T, 3, H, W], to the model's input.</returns>
    public nn.Module<Tensor, Tensor> transforms() => settings.Build(ToString());

    /// <summary>The file, downloaded if missing.</summary>
    /// <param name="options">Mirror, time limits and progress; null is the defaults.</param>
    /// <exception cref="DownloadException">It could not be downloaded; the message says which file to put where.</exception>
    public string download(DownloadOptions? options = null) => hub.download(url, options);

    /// <summary>The tensors by name, downloaded if missing. <c>weights.get_state_dict()</c></summary>
    /// <param name="options">Mirror, time limits and progress; null is the defaults.</param>
    /// <exception cref="DownloadException">They could not be downloaded; the message says which file to put where.</exception>
    public Dictionary<string, Tensor> get_state_dict(DownloadOptions? options = null) => Pth.load_file(download(options));

    /// <summary>As in Python: <c>ResNet50_Weights.IMAGENET1K_V2</c>.</summary>
    public override string ToString() => $"{enum_name}.{name}";

    internal static IReadOnlyList<Weights> Of(string enum_name) => WeightsCatalogue.ByEnum[enum_name];

    internal static Weights Get(string enum_name, string name) => Of(enum_name).First(weights => weights.name == name);

    internal static Weights Default(string enum_name) => Of(enum_name).First(weights => weights.is_default);
}

/// <summary>The facts about published weights. <c>weights.meta</c></summary>
/// <param name="num_params">How many parameters the model has.</param>
/// <param name="min_size">The smallest height and width of an input.</param>
/// <param name="categories">The labels of its outputs, in order; empty where the outputs are no classes.</param>
/// <param name="metrics">The metrics by data set, then by name: <c>metrics["ImageNet-1K"]["acc@1"]</c>, in per cent.</param>
/// <param name="recipe">The address of the training recipe.</param>
/// <param name="gflops">Billions of multiplications and additions for one input.</param>
/// <param name="file_size">In megabytes (2²⁰ bytes).</param>
public sealed record WeightsMeta(
    long num_params, IReadOnlyList<long> min_size, IReadOnlyList<string> categories,
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, double>> metrics,
    Uri recipe, double gflops, double file_size);
