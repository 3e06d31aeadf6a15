using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Keypoint R-CNN: section 5 of He et al., "Mask R-CNN" (2017). <c>torchvision.models.detection.KeypointRCNN</c></summary>
/// <remarks>Detections have <c>keypoints</c> too, x, y and 1, in pixels [L, K, 3], and <c>keypoints_scores</c>, logits [L, K].</remarks>
public sealed class KeypointRCNN : FasterRCNN
{
    /// <summary>Puts proposals and heads on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="out_channels">Channels of every feature.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    /// <param name="keypoint_roi_pool">Cuts detections out of the features; null is 14 × 14 of the levels "0" to "3".</param>
    /// <param name="keypoint_head">Regions to features of as many places; null is <see cref="KeypointRCNNHeads"/>.</param>
    /// <param name="keypoint_predictor">
    /// Those to a heat map for each key point; null is <see cref="KeypointRCNNPredictor"/> for 512 channels.
    /// </param>
    /// <param name="num_keypoints">How many key points an object has.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public KeypointRCNN(
        Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes = 2, FasterRCNNOptions? options = null,
        MultiScaleRoIAlign? keypoint_roi_pool = null, Module<Tensor, Tensor>? keypoint_head = null,
            Module<Tensor, Tensor>? keypoint_predictor = null,
        long num_keypoints = 17, Device? device = null)
        : base(nameof(KeypointRCNN), backbone, out_channels, num_classes, options ?? new(), device) =>
        roi_heads.AddKeypoints(new(
            keypoint_roi_pool ?? Regions(14),
            keypoint_head ?? new KeypointRCNNHeads(out_channels, [512, 512, 512, 512, 512, 512, 512, 512], device),
            keypoint_predictor ?? new KeypointRCNNPredictor(512, num_keypoints, device)));

    private protected override IEnumerable<string> TargetKeys => ["keypoints"];
}

/// <summary>
/// Convolutions: [K, in_channels, h, w] to [K, C, h, w]. <c>torchvision.models.detection.keypoint_rcnn.KeypointRCNNHeads</c>
/// </summary>
public sealed class KeypointRCNNHeads : Sequential
{
    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the regions.</param>
    /// <param name="layers">Channels of each convolution.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public KeypointRCNNHeads(long in_channels, IReadOnlyList<long> layers, Device? device = null)
        : base(Layers(in_channels, layers, device)) =>
        DetectionWeights.Kaiming(this);

    private static Module<Tensor, Tensor>[] Layers(long in_channels, IReadOnlyList<long> layers, Device? device) =>
    [
        .. layers.SelectMany((width, i) => new Module<Tensor, Tensor>[]
        {
            Conv2d(i == 0 ? in_channels : layers[i - 1], width, kernel_size: 3, padding: 1, device: device),
            ReLU(inplace: true),
        }),
    ];
}

/// <summary>
/// [K, in_channels, h, w] to heat maps [K, num_keypoints, 4 · h, 4 · w].
/// <c>torchvision.models.detection.keypoint_rcnn.KeypointRCNNPredictor</c>
/// </summary>
public sealed class KeypointRCNNPredictor : Module<Tensor, Tensor>
{
    private readonly ConvTranspose2d kps_score_lowres;

    /// <summary>Initialises random weights.</summary>
    public KeypointRCNNPredictor(long in_channels, long num_keypoints, Device? device = null) : base(nameof(KeypointRCNNPredictor))
    {
        kps_score_lowres = ConvTranspose2d(in_channels, num_keypoints, kernel_size: 4, stride: 2, padding: 1, device: device);
        RegisterComponents();
        init.kaiming_normal_(kps_score_lowres.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
        init.constant_(kps_score_lowres.bias, 0);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = kps_score_lowres.call(x);
        return F.interpolate(x, size: [2 * x.shape[^2], 2 * x.shape[^1]], mode: InterpolationMode.Bilinear, align_corners: false);
    }
}
