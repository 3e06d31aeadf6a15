using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Fully convolutional network: Long et al., "Fully Convolutional Networks for Semantic Segmentation" (2014).
/// <c>torchvision.models.segmentation.FCN</c>
/// </summary>
/// <remarks>Images [N, 3, H, W] to <c>out</c>, and <c>aux</c> where there is an auxiliary classifier, each [N, num_classes, H,
/// W].</remarks>
public sealed class FCN : SegmentationModel
{
    /// <summary>
    /// Combines the classifiers with a backbone, whose outputs are <c>out</c>, and <c>aux</c> for the auxiliary classifier.
    /// </summary>
    public FCN(Module<Tensor, Dictionary<string, Tensor>> backbone, Module<Tensor, Tensor> classifier,
        Module<Tensor, Tensor>? aux_classifier = null)
        : base(nameof(FCN), backbone, classifier, aux_classifier)
    {
    }
}

/// <summary>Two convolutions: [N, in_channels, H, W] to [N, channels, H, W]. <c>torchvision.models.segmentation.fcn.FCNHead</c></summary>
public sealed class FCNHead : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public FCNHead(long in_channels, long channels, Device? device = null) : base(
        Conv2d(in_channels, in_channels / 4, kernel_size: 3, padding: 1, bias: false, device: device),
        BatchNorm2d(in_channels / 4, device: device),
        ReLU(),
        Dropout(0.1),
        Conv2d(in_channels / 4, channels, kernel_size: 1, device: device))
    {
    }
}

public static partial class models
{
    private static long[] coco => [3, 520, 520];

    private static ModelInfo[] fcns =>
    [
        new("fcn_resnet50", 32_957_013, coco, (classes, device) => fcn_resnet50(classes, device: device)) { num_classes = 21,
            pretrained = (_, device) => fcn_resnet50(aux_loss: true, device: device) },
        new("fcn_resnet101", 51_949_141, coco, (classes, device) => fcn_resnet101(classes, device: device)) { num_classes = 21,
            pretrained = (_, device) => fcn_resnet101(aux_loss: true, device: device) },
    ];

    /// <summary>FCN on ResNet-50. <c>torchvision.models.segmentation.fcn_resnet50</c></summary>
    public static FCN fcn_resnet50(long num_classes = 21, bool aux_loss = false, Device? device = null) =>
        fcn(resnet50(replace_stride_with_dilation: [false, true, true], device: device), num_classes, aux_loss, device);

    /// <summary>FCN on ResNet-101. <c>torchvision.models.segmentation.fcn_resnet101</c></summary>
    public static FCN fcn_resnet101(long num_classes = 21, bool aux_loss = false, Device? device = null) =>
        fcn(resnet101(replace_stride_with_dilation: [false, true, true], device: device), num_classes, aux_loss, device);

    private static FCN fcn(ResNet backbone, long num_classes, bool aux_loss, Device? device) =>
        new(SegmentationModel.Backbone(backbone, aux_loss), new FCNHead(2048, num_classes, device),
            aux_loss ? new FCNHead(1024, num_classes, device) : null);
}
