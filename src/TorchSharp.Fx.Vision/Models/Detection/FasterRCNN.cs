using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Faster R-CNN: Ren et al., "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks" (2015).
/// <c>torchvision.models.detection.FasterRCNN</c>
/// </summary>
public class FasterRCNN : GeneralizedRCNN
{
    private static readonly string[] levels = ["0", "1", "2", "3"];

    /// <summary>Puts proposals and heads on a backbone.</summary>
    /// <param name="backbone">Images [N, 3, H, W] to features by name, from the highest resolution to the lowest.</param>
    /// <param name="out_channels">Channels of every feature.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="options">The arguments that have defaults; null for the defaults.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public FasterRCNN(
        Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes, FasterRCNNOptions? options = null,
            Device? device = null)
        : this(nameof(FasterRCNN), backbone, out_channels, num_classes, options ?? new(), device)
    {
    }

    private protected FasterRCNN(
        string name, Module<Tensor, Dictionary<string, Tensor>> backbone, long out_channels, long num_classes, FasterRCNNOptions options,
            Device? device)
        : base(name, new(options), backbone, Proposals(out_channels, options, device), Heads(out_channels, num_classes, options, device))
    {
    }

    /// <summary>Regions of the levels "0" to "3", as all branches cut them.</summary>
    private protected static MultiScaleRoIAlign Regions(long size) => new(levels, (size, size), sampling_ratio: 2);

    private static RegionProposalNetwork Proposals(long out_channels, FasterRCNNOptions options, Device? device)
    {
        var anchors = options.rpn_anchor_generator ?? new([[32], [64], [128], [256], [512]], [0.5, 1, 2]);
        return new(anchors, options.rpn_head ?? new RPNHead(out_channels, anchors.num_anchors_per_location()[0], device: device), options);
    }

    private static RoIHeads Heads(long out_channels, long num_classes, FasterRCNNOptions options, Device? device)
    {
        var pool = options.box_roi_pool ?? Regions(7);
        var head = options.box_head ?? new TwoMLPHead(out_channels * pool.OutputSize.height * pool.OutputSize.width, 1024, device);
        return new(pool, head, options.box_predictor ?? new FastRCNNPredictor(1024, num_classes, device), options);
    }
}

/// <summary>
/// Two linear layers: regions [K, C, h, w] to vectors [K, representation_size]. <c>torchvision.models.detection.faster_rcnn.TwoMLPHead</c>
/// </summary>
public sealed class TwoMLPHead : Module<Tensor, Tensor>
{
    private readonly Linear fc6;
    private readonly Linear fc7;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">C · h · w.</param>
    /// <param name="representation_size">Length of the vectors.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public TwoMLPHead(long in_channels, long representation_size, Device? device = null) : base(nameof(TwoMLPHead))
    {
        fc6 = Linear(in_channels, representation_size, device: device);
        fc7 = Linear(representation_size, representation_size, device: device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = x.flatten(1);
        x = F.relu(fc6.call(x));
        return F.relu(fc7.call(x));
    }
}

/// <summary>
/// Convolutions and linear layers: regions [K, C, h, w] to vectors [K, R].
/// <c>torchvision.models.detection.faster_rcnn.FastRCNNConvFCHead</c>
/// </summary>
public sealed class FastRCNNConvFCHead : Sequential
{
    /// <summary>Initialises random weights.</summary>
    /// <param name="input_size">Channels, height and width of a region.</param>
    /// <param name="conv_layers">Channels of each convolution.</param>
    /// <param name="fc_layers">Width of each linear layer.</param>
    /// <param name="norm_layer">Builds the convolutions' norms; null is none.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public FastRCNNConvFCHead(
        (long channels, long height, long width) input_size, IReadOnlyList<long> conv_layers, IReadOnlyList<long> fc_layers,
            NormLayer? norm_layer = null, Device? device = null)
        : base(Layers(input_size, conv_layers, fc_layers, norm_layer, device)) => DetectionWeights.Kaiming(this);

    private static Module<Tensor, Tensor>[] Layers(
        (long channels, long height, long width) input_size, IReadOnlyList<long> conv_layers, IReadOnlyList<long> fc_layers,
            NormLayer? norm_layer, Device? device)
    {
        var layers = new List<Module<Tensor, Tensor>>();
        var channels = input_size.channels;
        foreach (var width in conv_layers)
        {
            layers.Add(new Conv2dNormActivation(channels, width, norm_layer, ReLU, device: device));
            channels = width;
        }
        layers.Add(Flatten());
        channels *= input_size.height * input_size.width;
        foreach (var width in fc_layers)
        {
            layers.Add(Linear(channels, width, device: device));
            layers.Add(ReLU(inplace: true));
            channels = width;
        }
        return [.. layers];
    }
}

/// <summary>
/// Vectors [K, in_channels] to logits [K, num_classes] and codes [K, 4 · num_classes].
/// <c>torchvision.models.detection.faster_rcnn.FastRCNNPredictor</c>
/// </summary>
public sealed class FastRCNNPredictor : Module<Tensor, (Tensor scores, Tensor bbox_deltas)>
{
    private readonly Linear cls_score;
    private readonly Linear bbox_pred;

    /// <summary>Initialises random weights.</summary>
    public FastRCNNPredictor(long in_channels, long num_classes, Device? device = null) : base(nameof(FastRCNNPredictor))
    {
        cls_score = Linear(in_channels, num_classes, device: device);
        bbox_pred = Linear(in_channels, num_classes * 4, device: device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override (Tensor scores, Tensor bbox_deltas) forward(Tensor x)
    {
        x = x.flatten(1);
        return (cls_score.call(x), bbox_pred.call(x));
    }
}
