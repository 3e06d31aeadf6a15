using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// SSD's two heads. <c>torchvision.models.detection.ssd.SSDHead</c>, <c>torchvision.models.detection.ssdlite.SSDLiteHead</c>
/// </summary>
/// <remarks>Features [N, C, h, w] to <c>bbox_regression</c> [N, A, 4] and <c>cls_logits</c> [N, A, num_classes].</remarks>
public sealed class SSDHead : Module<List<Tensor>, Dictionary<string, Tensor>>
{
    private readonly SSDScoringHead classification_head;
    private readonly SSDScoringHead regression_head;

    /// <summary>Initialises random weights for SSD's head: a 3 × 3 convolution on each feature.</summary>
    /// <param name="in_channels">Channels of each feature.</param>
    /// <param name="num_anchors">The number of boxes at each position of each feature map.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public SSDHead(IReadOnlyList<long> in_channels, IReadOnlyList<long> num_anchors, long num_classes, Device? device = null)
        : this(in_channels, num_anchors, num_classes, (channels, outputs) =>
            Conv2d(channels, outputs, kernel_size: 3, padding: 1, device: device)) =>
        DetectionWeights.Xavier(this);

    /// <summary>
    /// Initialises random weights for SSDlite's head: the convolution of each feature is by channel, then across channels.
    /// </summary>
    /// <param name="in_channels">Channels of each feature.</param>
    /// <param name="num_anchors">The number of boxes at each position of each feature map.</param>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="norm_layer">Builds the norms.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public SSDHead(IReadOnlyList<long> in_channels, IReadOnlyList<long> num_anchors, long num_classes, NormLayer norm_layer,
        Device? device = null)
        : this(in_channels, num_anchors, num_classes, (channels, outputs) => Sequential(
            new Conv2dNormActivation(channels, channels, norm_layer, ReLU6, groups: channels, device: device),
            Conv2d(channels, outputs, kernel_size: 1, device: device))) =>
        DetectionWeights.Normal(this, 0.03);

    private SSDHead(IReadOnlyList<long> in_channels, IReadOnlyList<long> num_anchors, long num_classes,
        Func<long, long, Module<Tensor, Tensor>> block) : base(nameof(SSDHead))
    {
        ArgumentNullException.ThrowIfNull(in_channels);
        ArgumentNullException.ThrowIfNull(num_anchors);
        classification_head = new(in_channels.Zip(num_anchors, (channels, anchors) => block(channels, num_classes * anchors)), num_classes);
        regression_head = new(in_channels.Zip(num_anchors, (channels, anchors) => block(channels, 4 * anchors)), 4);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(List<Tensor> x) =>
        new() { ["bbox_regression"] = regression_head.call(x), ["cls_logits"] = classification_head.call(x) };
}

/// <summary>
/// A module for each feature [N, C, h, w], whose outputs are joined: [N, A, num_columns].
/// <c>torchvision.models.detection.ssd.SSDScoringHead</c>
/// </summary>
public sealed class SSDScoringHead : Module<List<Tensor>, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> module_list;
    private readonly long num_columns;

    /// <summary>Takes the modules.</summary>
    public SSDScoringHead(IEnumerable<Module<Tensor, Tensor>> module_list, long num_columns) : base(nameof(SSDScoringHead))
    {
        this.module_list = ModuleList(module_list.ToArray());
        this.num_columns = num_columns;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(List<Tensor> x) =>
        torch.cat([.. x.Select((features, i) => HeadOutputs.Flattened(module_list[i].call(features), num_columns))], 1);
}
