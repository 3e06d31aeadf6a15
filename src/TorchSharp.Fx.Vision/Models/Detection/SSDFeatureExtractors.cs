using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// A VGG-16 and further convolutions, down to one pixel: figure 2 of the SSD paper.
/// <c>torchvision.models.detection.ssd.SSDFeatureExtractorVGG</c>
/// </summary>
/// <remarks>Images [N, 3, 300, 300] to six features, "0" to "5", of 38, 19, 10, 5, 3 and 1 pixels a side.</remarks>
public sealed class SSDFeatureExtractorVGG : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly Parameter scale_weight;
    private readonly Sequential features;
    private readonly ModuleList<Module<Tensor, Tensor>> extra;

    /// <summary>Takes a VGG-16's convolutions and initialises random weights for the further layers.</summary>
    /// <param name="backbone">The convolutions and five poolings in a row, the last pooling at the end.</param>
    /// <param name="highres">Whether there is one more feature, as images of 512 × 512 need.</param>
    /// <param name="device">The device of the further weights; null for the default device.</param>
    public SSDFeatureExtractorVGG(Sequential backbone, bool highres = false, Device? device = null) : base(nameof(SSDFeatureExtractorVGG))
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var layers = backbone.children().Cast<Module<Tensor, Tensor>>().ToArray();
        int[] pools = [.. Enumerable.Range(0, layers.Length).Where(i => layers[i] is MaxPool2d)];
        // Rounded up, so that the sizes are the paper's.
        layers[pools[2]] = MaxPool2d(kernel_size: 2, stride: 2, ceil_mode: true);

        scale_weight = new(torch.full([512], 20f, device: device));
        features = Sequential(layers[..pools[3]]);
        var further = new List<Module<Tensor, Tensor>>
        {
            Block(1024, 256, Conv2d(256, 512, kernel_size: 3, padding: 1, stride: 2, device: device), device),
            Block(512, 128, Conv2d(128, 256, kernel_size: 3, padding: 1, stride: 2, device: device), device),
            Block(256, 128, Conv2d(128, 256, kernel_size: 3, device: device), device),
            Block(256, 128, Conv2d(128, 256, kernel_size: 3, device: device), device),
        };
        if (highres) further.Add(Block(256, 128, Conv2d(128, 256, kernel_size: 4, device: device), device));
        var fc = Sequential(
            MaxPool2d(kernel_size: 3, stride: 1, padding: 1),
            Conv2d(512, 1024, kernel_size: 3, padding: 6, dilation: 6, device: device),
            ReLU(inplace: true),
            Conv2d(1024, 1024, kernel_size: 1, device: device),
            ReLU(inplace: true));
        foreach (var module in (IEnumerable<nn.Module>)[.. further, fc]) DetectionWeights.Xavier(module);
        extra = ModuleList<Module<Tensor, Tensor>>([Sequential([.. layers[pools[3]..^1], fc]), .. further]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor x)
    {
        x = features.call(x);
        var output = new List<Tensor> { scale_weight.reshape(1, -1, 1, 1) * F.normalize(x) };
        foreach (var block in extra)
        {
            x = block.call(x);
            output.Add(x);
        }
        return output.Index().ToDictionary(feature => $"{feature.Index}", feature => feature.Item);
    }

    private static Sequential Block(long in_channels, long channels, Conv2d conv, Device? device) =>
        Sequential(Conv2d(in_channels, channels, kernel_size: 1, device: device), ReLU(inplace: true), conv, ReLU(inplace: true));
}

/// <summary>
/// A MobileNet v3 and further blocks, down to one pixel: section 6.3 of "Searching for MobileNetV3" (2019).
/// <c>torchvision.models.detection.ssdlite.SSDLiteFeatureExtractorMobileNet</c>
/// </summary>
/// <remarks>Images [N, 3, 320, 320] to six features, "0" to "5", of 20, 10, 5, 3, 2 and 1 pixels a side.</remarks>
public sealed class SSDLiteFeatureExtractorMobileNet : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly Sequential features;
    private readonly ModuleList<Module<Tensor, Tensor>> extra;

    /// <summary>Takes a MobileNet's blocks and initialises random weights for the further layers.</summary>
    /// <param name="backbone">The blocks in a row.</param>
    /// <param name="c4_pos">Which block first has a stride of 32: it is cut after its expansion.</param>
    /// <param name="norm_layer">Builds the further norms.</param>
    /// <param name="device">The device of the further weights; null for the default device.</param>
    public SSDLiteFeatureExtractorMobileNet(Sequential backbone, int c4_pos, NormLayer norm_layer, Device? device = null)
        : base(nameof(SSDLiteFeatureExtractorMobileNet))
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var blocks = backbone.children().Cast<Module<Tensor, Tensor>>().ToArray();
        var cut = blocks[c4_pos].named_children().Single(child => child.name == "block").module.named_children()
            .Select(layer => (layer.name, (Module<Tensor, Tensor>)layer.module)).ToArray();
        features = Sequential(
            Sequential([.. blocks[..c4_pos], cut[0].Item2]),
            Sequential([Sequential(cut[1..]), .. blocks[(c4_pos + 1)..]]));
        out_channels = [cut[0].Item2 is Conv2dNormActivation expansion ? expansion.out_channels : 0, ((Conv2dNormActivation)blocks[^1])
            .out_channels, 512, 256, 256, 128];
        extra = ModuleList([.. out_channels.Skip(2)
            .Select((channels, i) => (Module<Tensor, Tensor>)Block(out_channels[i + 1], channels, norm_layer, device))]);
        DetectionWeights.Normal(extra, 0.03);
        RegisterComponents();
    }

    /// <summary>Channels of each feature.</summary>
    public IReadOnlyList<long> out_channels { get; }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor x)
    {
        var output = new Dictionary<string, Tensor>();
        foreach (var block in features.children().Cast<Module<Tensor, Tensor>>().Concat(extra))
        {
            x = block.call(x);
            output[$"{output.Count}"] = x;
        }
        return output;
    }

    private static Sequential Block(long in_channels, long out_channels, NormLayer norm_layer, Device? device) => Sequential(
        new Conv2dNormActivation(in_channels, out_channels / 2, norm_layer, ReLU6, kernel_size: 1, device: device),
        new Conv2dNormActivation(out_channels / 2, out_channels / 2, norm_layer, ReLU6, stride: 2, groups: out_channels / 2,
            device: device),
        new Conv2dNormActivation(out_channels / 2, out_channels, norm_layer, ReLU6, kernel_size: 1, device: device));
}
