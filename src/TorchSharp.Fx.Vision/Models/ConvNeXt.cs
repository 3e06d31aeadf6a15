using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Layer norm over the channels of an image [N, C, H, W]. <c>torchvision.models.convnext.LayerNorm2d</c></summary>
public sealed class LayerNorm2d : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly long[] normalized_shape;
    private readonly double eps;

    /// <summary>Initialises the weight with ones and the bias with zeros.</summary>
    public LayerNorm2d(long num_channels, double eps = 1e-5, Device? device = null) : base(nameof(LayerNorm2d))
    {
        weight = new Parameter(torch.ones(num_channels, device: device));
        bias = new Parameter(torch.zeros(num_channels, device: device));
        normalized_shape = [num_channels];
        this.eps = eps;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = x.permute(0, 2, 3, 1);
        x = F.layer_norm(x, normalized_shape, weight, bias, eps);
        return x.permute(0, 3, 1, 2);
    }
}

/// <summary>
/// A 7 × 7 depthwise convolution and an inverted bottleneck around a shortcut. <c>torchvision.models.convnext.CNBlock</c>
/// </summary>
public sealed class CNBlock : Module<Tensor, Tensor>
{
    private readonly Parameter layer_scale;
    private readonly Sequential block;
    private readonly StochasticDepth stochastic_depth;

    /// <summary>Initialises random weights.</summary>
    public CNBlock(long dim, double layer_scale, double stochastic_depth_prob, Device? device = null) : base(nameof(CNBlock))
    {
        this.layer_scale = new Parameter(torch.full([dim, 1, 1], layer_scale, dtype: ScalarType.Float32, device: device));
        block = Sequential(
            Conv2d(dim, dim, kernel_size: 7, padding: 3, groups: dim, device: device),
            new Permute(0, 2, 3, 1),
            LayerNorm(dim, eps: 1e-6, device: device),
            Linear(dim, 4 * dim, device: device),
            GELU(),
            Linear(4 * dim, dim, device: device),
            new Permute(0, 3, 1, 2));
        stochastic_depth = new StochasticDepth(stochastic_depth_prob, "row");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var result = layer_scale * block.call(input);
        result = stochastic_depth.call(result);
        result += input;
        return result;
    }
}

/// <summary>A stage of a ConvNeXt. <c>torchvision.models.convnext.CNBlockConfig</c></summary>
/// <param name="input_channels">Channels of its blocks.</param>
/// <param name="out_channels">Channels after the downsampling that follows; null is without.</param>
/// <param name="num_layers">How many blocks.</param>
public sealed record CNBlockConfig(long input_channels, long? out_channels, int num_layers);

/// <summary>ConvNeXt: Liu et al., "A ConvNet for the 2020s" (2022).</summary>
/// <remarks><c>torchvision.models.ConvNeXt</c>. Images [N, 3, H, W] of at least 32 × 32 to logits [N, num_classes]; the stages' strides are
/// 4, 8, 16 and 32.</remarks>
public sealed class ConvNeXt : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="block_setting">The stages.</param>
    /// <param name="stochastic_depth_prob">The probability of dropping the last block in training; it grows linearly with the depth from
    /// 0.</param>
    /// <param name="layer_scale">The initial value of the blocks' layer scales.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms outside of the blocks; null is <see cref="LayerNorm2d"/> with an epsilon of 1e-6.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public ConvNeXt(
        IReadOnlyList<CNBlockConfig> block_setting, double stochastic_depth_prob = 0, double layer_scale = 1e-6, long num_classes = 1000,
        NormLayer? norm_layer = null, Device? device = null) : base(nameof(ConvNeXt))
    {
        ArgumentNullException.ThrowIfNull(block_setting);
        if (block_setting.Count == 0) throw new ArgumentException("A ConvNeXt needs at least one stage.", nameof(block_setting));
        norm_layer ??= channels => new LayerNorm2d(channels, eps: 1e-6, device);

        features = Sequential(new Conv2dNormActivation(
            3, block_setting[0].input_channels, norm_layer, activation_layer: null, kernel_size: 4, stride: 4, padding: 0, bias: true,
            device: device));
        var total_blocks = block_setting.Sum(stage => stage.num_layers);
        var block_id = 0;
        foreach (var stage in block_setting)
        {
            var blocks = Sequential();
            for (var i = 0; i < stage.num_layers; i++)
                blocks.append(
                    new CNBlock(stage.input_channels, layer_scale, stochastic_depth_prob * block_id++ / (total_blocks - 1.0), device));
            features.append(blocks);
            if (stage.out_channels is { } out_channels)
                features.append(
                    Sequential(norm_layer(stage.input_channels),
                        Conv2d(stage.input_channels, out_channels, kernel_size: 2, stride: 2, device: device)));
        }
        avgpool = AdaptiveAvgPool2d(1);
        var last_channels = block_setting[^1].out_channels ?? block_setting[^1].input_channels;
        classifier = Sequential(norm_layer(last_channels), Flatten(1), Linear(last_channels, num_classes, device: device));
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = avgpool.call(x);
        return classifier.call(x);
    }

    // torchvision truncates these normal distributions at ±2, which is a hundred deviations away.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: Init(conv.weight, conv.bias); break;
                case Linear linear: Init(linear.weight, linear.bias); break;
            }

        static void Init(Tensor weight, Tensor? bias)
        {
            init.normal_(weight, 0, 0.02);
            if (bias is not null) init.constant_(bias, 0);
        }
    }
}

public static partial class models
{
    private static ModelInfo[] convnexts =>
    [
        new("convnext_tiny", 28_589_128, imagenet, (classes, device) => convnext_tiny(classes, device: device)),
        new("convnext_small", 50_223_688, imagenet, (classes, device) => convnext_small(classes, device: device)),
        new("convnext_base", 88_591_464, imagenet, (classes, device) => convnext_base(classes, device: device)),
        new("convnext_large", 197_767_336, imagenet, (classes, device) => convnext_large(classes, device: device)),
    ];

    /// <summary>ConvNeXt, tiny. <c>torchvision.models.convnext_tiny</c></summary>
    public static ConvNeXt convnext_tiny(
        long num_classes = 1000, double stochastic_depth_prob = 0.1, double layer_scale = 1e-6, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([new(96, 192, 3), new(192, 384, 3), new(384, 768, 9), new(768, null, 3)], stochastic_depth_prob, layer_scale, num_classes,
            norm_layer, device);

    /// <summary>ConvNeXt, small. <c>torchvision.models.convnext_small</c></summary>
    public static ConvNeXt convnext_small(
        long num_classes = 1000, double stochastic_depth_prob = 0.4, double layer_scale = 1e-6, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([new(96, 192, 3), new(192, 384, 3), new(384, 768, 27), new(768, null, 3)], stochastic_depth_prob, layer_scale, num_classes,
            norm_layer, device);

    /// <summary>ConvNeXt, base. <c>torchvision.models.convnext_base</c></summary>
    public static ConvNeXt convnext_base(
        long num_classes = 1000, double stochastic_depth_prob = 0.5, double layer_scale = 1e-6, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([new(128, 256, 3), new(256, 512, 3), new(512, 1024, 27), new(1024, null, 3)], stochastic_depth_prob, layer_scale, num_classes,
            norm_layer, device);

    /// <summary>ConvNeXt, large. <c>torchvision.models.convnext_large</c></summary>
    public static ConvNeXt convnext_large(
        long num_classes = 1000, double stochastic_depth_prob = 0.5, double layer_scale = 1e-6, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([new(192, 384, 3), new(384, 768, 3), new(768, 1536, 27), new(1536, null, 3)], stochastic_depth_prob, layer_scale, num_classes,
            norm_layer, device);
}
