using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

// What several of the detectors are built of.
public static partial class models
{
    // Five sizes on each of the three levels.
    private static FasterRCNNOptions mobile => new()
    {
        rpn_anchor_generator = new([.. Enumerable.Repeat<long[]>([32, 64, 128, 256, 512], 3)], [0.5, 1, 2]),
        rpn_score_thresh = 0.05,
    };

    private static FasterRCNN fasterrcnn_mobilenet(
        long num_classes, Weights? weights_backbone, int? trainable_backbone_layers, NormLayer? norm_layer, FasterRCNNOptions options,
            Device? device)
    {
        var trainable = trainable_backbone_layers ?? (weights_backbone is null ? 6 : 3);
        var backbone = (BackboneWithFPN)mobilenet_backbone(
            "mobilenet_v3_large", weights_backbone, fpn: true, norm_layer ?? DetectorNorm(weights_backbone, device), trainable,
                device: device);
        return new(backbone, backbone.out_channels, num_classes, options, device);
    }

    private static BackboneWithFPN Resnet50(
        Weights? weights, int? trainable_layers, NormLayer? norm_layer, Device? device, IReadOnlyList<int>? returned_layers = null,
            ExtraFPNBlock? extra_blocks = null) =>
        resnet_fpn_backbone(
            "resnet50", weights, norm_layer ?? DetectorNorm(weights, device), trainable_layers ?? (weights is null ? 5 : 3),
                returned_layers, extra_blocks, device);

    private static BackboneWithFPN Resnet50V2(Weights? weights, int? trainable_layers, Device? device)
    {
        var backbone = resnet50(device: device);
        Load(backbone, "resnet50", weights);
        return WithPyramid(backbone, trainable_layers ?? (weights is null ? 5 : 3), returned_layers: null, extra_blocks: null,
            BatchNorm(device), device);
    }

    private static FasterRCNNOptions HeadsV2(long channels, Device? device) => new()
    {
        rpn_head = new RPNHead(channels, num_anchors: 3, conv_depth: 2, device),
        box_head = new FastRCNNConvFCHead((channels, 7, 7), [256, 256, 256, 256], [1024], BatchNorm(device), device),
    };

    private static NormLayer BatchNorm(Device? device) => features => BatchNorm2d(features, device: device);

    // Batches are too small to train the averages of a backbone that has been trained before.
    private static NormLayer DetectorNorm(Weights? weights, Device? device) => weights is null ? BatchNorm(device) : Frozen(device);

    private static TOptions Changed<TOptions>(Func<TOptions, TOptions>? options, TOptions defaults) => options is null ? defaults
        : options(defaults);

    private static void FreezeStages(nn.Module[] layers, int[] stages, int trainable)
    {
        if (trainable < 0 || trainable > stages.Length)
            throw new ArgumentException($"Trainable layers should be in the range [0,{stages.Length}], got {trainable}.",
                nameof(trainable));
        Freeze(layers.Take(trainable == 0 ? layers.Length : stages[^trainable]).SelectMany(layer => layer.parameters()));
    }
}
