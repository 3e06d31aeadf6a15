using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// EfficientNet: Tan and Le, "EfficientNet: Rethinking Model Scaling" (2019) and "EfficientNetV2: Smaller Models and Faster Training"
/// (2021).
/// </summary>
/// <remarks><c>torchvision.models.EfficientNet</c>. Images [N, 3, H, W] of any size (v2: at least 33 × 33) to logits [N,
/// num_classes].</remarks>
public sealed class EfficientNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="inverted_residual_setting">The stages.</param>
    /// <param name="dropout">The dropout probability before the classifier.</param>
    /// <param name="stochastic_depth_prob">The probability of dropping the last block in training; it grows linearly with the depth from
    /// 0.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="last_channel">Channels of the last convolution; null is four times the last stage's.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public EfficientNet(
        IReadOnlyList<EfficientNetStage> inverted_residual_setting, double dropout, double stochastic_depth_prob = 0.2,
        long num_classes = 1000,
        NormLayer? norm_layer = null, long? last_channel = null, Device? device = null) : base(nameof(EfficientNet))
    {
        ArgumentNullException.ThrowIfNull(inverted_residual_setting);
        if (inverted_residual_setting.Count == 0)
            throw new ArgumentException("An EfficientNet needs at least one stage.", nameof(inverted_residual_setting));
        norm_layer ??= features => BatchNorm2d(features, device: device);

        features = Sequential(
            new Conv2dNormActivation(3, inverted_residual_setting[0].input_channels, norm_layer, SiLU, stride: 2, device: device));
        var total_blocks = inverted_residual_setting.Sum(stage => stage.num_layers);
        var block_id = 0;
        foreach (var stage in inverted_residual_setting)
        {
            var blocks = Sequential();
            for (var i = 0; i < stage.num_layers; i++)
            {
                var cnf = i == 0 ? stage : stage with { input_channels = stage.out_channels, stride = 1 };
                blocks.append(cnf.block(stochastic_depth_prob * block_id++ / total_blocks, norm_layer, device));
            }
            features.append(blocks);
        }
        var lastconv_input_channels = inverted_residual_setting[^1].out_channels;
        var lastconv_output_channels = last_channel ?? 4 * lastconv_input_channels;
        features.append(
            new Conv2dNormActivation(lastconv_input_channels, lastconv_output_channels, norm_layer, SiLU, kernel_size: 1, device: device));

        avgpool = AdaptiveAvgPool2d(1);
        classifier = Sequential(Dropout(dropout, inplace: true), Linear(lastconv_output_channels, num_classes, device: device));
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        return classifier.call(x);
    }

    // Batch norms keep TorchSharp's own initial values, which are the same ones and zeros.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: MobileNets.InitConvolution(conv); break;
                case Linear linear:
                    var range = 1 / Math.Sqrt(linear.out_features);
                    init.uniform_(linear.weight, -range, range);
                    init.constant_(linear.bias, 0);
                    break;
            }
    }
}

public static partial class models
{
    // Table 1 of the first paper, at width and depth 1.
    private static readonly MBConvConfig[] efficientnet_table1 =
    [
        new(1, 3, 1, 32, 16, 1),
        new(6, 3, 2, 16, 24, 2),
        new(6, 5, 2, 24, 40, 2),
        new(6, 3, 2, 40, 80, 3),
        new(6, 5, 1, 80, 112, 3),
        new(6, 5, 2, 112, 192, 4),
        new(6, 3, 1, 192, 320, 1),
    ];

    // Table 4 of the second paper, and its larger siblings.
    private static readonly EfficientNetStage[] efficientnet_v2_table_s =
    [
        new FusedMBConvConfig(1, 3, 1, 24, 24, 2),
        new FusedMBConvConfig(4, 3, 2, 24, 48, 4),
        new FusedMBConvConfig(4, 3, 2, 48, 64, 4),
        new MBConvConfig(4, 3, 2, 64, 128, 6),
        new MBConvConfig(6, 3, 1, 128, 160, 9),
        new MBConvConfig(6, 3, 2, 160, 256, 15),
    ];

    private static readonly EfficientNetStage[] efficientnet_v2_table_m =
    [
        new FusedMBConvConfig(1, 3, 1, 24, 24, 3),
        new FusedMBConvConfig(4, 3, 2, 24, 48, 5),
        new FusedMBConvConfig(4, 3, 2, 48, 80, 5),
        new MBConvConfig(4, 3, 2, 80, 160, 7),
        new MBConvConfig(6, 3, 1, 160, 176, 14),
        new MBConvConfig(6, 3, 2, 176, 304, 18),
        new MBConvConfig(6, 3, 1, 304, 512, 5),
    ];

    private static readonly EfficientNetStage[] efficientnet_v2_table_l =
    [
        new FusedMBConvConfig(1, 3, 1, 32, 32, 4),
        new FusedMBConvConfig(4, 3, 2, 32, 64, 7),
        new FusedMBConvConfig(4, 3, 2, 64, 96, 7),
        new MBConvConfig(4, 3, 2, 96, 192, 10),
        new MBConvConfig(6, 3, 1, 192, 224, 19),
        new MBConvConfig(6, 3, 2, 224, 384, 25),
        new MBConvConfig(6, 3, 1, 384, 640, 7),
    ];

    private static ModelInfo[] efficientnets =>
    [
        new("efficientnet_b0", 5_288_548, imagenet, (classes, device) => efficientnet_b0(classes, device: device)),
        new("efficientnet_b1", 7_794_184, [3, 240, 240], (classes, device) => efficientnet_b1(classes, device: device)),
        new("efficientnet_b2", 9_109_994, [3, 288, 288], (classes, device) => efficientnet_b2(classes, device: device)),
        new("efficientnet_b3", 12_233_232, [3, 300, 300], (classes, device) => efficientnet_b3(classes, device: device)),
        new("efficientnet_b4", 19_341_616, [3, 380, 380], (classes, device) => efficientnet_b4(classes, device: device)),
        new("efficientnet_b5", 30_389_784, [3, 456, 456], (classes, device) => efficientnet_b5(classes, device: device)),
        new("efficientnet_b6", 43_040_704, [3, 528, 528], (classes, device) => efficientnet_b6(classes, device: device)),
        new("efficientnet_b7", 66_347_960, [3, 600, 600], (classes, device) => efficientnet_b7(classes, device: device)),
        new("efficientnet_v2_s", 21_458_488, [3, 384, 384], (classes, device) => efficientnet_v2_s(classes, device: device)),
        new("efficientnet_v2_m", 54_139_356, [3, 480, 480], (classes, device) => efficientnet_v2_m(classes, device: device)),
        new("efficientnet_v2_l", 118_515_272, [3, 480, 480], (classes, device) => efficientnet_v2_l(classes, device: device)),
    ];

    /// <summary>EfficientNet-B0. <c>torchvision.models.efficientnet_b0</c></summary>
    public static EfficientNet efficientnet_b0(
        long num_classes = 1000, double dropout = 0.2, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.0, 1.0))], dropout, stochastic_depth_prob, num_classes, norm_layer,
            device: device);

    /// <summary>EfficientNet-B1. <c>torchvision.models.efficientnet_b1</c></summary>
    public static EfficientNet efficientnet_b1(
        long num_classes = 1000, double dropout = 0.2, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.0, 1.1))], dropout, stochastic_depth_prob, num_classes, norm_layer,
            device: device);

    /// <summary>EfficientNet-B2. <c>torchvision.models.efficientnet_b2</c></summary>
    public static EfficientNet efficientnet_b2(
        long num_classes = 1000, double dropout = 0.3, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.1, 1.2))], dropout, stochastic_depth_prob, num_classes, norm_layer,
            device: device);

    /// <summary>EfficientNet-B3. <c>torchvision.models.efficientnet_b3</c></summary>
    public static EfficientNet efficientnet_b3(
        long num_classes = 1000, double dropout = 0.3, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.2, 1.4))], dropout, stochastic_depth_prob, num_classes, norm_layer,
            device: device);

    /// <summary>EfficientNet-B4. <c>torchvision.models.efficientnet_b4</c></summary>
    public static EfficientNet efficientnet_b4(
        long num_classes = 1000, double dropout = 0.4, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.4, 1.8))], dropout, stochastic_depth_prob, num_classes, norm_layer,
            device: device);

    /// <summary>EfficientNet-B5. <c>torchvision.models.efficientnet_b5</c></summary>
    public static EfficientNet efficientnet_b5(
        long num_classes = 1000, double dropout = 0.4, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.6, 2.2))], dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? efficientnet_tensorflow_norm(device), device: device);

    /// <summary>EfficientNet-B6. <c>torchvision.models.efficientnet_b6</c></summary>
    public static EfficientNet efficientnet_b6(
        long num_classes = 1000, double dropout = 0.5, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(1.8, 2.6))], dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? efficientnet_tensorflow_norm(device), device: device);

    /// <summary>EfficientNet-B7. <c>torchvision.models.efficientnet_b7</c></summary>
    public static EfficientNet efficientnet_b7(
        long num_classes = 1000, double dropout = 0.5, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new([.. efficientnet_table1.Select(stage => stage.Scale(2.0, 3.1))], dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? efficientnet_tensorflow_norm(device), device: device);

    /// <summary>EfficientNetV2-S. <c>torchvision.models.efficientnet_v2_s</c></summary>
    public static EfficientNet efficientnet_v2_s(
        long num_classes = 1000, double dropout = 0.2, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new(efficientnet_v2_table_s, dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? (features => BatchNorm2d(features, eps: 0.001, device: device)), last_channel: 1280, device);

    /// <summary>EfficientNetV2-M. <c>torchvision.models.efficientnet_v2_m</c></summary>
    public static EfficientNet efficientnet_v2_m(
        long num_classes = 1000, double dropout = 0.3, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new(efficientnet_v2_table_m, dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? (features => BatchNorm2d(features, eps: 0.001, device: device)), last_channel: 1280, device);

    /// <summary>EfficientNetV2-L. <c>torchvision.models.efficientnet_v2_l</c></summary>
    public static EfficientNet efficientnet_v2_l(
        long num_classes = 1000, double dropout = 0.4, double stochastic_depth_prob = 0.2, NormLayer? norm_layer = null,
        Device? device = null) =>
        new(efficientnet_v2_table_l, dropout, stochastic_depth_prob, num_classes, norm_layer
            ?? (features => BatchNorm2d(features, eps: 0.001, device: device)), last_channel: 1280, device);

    // The published weights of the largest three come from TensorFlow.
    private static NormLayer efficientnet_tensorflow_norm(Device? device)
        => features => BatchNorm2d(features, eps: 0.001, momentum: 0.01, device: device);
}
