using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>MaxViT: Tu et al., "MaxViT: Multi-Axis Vision Transformer" (2022).</summary>
/// <remarks><c>torchvision.models.MaxVit</c>. Images [N, 3, H, W] of the one size it is built for to logits [N, num_classes].</remarks>
public sealed class MaxVit : Module<Tensor, Tensor>
{
    private readonly Sequential stem;
    private readonly ModuleList<MaxVitBlock> blocks;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="input_size">Height and width of the images.</param>
    /// <param name="stem_channels">The number of output channels of the stem.</param>
    /// <param name="partition_size">Height and width of windows and grids.</param>
    /// <param name="block_channels">The number of output channels of each block.</param>
    /// <param name="block_layers">How many layers each block has.</param>
    /// <param name="head_dim">How many channels each head of the attention has.</param>
    /// <param name="stochastic_depth_prob">The probability of skipping the last layer; the earlier ones are less likely, down to 0.</param>
    /// <param name="norm_layer">Builds the convolutions' norms; null is batch norm.</param>
    /// <param name="activation_layer">Builds the activations; null is GELU.</param>
    /// <param name="squeeze_ratio">How many times narrower the squeeze and excitation's hidden layer is.</param>
    /// <param name="expansion_ratio">How many times wider the depthwise convolution is.</param>
    /// <param name="mlp_ratio">How many times wider an MLP's hidden layer is.</param>
    /// <param name="mlp_dropout">The probability of dropping an element of an MLP's output.</param>
    /// <param name="attention_dropout">The probability of dropping an element of an attention's output.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">A block's input can't be cut into partitions.</exception>
    public MaxVit(
        (long h, long w) input_size, long stem_channels, long partition_size, IReadOnlyList<long> block_channels,
        IReadOnlyList<int> block_layers, long head_dim, double stochastic_depth_prob,
        NormLayer? norm_layer = null, ActivationLayer? activation_layer = null, double squeeze_ratio = 0.25, double expansion_ratio = 4,
        long mlp_ratio = 4, double mlp_dropout = 0,
        double attention_dropout = 0, long num_classes = 1000, Device? device = null) : base(nameof(MaxVit))
    {
        ArgumentNullException.ThrowIfNull(block_channels);
        norm_layer ??= features => BatchNorm2d(features, eps: 1e-3, momentum: 0.99, device: device);
        activation_layer ??= inplace => GELU();
        stem = Sequential(
            new Conv2dNormActivation(3, stem_channels, norm_layer, activation_layer, stride: 2, inplace: false, bias: false,
                device: device),
            new Conv2dNormActivation(stem_channels, stem_channels, null, null, bias: true, device: device));

        var layer = new MaxVitLayerConfig(head_dim, partition_size, squeeze_ratio, expansion_ratio, mlp_ratio, mlp_dropout,
            attention_dropout, norm_layer, activation_layer, device);
        blocks = new ModuleList<MaxVitBlock>();
        var (size, in_channels, depth, total) = (Halved(input_size), stem_channels, 0, block_layers.Sum());
        foreach (var (out_channels, layers) in block_channels.Zip(block_layers))
        {
            size = Halved(size);
            var p_stochastic = Enumerable.Range(depth, layers).Select(i => stochastic_depth_prob * i / (total - 1));
            blocks.Add(new MaxVitBlock(in_channels, out_channels, size, p_stochastic, layer));
            (in_channels, depth) = (out_channels, depth + layers);
        }

        classifier = Sequential(
            AdaptiveAvgPool2d(1),
            Flatten(),
            LayerNorm(in_channels, device: device),
            Linear(in_channels, in_channels, device: device),
            Tanh(),
            Linear(in_channels, num_classes, hasBias: false, device: device));
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = stem.call(x);
        foreach (var block in blocks) x = block.call(x);
        x = classifier.call(x);
        return x;
    }

    // What a 3 × 3 convolution with stride 2 leaves.
    private static (long h, long w) Halved((long h, long w) size) => ((size.h + 1) / 2, (size.w + 1) / 2);

    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: Init(conv.weight!, conv.bias); break;
                case Linear linear: Init(linear.weight!, linear.bias); break;
            }

        static void Init(Tensor weight, Tensor? bias)
        {
            init.normal_(weight, std: 0.02);
            if (bias is not null) init.zeros_(bias);
        }
    }
}

/// <summary>The settings that all layers of a MaxViT share.</summary>
internal sealed record MaxVitLayerConfig(
    long head_dim, long partition_size, double squeeze_ratio, double expansion_ratio, long mlp_ratio, double mlp_dropout,
    double attention_dropout, NormLayer norm_layer,
    ActivationLayer activation_layer, Device? device);

/// <summary>Layers of one resolution. <c>torchvision.models.maxvit.MaxVitBlock</c></summary>
public sealed class MaxVitBlock : Module<Tensor, Tensor>
{
    private readonly ModuleList<MaxVitLayer> layers;

    internal MaxVitBlock(long in_channels, long out_channels, (long h, long w) grid_size, IEnumerable<double> p_stochastic,
        MaxVitLayerConfig config) : base(nameof(MaxVitBlock))
    {
        layers = new(
            [.. p_stochastic.Select((p, i) =>
                new MaxVitLayer(i == 0 ? in_channels : out_channels, out_channels, i == 0 ? 2 : 1, grid_size, p, config))]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        foreach (var layer in layers) x = layer.call(x);
        return x;
    }
}

/// <summary>A convolution, attention over windows, attention over a grid. <c>torchvision.models.maxvit.MaxVitLayer</c></summary>
public sealed class MaxVitLayer : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    internal MaxVitLayer(long in_channels, long out_channels, long stride, (long h, long w) grid_size, double p_stochastic,
        MaxVitLayerConfig config) : base(nameof(MaxVitLayer))
    {
        layers = Sequential(
            ("MBconv", new MaxVitMBConv(in_channels, out_channels, stride, p_stochastic, config)),
            ("window_attention", Attention("window")),
            ("grid_attention", Attention("grid")));
        RegisterComponents();

        PartitionAttentionLayer Attention(string partition_type) => new(
            out_channels, config.head_dim, config.partition_size, partition_type, grid_size, config.mlp_ratio, config.activation_layer,
            features => LayerNorm(features, device: config.device),
            config.attention_dropout, config.mlp_dropout, p_stochastic, config.device);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => layers.call(x);
}

/// <summary>The mobile inverted bottleneck with a norm in front. <c>torchvision.models.maxvit.MBConv</c></summary>
public sealed class MaxVitMBConv : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> proj;
    private readonly Module<Tensor, Tensor> stochastic_depth;
    private readonly Sequential layers;

    internal MaxVitMBConv(long in_channels, long out_channels, long stride, double p_stochastic, MaxVitLayerConfig config) : base("MBConv")
    {
        var device = config.device;
        proj = Projection(in_channels, out_channels, stride, device);
        stochastic_depth = p_stochastic > 0 ? new StochasticDepth(p_stochastic, "row") : Identity();
        var mid_channels = (long)(out_channels * config.expansion_ratio);
        layers = Sequential(
            ("pre_norm", config.norm_layer(in_channels)),
            ("conv_a", new Conv2dNormActivation(in_channels, mid_channels, config.norm_layer, config.activation_layer, kernel_size: 1,
                inplace: false, device: device)),
            ("conv_b", new Conv2dNormActivation(mid_channels, mid_channels, config.norm_layer, config.activation_layer, stride: stride,
                groups: mid_channels, inplace: false, device: device)),
            ("squeeze_excitation",
                new SqueezeExcitation(mid_channels, (long)(out_channels * config.squeeze_ratio), () => SiLU(), device: device)),
            ("conv_c", Conv2d(mid_channels, out_channels, kernel_size: 1, device: device)));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var res = proj.call(x);
        x = stochastic_depth.call(layers.call(x));
        return res + x;
    }

    private static Module<Tensor, Tensor> Projection(long in_channels, long out_channels, long stride, Device? device)
    {
        if (stride == 1 && in_channels == out_channels) return Identity();
        var conv = Conv2d(in_channels, out_channels, kernel_size: 1, device: device);
        return stride == 2 ? Sequential(AvgPool2d(kernel_size: 3, stride: stride, padding: 1), conv) : Sequential(conv);
    }
}

public static partial class models
{
    private static ModelInfo[] maxvits =>
    [
        new("maxvit_t", 30_919_624, imagenet, (classes, device) => maxvit_t(classes, device: device)),
    ];

    /// <summary>MaxViT-T. <c>torchvision.models.maxvit_t</c></summary>
    public static MaxVit maxvit_t(long num_classes = 1000, (long h, long w)? input_size = null, double stochastic_depth_prob = 0.2,
        Device? device = null) =>
        new(input_size ?? (224, 224), 64, partition_size: 7, [64, 128, 256, 512], [2, 2, 5, 2], head_dim: 32, stochastic_depth_prob,
            num_classes: num_classes, device: device);
}
