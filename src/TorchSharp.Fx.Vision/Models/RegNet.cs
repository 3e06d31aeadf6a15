using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>The shape of a RegNet, stage by stage. <c>torchvision.models.regnet.BlockParams</c></summary>
/// <param name="depths">How many blocks each stage has.</param>
/// <param name="widths">Channels of each stage.</param>
/// <param name="group_widths">Channels of a group in each stage's 3 × 3 convolutions.</param>
/// <param name="bottleneck_multiplier">How many times a block's channels its 3 × 3 convolution has.</param>
/// <param name="se_ratio">Width of squeeze and excitation relative to the block's input; null is none.</param>
public sealed record BlockParams(IReadOnlyList<int> depths, IReadOnlyList<long> widths, IReadOnlyList<long> group_widths,
    double bottleneck_multiplier = 1, double? se_ratio = null)
{
    /// <summary>
    /// The paper's four numbers: widths grow linearly with slope <paramref name="w_a"/> from <paramref name="w_0"/>, then are rounded to
    /// powers of <paramref name="w_m"/> and to eights.
    /// </summary>
    /// <exception cref="ArgumentException">The widths would not grow, or not begin with a multiple of 8.</exception>
    public static BlockParams from_init_params(int depth, long w_0, double w_a, double w_m, long group_width,
        double bottleneck_multiplier = 1, double? se_ratio = null)
    {
        if (w_a < 0 || w_0 <= 0 || w_m <= 1 || w_0 % 8 != 0)
            throw new ArgumentException(
                $"A RegNet needs w_a >= 0, w_0 a positive multiple of 8 and w_m > 1, not w_a = {w_a}, w_0 = {w_0} and w_m = {w_m}.");
        var stages = Enumerable.Range(0, depth).GroupBy(Width).Select(stage => (depth: stage.Count(), width: stage.Key)).ToList();
        var group_widths = stages.Select(stage => Math.Min(group_width, Bottleneck(stage.width))).ToList();
        var widths =
            stages.Zip(group_widths,
                (stage, group) => (long)(MobileNets.MakeDivisible(Bottleneck(stage.width), group) / bottleneck_multiplier));
        return new([.. stages.Select(stage => stage.depth)], [.. widths], group_widths, bottleneck_multiplier, se_ratio);

        long Width(int block)
        {
            var capacity = Math.Round(Math.Log((w_0 + w_a * block) / w_0) / Math.Log(w_m));
            return (long)Math.Round(w_0 * Math.Pow(w_m, capacity) / 8) * 8;
        }

        long Bottleneck(long width) => (long)(width * bottleneck_multiplier);
    }
}

/// <summary>1 × 1, grouped 3 × 3 and 1 × 1 convolutions around a shortcut. <c>torchvision.models.regnet.ResBottleneckBlock</c></summary>
public sealed class ResBottleneckBlock : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation? proj;
    private readonly Sequential f;
    private readonly Module<Tensor, Tensor> activation;

    /// <summary>Initialises random weights; the shortcut is projected where the shape changes.</summary>
    public ResBottleneckBlock(
        long width_in, long width_out, long stride, NormLayer norm_layer, ActivationLayer activation_layer,
        long group_width = 1, double bottleneck_multiplier = 1, double? se_ratio = null, Device? device = null)
            : base(nameof(ResBottleneckBlock))
    {
        ArgumentNullException.ThrowIfNull(activation_layer);
        if (width_in != width_out || stride != 1)
            proj = new Conv2dNormActivation(width_in, width_out, norm_layer, activation_layer: null, kernel_size: 1, stride,
                device: device);

        var width = (long)Math.Round(width_out * bottleneck_multiplier);
        f = Sequential(
            ("a", new Conv2dNormActivation(width_in, width, norm_layer, activation_layer, kernel_size: 1, device: device)),
            ("b", new Conv2dNormActivation(width, width, norm_layer, activation_layer, kernel_size: 3, stride, groups: width / group_width,
                device: device)));
        if (se_ratio is { } ratio)
            f.append("se",
                new SqueezeExcitation(width, (long)Math.Round(ratio * width_in), () => activation_layer(inplace: false), device: device));
        f.append("c", new Conv2dNormActivation(width, width_out, norm_layer, activation_layer: null, kernel_size: 1, device: device));
        activation = activation_layer(inplace: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = proj is not null ? proj.call(x) + f.call(x) : x + f.call(x);
        return activation.call(x);
    }
}

/// <summary>RegNet: Radosavovic et al., "Designing Network Design Spaces" (2020).</summary>
/// <remarks><c>torchvision.models.RegNet</c>. Images [N, 3, H, W] of any size to logits [N, num_classes]; y has squeeze and excitation, x
/// has none.</remarks>
public sealed class RegNet : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation stem;
    private readonly Sequential trunk_output;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Linear fc;

    /// <summary>Initialises random weights.</summary>
    /// <param name="block_params">The stages.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="stem_width">Channels of the first convolution.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="activation">Builds the activations; null is ReLU.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public RegNet(
        BlockParams block_params, long num_classes = 1000, long stem_width = 32, NormLayer? norm_layer = null,
        ActivationLayer? activation = null, Device? device = null)
        : base(nameof(RegNet))
    {
        ArgumentNullException.ThrowIfNull(block_params);
        norm_layer ??= features => BatchNorm2d(features, device: device);
        activation ??= ReLU;

        stem = new Conv2dNormActivation(3, stem_width, norm_layer, activation, stride: 2, device: device);
        trunk_output = Sequential();
        var width = stem_width;
        for (var stage = 1; stage <= block_params.depths.Count; stage++)
        {
            var (width_out, group_width) = (block_params.widths[stage - 1], block_params.group_widths[stage - 1]);
            var blocks = Sequential();
            for (var i = 0; i < block_params.depths[stage - 1]; i++)
            {
                blocks.append($"block{stage}-{i}", new ResBottleneckBlock(
                    width, width_out, i == 0 ? 2 : 1, norm_layer, activation, group_width, block_params.bottleneck_multiplier,
                    block_params.se_ratio, device));
                width = width_out;
            }
            trunk_output.append($"block{stage}", blocks);
        }
        avgpool = AdaptiveAvgPool2d((1, 1));
        fc = Linear(width, num_classes, device: device);
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = stem.call(x);
        x = trunk_output.call(x);
        x = avgpool.call(x);
        x = x.flatten(start_dim: 1);
        return fc.call(x);
    }

    // The convolutions' biases are squeeze and excitation's; they and the norms keep PyTorch's defaults.
    private void InitWeights()
    {
        foreach (var conv in modules().OfType<Conv2d>())
            init.kaiming_normal_(conv.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
        init.normal_(fc.weight, 0, 0.01);
        init.constant_(fc.bias, 0);
    }
}

public static partial class models
{
    private static ModelInfo[] regnets =>
    [
        new("regnet_y_400mf", 4_344_144, imagenet, (classes, device) => regnet_y_400mf(classes, device: device)),
        new("regnet_y_800mf", 6_432_512, imagenet, (classes, device) => regnet_y_800mf(classes, device: device)),
        new("regnet_y_1_6gf", 11_202_430, imagenet, (classes, device) => regnet_y_1_6gf(classes, device: device)),
        new("regnet_y_3_2gf", 19_436_338, imagenet, (classes, device) => regnet_y_3_2gf(classes, device: device)),
        new("regnet_y_8gf", 39_381_472, imagenet, (classes, device) => regnet_y_8gf(classes, device: device)),
        new("regnet_y_16gf", 83_590_140, imagenet, (classes, device) => regnet_y_16gf(classes, device: device)),
        new("regnet_y_32gf", 145_046_770, imagenet, (classes, device) => regnet_y_32gf(classes, device: device)),
        new("regnet_y_128gf", 644_812_894, imagenet, (classes, device) => regnet_y_128gf(classes, device: device)),
        new("regnet_x_400mf", 5_495_976, imagenet, (classes, device) => regnet_x_400mf(classes, device: device)),
        new("regnet_x_800mf", 7_259_656, imagenet, (classes, device) => regnet_x_800mf(classes, device: device)),
        new("regnet_x_1_6gf", 9_190_136, imagenet, (classes, device) => regnet_x_1_6gf(classes, device: device)),
        new("regnet_x_3_2gf", 15_296_552, imagenet, (classes, device) => regnet_x_3_2gf(classes, device: device)),
        new("regnet_x_8gf", 39_572_648, imagenet, (classes, device) => regnet_x_8gf(classes, device: device)),
        new("regnet_x_16gf", 54_278_536, imagenet, (classes, device) => regnet_x_16gf(classes, device: device)),
        new("regnet_x_32gf", 107_811_560, imagenet, (classes, device) => regnet_x_32gf(classes, device: device)),
    ];

    /// <summary>RegNetY-400MF. <c>torchvision.models.regnet_y_400mf</c></summary>
    public static RegNet regnet_y_400mf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 16, w_0: 48, w_a: 27.89, w_m: 2.09, group_width: 8, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-800MF. <c>torchvision.models.regnet_y_800mf</c></summary>
    public static RegNet regnet_y_800mf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 14, w_0: 56, w_a: 38.84, w_m: 2.4, group_width: 16, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-1.6GF. <c>torchvision.models.regnet_y_1_6gf</c></summary>
    public static RegNet regnet_y_1_6gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 27, w_0: 48, w_a: 20.71, w_m: 2.65, group_width: 24, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-3.2GF. <c>torchvision.models.regnet_y_3_2gf</c></summary>
    public static RegNet regnet_y_3_2gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 21, w_0: 80, w_a: 42.63, w_m: 2.66, group_width: 24, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-8GF. <c>torchvision.models.regnet_y_8gf</c></summary>
    public static RegNet regnet_y_8gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 17, w_0: 192, w_a: 76.82, w_m: 2.19, group_width: 56, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-16GF. <c>torchvision.models.regnet_y_16gf</c></summary>
    public static RegNet regnet_y_16gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 18, w_0: 200, w_a: 106.23, w_m: 2.48, group_width: 112, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-32GF. <c>torchvision.models.regnet_y_32gf</c></summary>
    public static RegNet regnet_y_32gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 20, w_0: 232, w_a: 115.89, w_m: 2.53, group_width: 232, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetY-128GF. <c>torchvision.models.regnet_y_128gf</c></summary>
    public static RegNet regnet_y_128gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 27, w_0: 456, w_a: 160.83, w_m: 2.52, group_width: 264, se_ratio: 0.25), num_classes,
            norm_layer: norm_layer, device: device);

    /// <summary>RegNetX-400MF. <c>torchvision.models.regnet_x_400mf</c></summary>
    public static RegNet regnet_x_400mf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 22, w_0: 24, w_a: 24.48, w_m: 2.54, group_width: 16), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-800MF. <c>torchvision.models.regnet_x_800mf</c></summary>
    public static RegNet regnet_x_800mf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 16, w_0: 56, w_a: 35.73, w_m: 2.28, group_width: 16), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-1.6GF. <c>torchvision.models.regnet_x_1_6gf</c></summary>
    public static RegNet regnet_x_1_6gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 18, w_0: 80, w_a: 34.01, w_m: 2.25, group_width: 24), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-3.2GF. <c>torchvision.models.regnet_x_3_2gf</c></summary>
    public static RegNet regnet_x_3_2gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 25, w_0: 88, w_a: 26.31, w_m: 2.25, group_width: 48), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-8GF. <c>torchvision.models.regnet_x_8gf</c></summary>
    public static RegNet regnet_x_8gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 23, w_0: 80, w_a: 49.56, w_m: 2.88, group_width: 120), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-16GF. <c>torchvision.models.regnet_x_16gf</c></summary>
    public static RegNet regnet_x_16gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 22, w_0: 216, w_a: 55.59, w_m: 2.1, group_width: 128), num_classes, norm_layer: norm_layer,
            device: device);

    /// <summary>RegNetX-32GF. <c>torchvision.models.regnet_x_32gf</c></summary>
    public static RegNet regnet_x_32gf(long num_classes = 1000, NormLayer? norm_layer = null, Device? device = null) =>
        new(BlockParams.from_init_params(depth: 23, w_0: 320, w_a: 69.86, w_m: 2.0, group_width: 168), num_classes, norm_layer: norm_layer,
            device: device);
}
