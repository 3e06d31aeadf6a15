using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    private const long pyramid_channels = 256;

    /// <summary>
    /// A ResNet with a feature pyramid, the first layers frozen. <c>torchvision.models.detection.backbone_utils.resnet_fpn_backbone</c>
    /// </summary>
    /// <param name="backbone_name">A ResNet, ResNeXt or wide ResNet.</param>
    /// <param name="weights">Published weights of it, downloaded if missing; null initialises random ones.</param>
    /// <param name="norm_layer">Builds the ResNet's norms; null is <see cref="FrozenBatchNorm2d"/>.</param>
    /// <param name="trainable_layers">The number of layers to train, counted from the last, of the four stages and the stem: 0 to
    /// 5.</param>
    /// <param name="returned_layers">The stages that feed the pyramid, 1 to 4; null is all. Its levels are "0", "1" and so on, and
    /// "pool".</param>
    /// <param name="extra_blocks">Adds levels; null is <see cref="LastLevelMaxPool"/>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">No ResNet has that name, or the layers are not in the range.</exception>
    public static BackboneWithFPN resnet_fpn_backbone(
        string backbone_name, Weights? weights = null, NormLayer? norm_layer = null, int trainable_layers = 3,
        IReadOnlyList<int>? returned_layers = null,
        ExtraFPNBlock? extra_blocks = null, Device? device = null)
    {
        var backbone = Resnet(backbone_name, norm_layer ?? Frozen(device), device);
        Load(backbone, backbone_name, weights);
        return WithPyramid(backbone, trainable_layers, returned_layers, extra_blocks, norm_layer: null, device);
    }

    // torchvision's _resnet_fpn_extractor.
    private static BackboneWithFPN WithPyramid(
        ResNet backbone, int trainable_layers, IReadOnlyList<int>? returned_layers, ExtraFPNBlock? extra_blocks, NormLayer? norm_layer,
        Device? device)
    {
        returned_layers ??= [1, 2, 3, 4];
        if (trainable_layers is < 0 or > 5)
            throw new ArgumentException($"Trainable layers should be in the range [0,5], got {trainable_layers}.",
                nameof(trainable_layers));
        if (returned_layers.Count == 0 || returned_layers.Any(layer => layer is < 1 or > 4))
            throw new ArgumentException($"Each returned layer should be in the range [1,4]. Got [{string.Join(", ", returned_layers)}].",
                nameof(returned_layers));

        string[] layers_to_train =
            [.. new[] { "layer4", "layer3", "layer2", "layer1", "conv1" }.Take(trainable_layers), .. trainable_layers == 5
                ? ["bn1"] : Array.Empty<string>()];
        Freeze(backbone.named_parameters().Where(item => !layers_to_train.Contains(item.name.Split('.')[0]))
            .Select(item => item.parameter));

        var return_layers = returned_layers.Index().ToDictionary(layer => $"layer{layer.Item}", layer => $"{layer.Index}");
        return new(
            backbone, return_layers, [.. returned_layers.Select(layer => backbone.out_channels >> (4 - layer))], pyramid_channels,
            extra_blocks, norm_layer, device);
    }

    /// <summary>
    /// A MobileNet with a feature pyramid, or a convolution to as many channels, the first layers frozen.
    /// <c>torchvision.models.detection.backbone_utils.mobilenet_backbone</c>
    /// </summary>
    /// <param name="backbone_name">A MobileNet v2 or v3.</param>
    /// <param name="weights">Published weights of it, downloaded if missing; null initialises random ones.</param>
    /// <param name="fpn">Whether it has a feature pyramid.</param>
    /// <param name="norm_layer">Builds the MobileNet's norms; null is <see cref="FrozenBatchNorm2d"/>.</param>
    /// <param name="trainable_layers">The number of stages to train, counted from the last; a stage begins where the resolution is
    /// halved.</param>
    /// <param name="returned_layers">The stages that feed the pyramid, counted from 0; null is the last two. Its levels are "0", "1" and so
    /// on, and "pool".</param>
    /// <param name="extra_blocks">Adds levels; null is <see cref="LastLevelMaxPool"/>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <returns>A <see cref="BackboneWithFPN"/>, or a sequence of the features and the convolution.</returns>
    /// <exception cref="ArgumentException">No MobileNet has that name, or the layers are not in the range.</exception>
    public static nn.Module mobilenet_backbone(
        string backbone_name, Weights? weights, bool fpn, NormLayer? norm_layer = null, int trainable_layers = 2,
        IReadOnlyList<int>? returned_layers = null,
        ExtraFPNBlock? extra_blocks = null, Device? device = null)
    {
        var model = Mobilenet(backbone_name, norm_layer ?? Frozen(device), device);
        var features = (Sequential)model.named_children().First(child => child.name == "features").module;
        var blocks = features.children().ToArray();
        var stages = Stages(blocks);
        returned_layers ??= [stages.Length - 2, stages.Length - 1];
        if (trainable_layers < 0 || trainable_layers > stages.Length)
            throw new ArgumentException($"Trainable layers should be in the range [0,{stages.Length}], got {trainable_layers}.",
                nameof(trainable_layers));
        if (returned_layers.Count == 0 || returned_layers.Any(layer => layer < 0 || layer >= stages.Length))
            throw new ArgumentException(
                $"Each returned layer should be in the range [0,{stages.Length - 1}]. Got [{string.Join(", ", returned_layers)}].",
                nameof(returned_layers));

        Load(model, backbone_name, weights);
        Freeze(blocks.Take(trainable_layers == 0 ? blocks.Length : stages[^trainable_layers]).SelectMany(block => block.parameters()));
        if (!fpn) return Sequential(features, Conv2d(Channels(blocks[^1]), pyramid_channels, kernel_size: 1, device: device));

        var return_layers = returned_layers.Index().ToDictionary(layer => $"{stages[layer.Item]}", layer => $"{layer.Index}");
        return new BackboneWithFPN(features, return_layers, [.. returned_layers.Select(layer => Channels(blocks[stages[layer]]))],
            pyramid_channels, extra_blocks, device: device);
    }

    private static ResNet Resnet(string name, NormLayer norm, Device? device) => name switch
    {
        "resnet18" => resnet18(norm_layer: norm, device: device),
        "resnet34" => resnet34(norm_layer: norm, device: device),
        "resnet50" => resnet50(norm_layer: norm, device: device),
        "resnet101" => resnet101(norm_layer: norm, device: device),
        "resnet152" => resnet152(norm_layer: norm, device: device),
        "resnext50_32x4d" => resnext50_32x4d(norm_layer: norm, device: device),
        "resnext101_32x8d" => resnext101_32x8d(norm_layer: norm, device: device),
        "resnext101_64x4d" => resnext101_64x4d(norm_layer: norm, device: device),
        "wide_resnet50_2" => wide_resnet50_2(norm_layer: norm, device: device),
        "wide_resnet101_2" => wide_resnet101_2(norm_layer: norm, device: device),
        _ => throw NoBackbone(name, "ResNet", resnets),
    };

    private static nn.Module Mobilenet(string name, NormLayer norm, Device? device) => name switch
    {
        "mobilenet_v2" => mobilenet_v2(norm_layer: norm, device: device),
        "mobilenet_v3_large" => mobilenet_v3_large(norm_layer: norm, device: device),
        "mobilenet_v3_small" => mobilenet_v3_small(norm_layer: norm, device: device),
        _ => throw NoBackbone(name, "MobileNet", [.. mobilenet_v2s, .. mobilenet_v3s]),
    };

    private static ArgumentException NoBackbone(string name, string family, ModelInfo[] known) =>
        new($"'{name}' is no {family}; the backbones are {string.Join(", ", known.Select(row => row.name))}.", nameof(name));

    private static NormLayer Frozen(Device? device) => features => new FrozenBatchNorm2d(features, device: device);

    // The first block, those that halve the resolution, and the last.
    private static int[] Stages(nn.Module[] blocks) =>
        [0, .. Enumerable.Range(0, blocks.Length).Where(i => blocks[i] is IMobileNetBlock { is_strided: true }), blocks.Length - 1];

    private static void Load(nn.Module backbone, string name, Weights? weights)
    {
        if (weights is null) return;
        CheckModel(weights, name);
        backbone.load_weights(weights.download());
    }

    private static void Freeze(IEnumerable<Parameter> parameters)
    {
        foreach (var parameter in parameters) parameter.requires_grad = false;
    }

    private static long Channels(nn.Module block)
        => block is IMobileNetBlock inner ? inner.out_channels : ((Conv2dNormActivation)block).out_channels;
}
