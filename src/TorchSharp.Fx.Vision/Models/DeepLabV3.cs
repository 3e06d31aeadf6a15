using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// DeepLab v3: Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (2017).
/// <c>torchvision.models.segmentation.DeepLabV3</c>
/// </summary>
/// <remarks>Images [N, 3, H, W] to <c>out</c>, and <c>aux</c> where there is an auxiliary classifier, each [N, num_classes, H,
/// W].</remarks>
public sealed class DeepLabV3 : SegmentationModel
{
    /// <summary>
    /// Combines the classifiers with a backbone, whose outputs are <c>out</c>, and <c>aux</c> for the auxiliary classifier.
    /// </summary>
    public DeepLabV3(Module<Tensor, Dictionary<string, Tensor>> backbone, Module<Tensor, Tensor> classifier,
        Module<Tensor, Tensor>? aux_classifier = null)
        : base(nameof(DeepLabV3), backbone, classifier, aux_classifier)
    {
    }
}

/// <summary>
/// The pyramid and two convolutions: [N, in_channels, H, W] to [N, num_classes, H, W].
/// <c>torchvision.models.segmentation.deeplabv3.DeepLabHead</c>
/// </summary>
public sealed class DeepLabHead : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public DeepLabHead(long in_channels, long num_classes, IReadOnlyList<long>? atrous_rates = null, Device? device = null) : base(
        new ASPP(in_channels, atrous_rates ?? [12, 24, 36], device: device),
        Conv2d(256, 256, kernel_size: 3, padding: 1, bias: false, device: device),
        BatchNorm2d(256, device: device),
        ReLU(),
        Conv2d(256, num_classes, kernel_size: 1, device: device))
    {
    }
}

/// <summary>
/// Atrous spatial pyramid pooling: combines the surroundings of a pixel at several distances.
/// <c>torchvision.models.segmentation.deeplabv3.ASPP</c>
/// </summary>
/// <remarks>[N, in_channels, H, W] to [N, out_channels, H, W].</remarks>
public sealed class ASPP : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> convs;
    private readonly Sequential project;

    /// <summary>Initialises random weights.</summary>
    public ASPP(long in_channels, IReadOnlyList<long> atrous_rates, long out_channels = 256, Device? device = null) : base(nameof(ASPP))
    {
        ArgumentNullException.ThrowIfNull(atrous_rates);
        convs = new([
            Sequential(Conv2d(in_channels, out_channels, kernel_size: 1, bias: false, device: device),
                BatchNorm2d(out_channels, device: device), ReLU()),
            .. atrous_rates.Select(rate => new ASPPConv(in_channels, out_channels, rate, device)),
            new ASPPPooling(in_channels, out_channels, device)]);
        project = Sequential(
            Conv2d(convs.Count * out_channels, out_channels, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(out_channels, device: device), ReLU(), Dropout(0.5));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var branches = new List<Tensor>();
        foreach (var conv in convs) branches.Add(conv.call(x));
        var res = torch.cat(branches, 1);
        return project.call(res);
    }
}

/// <summary>A dilated convolution. <c>torchvision.models.segmentation.deeplabv3.ASPPConv</c></summary>
public sealed class ASPPConv : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public ASPPConv(long in_channels, long out_channels, long dilation, Device? device = null) : base(
        Conv2d(in_channels, out_channels, kernel_size: 3, padding: dilation, dilation: dilation, bias: false, device: device),
        BatchNorm2d(out_channels, device: device), ReLU())
    {
    }
}

/// <summary>The whole image's mean at every pixel. <c>torchvision.models.segmentation.deeplabv3.ASPPPooling</c></summary>
public sealed class ASPPPooling : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public ASPPPooling(long in_channels, long out_channels, Device? device = null) : base(
        AdaptiveAvgPool2d(1), Conv2d(in_channels, out_channels, kernel_size: 1, bias: false, device: device),
        BatchNorm2d(out_channels, device: device), ReLU())
    {
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor tensor)
    {
        var size = tensor.shape[^2..];
        var x = base.forward(tensor);
        return F.interpolate(x, size: size, mode: InterpolationMode.Bilinear, align_corners: false);
    }
}

public static partial class models
{
    private static ModelInfo[] deeplabs =>
    [
        new("deeplabv3_resnet50", 39_638_869, coco, (classes, device) => deeplabv3_resnet50(classes, device: device)) { num_classes = 21,
            pretrained = (_, device) => deeplabv3_resnet50(aux_loss: true, device: device) },
        new("deeplabv3_resnet101", 58_630_997, coco, (classes, device) => deeplabv3_resnet101(classes, device: device)) { num_classes = 21,
            pretrained = (_, device) => deeplabv3_resnet101(aux_loss: true, device: device) },
        new("deeplabv3_mobilenet_v3_large", 11_025_477, coco,
            (classes, device) => deeplabv3_mobilenet_v3_large(classes, device: device)) { num_classes = 21,
            pretrained = (_, device) => deeplabv3_mobilenet_v3_large(aux_loss: true, device: device) },
    ];

    /// <summary>DeepLab v3 on ResNet-50. <c>torchvision.models.segmentation.deeplabv3_resnet50</c></summary>
    public static DeepLabV3 deeplabv3_resnet50(long num_classes = 21, bool aux_loss = false, Device? device = null) =>
        deeplabv3(resnet50(replace_stride_with_dilation: [false, true, true], device: device), num_classes, aux_loss, device);

    /// <summary>DeepLab v3 on ResNet-101. <c>torchvision.models.segmentation.deeplabv3_resnet101</c></summary>
    public static DeepLabV3 deeplabv3_resnet101(long num_classes = 21, bool aux_loss = false, Device? device = null) =>
        deeplabv3(resnet101(replace_stride_with_dilation: [false, true, true], device: device), num_classes, aux_loss, device);

    /// <summary>DeepLab v3 on MobileNet v3, large. <c>torchvision.models.segmentation.deeplabv3_mobilenet_v3_large</c></summary>
    public static DeepLabV3 deeplabv3_mobilenet_v3_large(long num_classes = 21, bool aux_loss = false, Device? device = null)
    {
        var levels = MobileNetLevels.Of(mobilenet_v3_large(dilated: true, device: device));
        var return_layers = new Dictionary<string, string> { [levels.high] = "out" };
        if (aux_loss) return_layers[levels.low] = "aux";
        return new(
            new IntermediateLayerGetter(levels.features, return_layers), new DeepLabHead(levels.high_channels, num_classes, device: device),
            aux_loss ? new FCNHead(levels.low_channels, num_classes, device) : null);
    }

    private static DeepLabV3 deeplabv3(ResNet backbone, long num_classes, bool aux_loss, Device? device) =>
        new(SegmentationModel.Backbone(backbone, aux_loss), new DeepLabHead(2048, num_classes, device: device),
            aux_loss ? new FCNHead(1024, num_classes, device) : null);
}
