using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>A row of the paper's tables 1 and 2: one block. <c>torchvision.models.mobilenetv3.InvertedResidualConfig</c></summary>
/// <param name="input_channels">Channels of the input.</param>
/// <param name="kernel">Height and width of the depthwise kernel.</param>
/// <param name="expanded_channels">Channels between the 1 × 1 convolutions.</param>
/// <param name="out_channels">Channels of the output.</param>
/// <param name="use_se">Whether the block has squeeze and excitation.</param>
/// <param name="use_hs">Whether its activation is hard swish; else it is ReLU.</param>
/// <param name="stride">Of the depthwise convolution; ignored where it is dilated.</param>
/// <param name="dilation">Of the depthwise convolution.</param>
public sealed record MobileNetV3Block(long input_channels, long kernel, long expanded_channels, long out_channels, bool use_se, bool use_hs,
    long stride, long dilation = 1)
{
    /// <summary>The same block with its numbers of channels scaled.</summary>
    public MobileNetV3Block Scale(double width_mult) => this with
    {
        input_channels = MobileNets.MakeDivisible(input_channels * width_mult),
        expanded_channels = MobileNets.MakeDivisible(expanded_channels * width_mult),
        out_channels = MobileNets.MakeDivisible(out_channels * width_mult),
    };
}

/// <summary>
/// Expands, convolves each channel by itself, weighs the channels, projects back. <c>torchvision.models.mobilenetv3.InvertedResidual</c>
/// </summary>
public sealed class MobileNetV3InvertedResidual : Module<Tensor, Tensor>, IMobileNetBlock
{
    private readonly bool use_res_connect;
    private readonly Sequential block;
    private readonly FloatFunctional? skip_add;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The stride is neither 1 nor 2.</exception>
    public MobileNetV3InvertedResidual(MobileNetV3Block cnf, NormLayer norm_layer, Device? device = null, bool quantizable = false)
        : base(nameof(MobileNetV3InvertedResidual))
    {
        ArgumentNullException.ThrowIfNull(cnf);
        if (cnf.stride is not (1 or 2))
            throw new ArgumentException($"An inverted residual has stride 1 or 2, not {cnf.stride}.", nameof(cnf));
        use_res_connect = cnf.stride == 1 && cnf.input_channels == cnf.out_channels;
        ActivationLayer activation = cnf.use_hs ? Hardswish : ReLU;

        block = Sequential();
        if (cnf.expanded_channels != cnf.input_channels)
            block.append(
                new Conv2dNormActivation(cnf.input_channels, cnf.expanded_channels, norm_layer, activation, kernel_size: 1,
                    device: device));
        block.append(new Conv2dNormActivation(
            cnf.expanded_channels, cnf.expanded_channels, norm_layer, activation, cnf.kernel,
            stride: cnf.dilation > 1 ? 1 : cnf.stride, groups: cnf.expanded_channels, dilation: cnf.dilation, device: device));
        if (cnf.use_se)
            block.append(new SqueezeExcitation(
                cnf.expanded_channels, MobileNets.MakeDivisible(cnf.expanded_channels / 4), scale_activation: () => Hardsigmoid(),
                device: device, quantizable: quantizable));
        block.append(
            new Conv2dNormActivation(cnf.expanded_channels, cnf.out_channels, norm_layer, activation_layer: null, kernel_size: 1,
                device: device));
        skip_add = Quantizable.Functional(quantizable);
        RegisterComponents();
        (out_channels, is_strided) = (cnf.out_channels, cnf.stride > 1);
    }

    /// <summary>Channels of the output.</summary>
    public long out_channels { get; }

    /// <summary>Whether it halves the resolution, dilated or not.</summary>
    public bool is_strided { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var result = block.call(input);
        return use_res_connect ? skip_add.Add(result, input) : result;
    }
}

/// <summary>MobileNet v3: Howard et al., "Searching for MobileNetV3" (2019).</summary>
/// <remarks><c>torchvision.models.MobileNetV3</c>. Images [N, 3, H, W] of any size to logits [N, num_classes].</remarks>
public sealed class MobileNetV3 : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Sequential classifier;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="inverted_residual_setting">The blocks.</param>
    /// <param name="last_channel">Width of the classifier's hidden layer.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm with an epsilon of 0.001 and a momentum of 0.01.</param>
    /// <param name="dropout">The dropout probability before the classifier's last layer.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public MobileNetV3(
        IReadOnlyList<MobileNetV3Block> inverted_residual_setting, long last_channel, long num_classes = 1000,
        NormLayer? norm_layer = null, double dropout = 0.2, Device? device = null, bool quantizable = false) : base(nameof(MobileNetV3))
    {
        ArgumentNullException.ThrowIfNull(inverted_residual_setting);
        if (inverted_residual_setting.Count == 0)
            throw new ArgumentException("MobileNet v3 needs at least one block.", nameof(inverted_residual_setting));
        norm_layer ??= features => BatchNorm2d(features, eps: 0.001, momentum: 0.01, device: device);

        var lastconv_input_channels = inverted_residual_setting[^1].out_channels;
        var lastconv_output_channels = 6 * lastconv_input_channels;
        features = Sequential(
            new Conv2dNormActivation(3, inverted_residual_setting[0].input_channels, norm_layer, Hardswish, stride: 2, device: device));
        foreach (var cnf in inverted_residual_setting)
            features.append(new MobileNetV3InvertedResidual(cnf, norm_layer, device, quantizable));
        features.append(
            new Conv2dNormActivation(lastconv_input_channels, lastconv_output_channels, norm_layer, Hardswish, kernel_size: 1,
                device: device));
        avgpool = AdaptiveAvgPool2d(1);
        classifier = Sequential(
            Linear(lastconv_output_channels, last_channel, device: device),
            Hardswish(inplace: true),
            Dropout(dropout, inplace: true),
            Linear(last_channel, num_classes, device: device));
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
        MobileNets.InitWeights(this);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        if (quant is not null) x = quant.call(x);
        x = features.call(x);
        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        x = classifier.call(x);
        return dequant is null ? x : dequant.call(x);
    }
}

public static partial class models
{
    private const bool SE = true, HS = true, RE = false;

    private static ModelInfo[] mobilenet_v3s =>
    [
        new("mobilenet_v3_large", 5_483_032, imagenet, (classes, device) => mobilenet_v3_large(classes, device: device)),
        new("mobilenet_v3_small", 2_542_856, imagenet, (classes, device) => mobilenet_v3_small(classes, device: device)),
    ];

    // Table 1. The tail is what comes after a stride of 16: halved or dilated for segmentation and detection.
    private static MobileNetV3Block[] mobilenet_v3_table1(long reduce_divider, long dilation) =>
    [
        new(16, 3, 16, 16, false, RE, 1),
        new(16, 3, 64, 24, false, RE, 2),
        new(24, 3, 72, 24, false, RE, 1),
        new(24, 5, 72, 40, SE, RE, 2),
        new(40, 5, 120, 40, SE, RE, 1),
        new(40, 5, 120, 40, SE, RE, 1),
        new(40, 3, 240, 80, false, HS, 2),
        new(80, 3, 200, 80, false, HS, 1),
        new(80, 3, 184, 80, false, HS, 1),
        new(80, 3, 184, 80, false, HS, 1),
        new(80, 3, 480, 112, SE, HS, 1),
        new(112, 3, 672, 112, SE, HS, 1),
        new(112, 5, 672, 160 / reduce_divider, SE, HS, 2, dilation),
        new(160 / reduce_divider, 5, 960 / reduce_divider, 160 / reduce_divider, SE, HS, 1, dilation),
        new(160 / reduce_divider, 5, 960 / reduce_divider, 160 / reduce_divider, SE, HS, 1, dilation),
    ];

    private static MobileNetV3Block[] mobilenet_v3_table2(long reduce_divider, long dilation) =>
    [
        new(16, 3, 16, 16, SE, RE, 2),
        new(16, 3, 72, 24, false, RE, 2),
        new(24, 3, 88, 24, false, RE, 1),
        new(24, 5, 96, 40, SE, HS, 2),
        new(40, 5, 240, 40, SE, HS, 1),
        new(40, 5, 240, 40, SE, HS, 1),
        new(40, 5, 120, 48, SE, HS, 1),
        new(48, 5, 144, 48, SE, HS, 1),
        new(48, 5, 288, 96 / reduce_divider, SE, HS, 2, dilation),
        new(96 / reduce_divider, 5, 576 / reduce_divider, 96 / reduce_divider, SE, HS, 1, dilation),
        new(96 / reduce_divider, 5, 576 / reduce_divider, 96 / reduce_divider, SE, HS, 1, dilation),
    ];

    /// <summary>MobileNet v3, large. <c>torchvision.models.mobilenet_v3_large</c></summary>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="dropout">The dropout probability before the classifier's last layer.</param>
    /// <param name="width_mult">Scales the numbers of channels.</param>
    /// <param name="reduced_tail">Halves the channels of the last blocks.</param>
    /// <param name="dilated">Keeps the last blocks' resolution and dilates instead.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static MobileNetV3 mobilenet_v3_large(
        long num_classes = 1000, double dropout = 0.2, double width_mult = 1, bool reduced_tail = false, bool dilated = false,
        NormLayer? norm_layer = null, Device? device = null) =>
        mobilenet_v3(mobilenet_v3_table1(reduced_tail ? 2 : 1, dilated ? 2 : 1), 1280 / (reduced_tail ? 2 : 1), width_mult, num_classes,
            dropout, norm_layer, device);

    /// <summary>MobileNet v3, small. <c>torchvision.models.mobilenet_v3_small</c></summary>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="dropout">The dropout probability before the classifier's last layer.</param>
    /// <param name="width_mult">Scales the numbers of channels.</param>
    /// <param name="reduced_tail">Halves the channels of the last blocks.</param>
    /// <param name="dilated">Keeps the last blocks' resolution and dilates instead.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static MobileNetV3 mobilenet_v3_small(
        long num_classes = 1000, double dropout = 0.2, double width_mult = 1, bool reduced_tail = false, bool dilated = false,
        NormLayer? norm_layer = null, Device? device = null) =>
        mobilenet_v3(mobilenet_v3_table2(reduced_tail ? 2 : 1, dilated ? 2 : 1), 1024 / (reduced_tail ? 2 : 1), width_mult, num_classes,
            dropout, norm_layer, device);

    private static MobileNetV3 mobilenet_v3(
        MobileNetV3Block[] blocks, long last_channel, double width_mult, long num_classes, double dropout, NormLayer? norm_layer,
        Device? device) =>
        new([.. blocks.Select(block => block.Scale(width_mult))], MobileNets.MakeDivisible(last_channel * width_mult), num_classes,
            norm_layer, dropout, device);
}
