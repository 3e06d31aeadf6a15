using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Mask R-CNN: He et al., "Mask R-CNN" (2017). <c>torchvision.models.detection.MaskRCNN</c></summary>
/// <remarks>Detections have <c>masks</c> too: how probable it is that a pixel belongs to the object, [L, 1, H, W].</remarks>
public sealed class MaskRCNN : FasterRCNN
{
    /// <summary>Puts proposals and heads on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="out_channels">Channels of every feature.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    /// <param name="mask_roi_pool">Cuts detections out of the features; null is 14 × 14 of the levels "0" to "3".</param>
    /// <param name="mask_head">Regions to features of as many places; null is <see cref="MaskRCNNHeads"/>.</param>
    /// <param name="mask_predictor">
    /// Those to logits for each class [K, num_classes, M, M]; null is <see cref="MaskRCNNPredictor"/> for 256 channels.
    /// </param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public MaskRCNN(
        Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes, FasterRCNNOptions? options = null,
        MultiScaleRoIAlign? mask_roi_pool = null, Module<Tensor, Tensor>? mask_head = null, Module<Tensor, Tensor>? mask_predictor = null,
            Device? device = null)
        : base(nameof(MaskRCNN), backbone, out_channels, num_classes, options ?? new(), device) =>
        roi_heads.AddMasks(new(
            mask_roi_pool ?? Regions(14),
            mask_head ?? new MaskRCNNHeads(out_channels, [256, 256, 256, 256], dilation: 1, device: device),
            mask_predictor ?? new MaskRCNNPredictor(256, 256, num_classes, device)));

    private protected override IEnumerable<string> TargetKeys => ["masks"];
}

/// <summary>Convolutions: [K, in_channels, h, w] to [K, C, h, w]. <c>torchvision.models.detection.mask_rcnn.MaskRCNNHeads</c></summary>
public sealed class MaskRCNNHeads : Sequential
{
    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the regions.</param>
    /// <param name="layers">Channels of each convolution.</param>
    /// <param name="dilation">The convolutions'.</param>
    /// <param name="norm_layer">Builds the norms; null is none.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public MaskRCNNHeads(long in_channels, IReadOnlyList<long> layers, long dilation, NormLayer? norm_layer = null, Device? device = null)
        : base(Layers(in_channels, layers, dilation, norm_layer, device)) =>
        DetectionWeights.Kaiming(this);

    private static Module<Tensor, Tensor>[] Layers(long in_channels, IReadOnlyList<long> layers, long dilation, NormLayer? norm_layer,
        Device? device) =>
    [
        .. layers.Select((width, i) => new Conv2dNormActivation(
            i == 0 ? in_channels : layers[i - 1], width, norm_layer, ReLU, padding: dilation, dilation: dilation, device: device)),
    ];
}

/// <summary>
/// [K, in_channels, h, w] to logits [K, num_classes, 2 · h, 2 · w]. <c>torchvision.models.detection.mask_rcnn.MaskRCNNPredictor</c>
/// </summary>
public sealed class MaskRCNNPredictor : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public MaskRCNNPredictor(long in_channels, long dim_reduced, long num_classes, Device? device = null)
        : this(ConvTranspose2d(in_channels, dim_reduced, kernel_size: 2, stride: 2, device: device),
            Conv2d(dim_reduced, num_classes, kernel_size: 1, device: device))
    {
    }

    private MaskRCNNPredictor(ConvTranspose2d conv5_mask, Conv2d mask_fcn_logits)
        : base((nameof(conv5_mask), conv5_mask), ("relu", ReLU(inplace: true)), (nameof(mask_fcn_logits), mask_fcn_logits))
    {
        foreach (var weight in new[] { conv5_mask.weight, mask_fcn_logits.weight })
            init.kaiming_normal_(weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
    }
}
