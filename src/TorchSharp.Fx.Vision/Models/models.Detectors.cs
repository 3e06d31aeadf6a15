using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

// The detectors' rows of the catalogue.
public static partial class models
{
    private static ModelInfo[] detectors =>
    [
        Detector("fasterrcnn_mobilenet_v3_large_320_fpn", 19_410_754, 320,
            (classes, device) => fasterrcnn_mobilenet_v3_large_320_fpn(classes, device: device),
            (norm, device) => fasterrcnn_mobilenet_v3_large_320_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device)),
        Detector("fasterrcnn_mobilenet_v3_large_fpn", 19_410_754, 800,
            (classes, device) => fasterrcnn_mobilenet_v3_large_fpn(classes, device: device),
            (norm, device) => fasterrcnn_mobilenet_v3_large_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device)),
        Detector("fasterrcnn_resnet50_fpn", 41_808_406, 800,
            (classes, device) => fasterrcnn_resnet50_fpn(classes, device: device),
            (norm, device) => fasterrcnn_resnet50_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device), eps: 0),
        Detector("fasterrcnn_resnet50_fpn_v2", 43_712_278, 800,
            (classes, device) => fasterrcnn_resnet50_fpn_v2(classes, device: device),
            (_, device) => fasterrcnn_resnet50_fpn_v2(trainable_backbone_layers: 3, device: device)),
        Detector("fcos_resnet50_fpn", 32_322_720, 800,
            (classes, device) => fcos_resnet50_fpn(classes, device: device),
            (norm, device) => fcos_resnet50_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device)),
        Detector("keypointrcnn_resnet50_fpn", 59_190_378, 800,
            (classes, device) => keypointrcnn_resnet50_fpn(classes, device: device),
            (norm, device) => keypointrcnn_resnet50_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device),
            eps: 0) with { num_classes = 2 },
        Detector("maskrcnn_resnet50_fpn", 44_454_513, 800,
            (classes, device) => maskrcnn_resnet50_fpn(classes, device: device),
            (norm, device) => maskrcnn_resnet50_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device), eps: 0),
        Detector("maskrcnn_resnet50_fpn_v2", 46_359_409, 800,
            (classes, device) => maskrcnn_resnet50_fpn_v2(classes, device: device),
            (_, device) => maskrcnn_resnet50_fpn_v2(trainable_backbone_layers: 3, device: device)),
        Detector("retinanet_resnet50_fpn", 34_068_119, 800,
            (classes, device) => retinanet_resnet50_fpn(classes, device: device),
            (norm, device) => retinanet_resnet50_fpn(trainable_backbone_layers: 3, norm_layer: norm, device: device), eps: 0),
        Detector("retinanet_resnet50_fpn_v2", 38_198_935, 800,
            (classes, device) => retinanet_resnet50_fpn_v2(classes, device: device),
            (_, device) => retinanet_resnet50_fpn_v2(trainable_backbone_layers: 3, device: device)),
        Detector("ssd300_vgg16", 35_641_826, 300,
            (classes, device) => ssd300_vgg16(classes, device: device),
            (_, device) => ssd300_vgg16(trainable_backbone_layers: 4, device: device)),
        Detector("ssdlite320_mobilenet_v3_large", 3_440_060, 320,
            (classes, device) => ssdlite320_mobilenet_v3_large(classes, device: device),
            (_, device) => ssdlite320_mobilenet_v3_large(device: device)),
    ];

    // Published weights want the backbone's norms frozen, some of them without an epsilon.
    private static ModelInfo Detector(
        string name, long num_params, long side, ModelBuilder builder, Func<NormLayer, Device?, DetectionModel> pretrained,
        double eps = 1e-5) =>
        new(name, num_params, [3, side, side], builder)
        {
            num_classes = coco_classes,
            input = ModelInput.Images,
            pretrained = (weights, device) => pretrained(
                features => new FrozenBatchNorm2d(features, weights.name == "COCO_V1" ? eps : 1e-5, device), device),
        };
}
