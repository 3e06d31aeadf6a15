using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>A row of the paper's table 2.</summary>
/// <param name="expand_ratio">t: how many times the input's channels are between the 1 × 1 convolutions.</param>
/// <param name="channels">c: channels of the output, at width 1.</param>
/// <param name="repeats">n: how many blocks.</param>
/// <param name="stride">s: of the first block.</param>
public sealed record MobileNetV2Stage(double expand_ratio, long channels, int repeats, long stride);

/// <summary>
/// Expands, convolves each channel by itself, projects back without activation. <c>torchvision.models.mobilenetv2.InvertedResidual</c>
/// </summary>
public sealed class MobileNetV2InvertedResidual : Module<Tensor, Tensor>, IMobileNetBlock
{
    private readonly bool use_res_connect;
    private readonly Sequential conv;
    private readonly FloatFunctional? skip_add;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The stride is neither 1 nor 2.</exception>
    public MobileNetV2InvertedResidual(long inp, long oup, long stride, double expand_ratio, NormLayer? norm_layer = null,
        Device? device = null, bool quantizable = false)
        : base(nameof(MobileNetV2InvertedResidual))
    {
        if (stride is not (1 or 2))
            throw new ArgumentOutOfRangeException(nameof(stride), stride, "An inverted residual has stride 1 or 2.");
        norm_layer ??= features => BatchNorm2d(features, device: device);
        var hidden_dim = (long)Math.Round(inp * expand_ratio);
        use_res_connect = stride == 1 && inp == oup;
        ActivationLayer activation = quantizable ? ReLU : ReLU6;
        conv = Sequential();
        if (expand_ratio != 1) Add(new Conv2dNormActivation(inp, hidden_dim, norm_layer, activation, kernel_size: 1, device: device));
        Add(new Conv2dNormActivation(hidden_dim, hidden_dim, norm_layer, activation, stride: stride, groups: hidden_dim, device: device));
        Add(Conv2d(hidden_dim, oup, kernel_size: 1, bias: false, device: device));
        Add(norm_layer(oup));
        skip_add = Quantizable.Functional(quantizable);
        RegisterComponents();
        (out_channels, is_strided) = (oup, stride > 1);

        void Add(Module<Tensor, Tensor> layer) => conv.append(layer);
    }

    /// <summary>Channels of the output.</summary>
    public long out_channels { get; }

    /// <summary>Whether it halves the resolution.</summary>
    public bool is_strided { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => use_res_connect ? skip_add.Add(x, conv.call(x)) : conv.call(x);
}

/// <summary>MobileNet v2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018).</summary>
/// <remarks><c>torchvision.models.MobileNetV2</c>. Images [N, 3, H, W] of any size to logits [N, num_classes].</remarks>
public sealed class MobileNetV2 : Module<Tensor, Tensor>
{
    private static readonly MobileNetV2Stage[] table2 =
    [
        new(1, 16, 1, 1),
        new(6, 24, 2, 2),
        new(6, 32, 3, 2),
        new(6, 64, 4, 2),
        new(6, 96, 3, 1),
        new(6, 160, 3, 2),
        new(6, 320, 1, 1),
    ];

    private readonly Sequential features;
    private readonly Sequential classifier;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="width_mult">Scales the numbers of channels.</param>
    /// <param name="inverted_residual_setting">The stages; null is the paper's.</param>
    /// <param name="round_nearest">Numbers of channels are multiples of it.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="dropout">The dropout probability before the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public MobileNetV2(
        long num_classes = 1000, double width_mult = 1, IReadOnlyList<MobileNetV2Stage>? inverted_residual_setting = null,
        long round_nearest = 8, NormLayer? norm_layer = null, double dropout = 0.2, Device? device = null, bool quantizable = false)
            : base(nameof(MobileNetV2))
    {
        inverted_residual_setting ??= table2;
        if (inverted_residual_setting.Count == 0)
            throw new ArgumentException("MobileNet v2 needs at least one stage.", nameof(inverted_residual_setting));
        norm_layer ??= features => BatchNorm2d(features, device: device);

        ActivationLayer activation = quantizable ? ReLU : ReLU6;
        var channels = MobileNets.MakeDivisible(32 * width_mult, round_nearest);
        var last_channel = MobileNets.MakeDivisible(1280 * Math.Max(1, width_mult), round_nearest);
        features = Sequential(new Conv2dNormActivation(3, channels, norm_layer, activation, stride: 2, device: device));
        foreach (var stage in inverted_residual_setting)
            for (var i = 0; i < stage.repeats; i++)
            {
                var output = MobileNets.MakeDivisible(stage.channels * width_mult, round_nearest);
                features.append(
                    new MobileNetV2InvertedResidual(channels, output, i == 0 ? stage.stride : 1, stage.expand_ratio, norm_layer, device,
                        quantizable));
                channels = output;
            }
        features.append(new Conv2dNormActivation(channels, last_channel, norm_layer, activation, kernel_size: 1, device: device));
        classifier = Sequential(Dropout(dropout), Linear(last_channel, num_classes, device: device));
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
        MobileNets.InitWeights(this);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        if (quant is not null) x = quant.call(x);
        x = features.call(x);
        x = F.adaptive_avg_pool2d(x, (1, 1));
        x = torch.flatten(x, 1);
        x = classifier.call(x);
        return dequant is null ? x : dequant.call(x);
    }
}

public static partial class models
{
    private static ModelInfo[] mobilenet_v2s =>
    [
        new("mobilenet_v2", 3_504_872, imagenet, (classes, device) => mobilenet_v2(classes, device: device)),
    ];

    /// <summary>MobileNet v2. <c>torchvision.models.mobilenet_v2</c></summary>
    public static MobileNetV2 mobilenet_v2(long num_classes = 1000, double width_mult = 1, NormLayer? norm_layer = null,
        double dropout = 0.2, Device? device = null) =>
        new(num_classes, width_mult, norm_layer: norm_layer, dropout: dropout, device: device);
}
