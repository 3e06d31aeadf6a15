using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Lite R-ASPP: the segmentation part of Howard et al., "Searching for MobileNetV3" (2019). <c>torchvision.models.segmentation.LRASPP</c>
/// </summary>
/// <remarks>Images [N, 3, H, W] to <c>out</c>: [N, num_classes, H, W].</remarks>
public sealed class LRASPP : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly Module<Tensor, Dictionary<string, Tensor>> backbone;
    private readonly LRASPPHead classifier;

    /// <summary>
    /// Combines the classifier with a backbone, whose outputs are <c>low</c>, of a higher resolution, and <c>high</c>, of a higher level.
    /// </summary>
    public LRASPP(Module<Tensor, Dictionary<string, Tensor>> backbone, long low_channels, long high_channels, long num_classes,
        long inter_channels = 128, Device? device = null)
        : base(nameof(LRASPP))
    {
        this.backbone = backbone;
        classifier = new LRASPPHead(low_channels, high_channels, num_classes, inter_channels, device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor input)
    {
        var features = backbone.call(input);
        var y = classifier.call(features);
        y = F.interpolate(y, size: input.shape[^2..], mode: InterpolationMode.Bilinear, align_corners: false);
        return new Dictionary<string, Tensor> { ["out"] = y };
    }
}

/// <summary>
/// Weighs the high level's channels by their means and adds the low level's details.
/// <c>torchvision.models.segmentation.lraspp.LRASPPHead</c>
/// </summary>
public sealed class LRASPPHead : Module<Dictionary<string, Tensor>, Tensor>
{
    private readonly Sequential cbr;
    private readonly Sequential scale;
    private readonly Conv2d low_classifier;
    private readonly Conv2d high_classifier;

    /// <summary>Initialises random weights.</summary>
    public LRASPPHead(long low_channels, long high_channels, long num_classes, long inter_channels, Device? device = null)
        : base(nameof(LRASPPHead))
    {
        cbr = Sequential(Conv2d(high_channels, inter_channels, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(inter_channels, device: device), ReLU(inplace: true));
        scale = Sequential(AdaptiveAvgPool2d(1), Conv2d(high_channels, inter_channels, kernel_size: 1, bias: false, device: device),
            Sigmoid());
        low_classifier = Conv2d(low_channels, num_classes, kernel_size: 1, device: device);
        high_classifier = Conv2d(inter_channels, num_classes, kernel_size: 1, device: device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Dictionary<string, Tensor> input)
    {
        var low = input["low"];
        var high = input["high"];

        var x = cbr.call(high);
        var s = scale.call(high);
        x = x * s;
        x = F.interpolate(x, size: low.shape[^2..], mode: InterpolationMode.Bilinear, align_corners: false);

        return low_classifier.call(low) + high_classifier.call(x);
    }
}

/// <summary>The two levels at which segmentation taps a MobileNet v3: after the stage whose stride is 8, and at the end.</summary>
internal sealed record MobileNetLevels(Sequential features, string low, long low_channels, string high, long high_channels)
{
    public static MobileNetLevels Of(MobileNetV3 backbone)
    {
        var features = (Sequential)backbone.named_children().First().module;
        var layers = features.named_children().ToList();
        // A stage begins with a stride, dilated or not; the last two reach 16 and 32.
        var low = layers.Where(layer => layer.module is MobileNetV3InvertedResidual { is_strided: true }).SkipLast(2).Last();
        var high = layers[^1];
        return new(features, low.name, ((MobileNetV3InvertedResidual)low.module).out_channels, high.name,
            ((Conv2dNormActivation)high.module).out_channels);
    }
}

public static partial class models
{
    private static ModelInfo[] lraspps =>
    [
        new("lraspp_mobilenet_v3_large", 3_221_538, coco,
            (classes, device) => lraspp_mobilenet_v3_large(classes, device)) { num_classes = 21 },
    ];

    /// <summary>Lite R-ASPP on MobileNet v3, large. <c>torchvision.models.segmentation.lraspp_mobilenet_v3_large</c></summary>
    public static LRASPP lraspp_mobilenet_v3_large(long num_classes = 21, Device? device = null)
    {
        var levels = MobileNetLevels.Of(mobilenet_v3_large(dilated: true, device: device));
        var backbone =
            new IntermediateLayerGetter(levels.features, new Dictionary<string, string> { [levels.low] = "low", [levels.high] = "high" });
        return new(backbone, levels.low_channels, levels.high_channels, num_classes, device: device);
    }
}
