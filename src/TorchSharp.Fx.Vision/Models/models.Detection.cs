using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

public static partial class models
{
    // The classes of COCO, some of them without examples, and the background.
    private const long coco_classes = 91;

    /// <summary>Faster R-CNN on ResNet-50 with a feature pyramid. <c>torchvision.models.detection.fasterrcnn_resnet50_fpn</c></summary>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="weights_backbone">Published weights of the backbone, downloaded if missing; null initialises random ones.</param>
    /// <param name="trainable_backbone_layers">The number of the backbone's layers to train, counted from the last; null for 3 with
    /// published weights, otherwise all.</param>
    /// <param name="norm_layer">
    /// Builds the backbone's norms; null is <see cref="FrozenBatchNorm2d"/> with published weights, and else batch norm.
    /// </param>
    /// <param name="options">A function that changes the model's default options:
    /// <c>options: its => its with { box_score_thresh = 0.5 }</c>.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static FasterRCNN fasterrcnn_resnet50_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, norm_layer, device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), device);
    }

    /// <summary>
    /// Faster R-CNN on ResNet-50 with a feature pyramid, with the heads and norms of Li et al., "Benchmarking Detection Transfer Learning
    /// with Vision Transformers" (2021). <c>torchvision.models.detection.fasterrcnn_resnet50_fpn_v2</c>
    /// </summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static FasterRCNN fasterrcnn_resnet50_fpn_v2(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50V2(weights_backbone, trainable_backbone_layers, device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, HeadsV2(backbone.out_channels, device)), device);
    }

    /// <summary>
    /// Faster R-CNN on MobileNet v3, large, with a feature pyramid. <c>torchvision.models.detection.fasterrcnn_mobilenet_v3_large_fpn</c>
    /// </summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static FasterRCNN fasterrcnn_mobilenet_v3_large_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null) =>
        fasterrcnn_mobilenet(num_classes, weights_backbone, trainable_backbone_layers, norm_layer, Changed(options, mobile), device);

    /// <summary>
    /// Faster R-CNN on MobileNet v3, large, with a feature pyramid, for small images on small devices.
    /// <c>torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn</c>
    /// </summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static FasterRCNN fasterrcnn_mobilenet_v3_large_320_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var small = mobile with { min_size = [320], max_size = 640, rpn_pre_nms_top_n_test = 150, rpn_post_nms_top_n_test = 150 };
        return fasterrcnn_mobilenet(num_classes, weights_backbone, trainable_backbone_layers, norm_layer, Changed(options, small), device);
    }

    /// <summary>Mask R-CNN on ResNet-50 with a feature pyramid. <c>torchvision.models.detection.maskrcnn_resnet50_fpn</c></summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static MaskRCNN maskrcnn_resnet50_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, norm_layer, device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), device: device);
    }

    /// <summary>
    /// Mask R-CNN with the heads and norms of <see cref="fasterrcnn_resnet50_fpn_v2"/>.
    /// <c>torchvision.models.detection.maskrcnn_resnet50_fpn_v2</c>
    /// </summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static MaskRCNN maskrcnn_resnet50_fpn_v2(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50V2(weights_backbone, trainable_backbone_layers, device);
        var mask_head = new MaskRCNNHeads(backbone.out_channels, [256, 256, 256, 256], dilation: 1, BatchNorm(device), device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, HeadsV2(backbone.out_channels, device)),
            mask_head: mask_head, device: device);
    }

    /// <summary>
    /// Keypoint R-CNN on ResNet-50 with a feature pyramid: people, and 17 points of each.
    /// <c>torchvision.models.detection.keypointrcnn_resnet50_fpn</c>
    /// </summary>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="num_keypoints">How many key points an object has.</param>
    /// <param name="weights_backbone">Published weights of the backbone, downloaded if missing; null initialises random ones.</param>
    /// <param name="trainable_backbone_layers">The number of the backbone's layers to train, counted from the last; null for 3 with
    /// published weights, otherwise all.</param>
    /// <param name="norm_layer">
    /// Builds the backbone's norms; null is <see cref="FrozenBatchNorm2d"/> with published weights, and else batch norm.
    /// </param>
    /// <param name="options">A function that changes the model's default options.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static KeypointRCNN keypointrcnn_resnet50_fpn(
        long num_classes = 2, long num_keypoints = 17, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FasterRCNNOptions, FasterRCNNOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, norm_layer, device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), num_keypoints: num_keypoints, device: device);
    }

    /// <summary>RetinaNet on ResNet-50 with a feature pyramid. <c>torchvision.models.detection.retinanet_resnet50_fpn</c></summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static RetinaNet retinanet_resnet50_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<RetinaNetOptions, RetinaNetOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, norm_layer, device, [2, 3, 4],
            new LastLevelP6P7(256, 256, device));
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), device: device);
    }

    /// <summary>
    /// RetinaNet on ResNet-50 by the recipe of Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection" (2020).
    /// <c>torchvision.models.detection.retinanet_resnet50_fpn_v2</c>
    /// </summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static RetinaNet retinanet_resnet50_fpn_v2(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
        Func<RetinaNetOptions, RetinaNetOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, BatchNorm(device), device, [2, 3, 4],
            new LastLevelP6P7(2048, 256, device));
        var head = new RetinaNetHead(backbone.out_channels, 9, num_classes, DetectionWeights.GroupNorms(device), "giou", device);
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), head: head, device: device);
    }

    /// <summary>FCOS on ResNet-50 with a feature pyramid. <c>torchvision.models.detection.fcos_resnet50_fpn</c></summary>
    /// <inheritdoc cref="fasterrcnn_resnet50_fpn"/>
    public static FCOS fcos_resnet50_fpn(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<FCOSOptions, FCOSOptions>? options = null, Device? device = null)
    {
        var backbone = Resnet50(weights_backbone, trainable_backbone_layers, norm_layer, device, [2, 3, 4],
            new LastLevelP6P7(256, 256, device));
        return new(backbone, backbone.out_channels, num_classes, Changed(options, new()), device: device);
    }

    /// <summary>SSD for images of 300 × 300 on VGG-16. <c>torchvision.models.detection.ssd300_vgg16</c></summary>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="weights_backbone">Published weights of the VGG-16, downloaded if missing; null initialises random ones.</param>
    /// <param name="trainable_backbone_layers">The number of the backbone's stages to train, counted from the last; null for 4 with
    /// published weights, otherwise all.</param>
    /// <param name="options">A function that changes the model's default options.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static SSD ssd300_vgg16(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            Func<SSDOptions, SSDOptions>? options = null,
        Device? device = null)
    {
        var vgg = vgg16(device: device);
        Load(vgg, "vgg16", weights_backbone);
        var features = (Sequential)vgg.named_children().First().module;
        var layers = features.children().ToArray();
        int[] stages = [.. Enumerable.Range(0, layers.Length).Where(i => layers[i] is MaxPool2d)];
        FreezeStages(layers, stages, trainable_backbone_layers ?? (weights_backbone is null ? 5 : 4));

        var boxes = new DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales: [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
            steps: [8, 16, 32, 64, 100, 300]);
        var head = new SSDHead([512, 1024, 512, 256, 256, 256], boxes.num_anchors_per_location(), num_classes, device);
        var defaults = new SSDOptions { image_mean = [0.48235, 0.45882, 0.40784], image_std = [1.0 / 255, 1.0 / 255, 1.0 / 255] };
        return new(new SSDFeatureExtractorVGG(features, device: device), boxes, (300, 300), head, Changed(options, defaults));
    }

    /// <summary>
    /// SSDlite for images of 320 × 320 on MobileNet v3, large. <c>torchvision.models.detection.ssdlite320_mobilenet_v3_large</c>
    /// </summary>
    /// <param name="num_classes">The number of classes, including the background.</param>
    /// <param name="weights_backbone">Published weights of the MobileNet, downloaded if missing; null initialises random ones, and halves
    /// the channels of its last blocks.</param>
    /// <param name="trainable_backbone_layers">The number of the backbone's stages to train, counted from the last; null for all.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm with an epsilon of 0.001 and a momentum of 0.03.</param>
    /// <param name="options">A function that changes the model's default options.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public static SSD ssdlite320_mobilenet_v3_large(
        long num_classes = coco_classes, Weights? weights_backbone = null, int? trainable_backbone_layers = null,
            NormLayer? norm_layer = null,
        Func<SSDOptions, SSDOptions>? options = null, Device? device = null)
    {
        norm_layer ??= channels => BatchNorm2d(channels, eps: 0.001, momentum: 0.03, device: device);
        var mobilenet = mobilenet_v3_large(reduced_tail: weights_backbone is null, norm_layer: norm_layer, device: device);
        var features = (Sequential)mobilenet.named_children().First().module;
        if (weights_backbone is null) DetectionWeights.Normal(features, 0.03);
        Load(mobilenet, "mobilenet_v3_large", weights_backbone);
        var blocks = features.children().ToArray();
        var stages = Stages(blocks);
        FreezeStages(blocks, stages, trainable_backbone_layers ?? stages.Length);

        var backbone = new SSDLiteFeatureExtractorMobileNet(features, stages[^2], norm_layer, device);
        var boxes = new DefaultBoxGenerator([.. Enumerable.Repeat<double[]>([2, 3], 6)], min_ratio: 0.2, max_ratio: 0.95);
        var head = new SSDHead(backbone.out_channels, boxes.num_anchors_per_location(), num_classes, norm_layer, device);
        var defaults = new SSDOptions
        {
            score_thresh = 0.001, nms_thresh = 0.55, detections_per_img = 300, topk_candidates = 300, image_mean = [0.5, 0.5, 0.5],
                image_std = [0.5, 0.5, 0.5],
        };
        return new(backbone, boxes, (320, 320), head, Changed(options, defaults));
    }
}
