namespace TorchSharp.Fx.Vision;

// One type for each model, as torchvision has one enumeration. The facts are in weights.json, whose rows have these names.

/// <summary>Weights of <c>alexnet</c>.</summary>
public abstract class AlexNet_Weights : ImageNet1K<AlexNet_Weights>;
/// <summary>Weights of <c>convnext_base</c>.</summary>
public abstract class ConvNeXt_Base_Weights : ImageNet1K<ConvNeXt_Base_Weights>;
/// <summary>Weights of <c>convnext_large</c>.</summary>
public abstract class ConvNeXt_Large_Weights : ImageNet1K<ConvNeXt_Large_Weights>;
/// <summary>Weights of <c>convnext_small</c>.</summary>
public abstract class ConvNeXt_Small_Weights : ImageNet1K<ConvNeXt_Small_Weights>;
/// <summary>Weights of <c>convnext_tiny</c>.</summary>
public abstract class ConvNeXt_Tiny_Weights : ImageNet1K<ConvNeXt_Tiny_Weights>;
/// <summary>Weights of <c>deeplabv3_mobilenet_v3_large</c>.</summary>
public abstract class DeepLabV3_MobileNet_V3_Large_Weights : CocoWithVocLabels<DeepLabV3_MobileNet_V3_Large_Weights>;
/// <summary>Weights of <c>deeplabv3_resnet101</c>.</summary>
public abstract class DeepLabV3_ResNet101_Weights : CocoWithVocLabels<DeepLabV3_ResNet101_Weights>;
/// <summary>Weights of <c>deeplabv3_resnet50</c>.</summary>
public abstract class DeepLabV3_ResNet50_Weights : CocoWithVocLabels<DeepLabV3_ResNet50_Weights>;
/// <summary>Weights of <c>densenet121</c>.</summary>
public abstract class DenseNet121_Weights : ImageNet1K<DenseNet121_Weights>;
/// <summary>Weights of <c>densenet161</c>.</summary>
public abstract class DenseNet161_Weights : ImageNet1K<DenseNet161_Weights>;
/// <summary>Weights of <c>densenet169</c>.</summary>
public abstract class DenseNet169_Weights : ImageNet1K<DenseNet169_Weights>;
/// <summary>Weights of <c>densenet201</c>.</summary>
public abstract class DenseNet201_Weights : ImageNet1K<DenseNet201_Weights>;
/// <summary>Weights of <c>efficientnet_b0</c>.</summary>
public abstract class EfficientNet_B0_Weights : ImageNet1K<EfficientNet_B0_Weights>;
/// <summary>Weights of <c>efficientnet_b1</c>.</summary>
public abstract class EfficientNet_B1_Weights : ImageNet1KTwice<EfficientNet_B1_Weights>;
/// <summary>Weights of <c>efficientnet_b2</c>.</summary>
public abstract class EfficientNet_B2_Weights : ImageNet1K<EfficientNet_B2_Weights>;
/// <summary>Weights of <c>efficientnet_b3</c>.</summary>
public abstract class EfficientNet_B3_Weights : ImageNet1K<EfficientNet_B3_Weights>;
/// <summary>Weights of <c>efficientnet_b4</c>.</summary>
public abstract class EfficientNet_B4_Weights : ImageNet1K<EfficientNet_B4_Weights>;
/// <summary>Weights of <c>efficientnet_b5</c>.</summary>
public abstract class EfficientNet_B5_Weights : ImageNet1K<EfficientNet_B5_Weights>;
/// <summary>Weights of <c>efficientnet_b6</c>.</summary>
public abstract class EfficientNet_B6_Weights : ImageNet1K<EfficientNet_B6_Weights>;
/// <summary>Weights of <c>efficientnet_b7</c>.</summary>
public abstract class EfficientNet_B7_Weights : ImageNet1K<EfficientNet_B7_Weights>;
/// <summary>Weights of <c>efficientnet_v2_l</c>.</summary>
public abstract class EfficientNet_V2_L_Weights : ImageNet1K<EfficientNet_V2_L_Weights>;
/// <summary>Weights of <c>efficientnet_v2_m</c>.</summary>
public abstract class EfficientNet_V2_M_Weights : ImageNet1K<EfficientNet_V2_M_Weights>;
/// <summary>Weights of <c>efficientnet_v2_s</c>.</summary>
public abstract class EfficientNet_V2_S_Weights : ImageNet1K<EfficientNet_V2_S_Weights>;
/// <summary>Weights of <c>fasterrcnn_mobilenet_v3_large_320_fpn</c>.</summary>
public abstract class FasterRCNN_MobileNet_V3_Large_320_FPN_Weights : Coco<FasterRCNN_MobileNet_V3_Large_320_FPN_Weights>;
/// <summary>Weights of <c>fasterrcnn_mobilenet_v3_large_fpn</c>.</summary>
public abstract class FasterRCNN_MobileNet_V3_Large_FPN_Weights : Coco<FasterRCNN_MobileNet_V3_Large_FPN_Weights>;
/// <summary>Weights of <c>fasterrcnn_resnet50_fpn</c>.</summary>
public abstract class FasterRCNN_ResNet50_FPN_Weights : Coco<FasterRCNN_ResNet50_FPN_Weights>;
/// <summary>Weights of <c>fasterrcnn_resnet50_fpn_v2</c>.</summary>
public abstract class FasterRCNN_ResNet50_FPN_V2_Weights : Coco<FasterRCNN_ResNet50_FPN_V2_Weights>;
/// <summary>Weights of <c>fcn_resnet101</c>.</summary>
public abstract class FCN_ResNet101_Weights : CocoWithVocLabels<FCN_ResNet101_Weights>;
/// <summary>Weights of <c>fcn_resnet50</c>.</summary>
public abstract class FCN_ResNet50_Weights : CocoWithVocLabels<FCN_ResNet50_Weights>;
/// <summary>Weights of <c>fcos_resnet50_fpn</c>.</summary>
public abstract class FCOS_ResNet50_FPN_Weights : Coco<FCOS_ResNet50_FPN_Weights>;
/// <summary>Weights of <c>googlenet</c>.</summary>
public abstract class GoogLeNet_Weights : ImageNet1K<GoogLeNet_Weights>;
/// <summary>Weights of <c>inception_v3</c>.</summary>
public abstract class Inception_V3_Weights : ImageNet1K<Inception_V3_Weights>;
/// <summary>Weights of <c>keypointrcnn_resnet50_fpn</c>.</summary>
public abstract class KeypointRCNN_ResNet50_FPN_Weights : Coco<KeypointRCNN_ResNet50_FPN_Weights>
{
    /// <summary>From an early training, with the accuracy of the model's first release.</summary>
    public static Weights COCO_LEGACY => Named();
}
/// <summary>Weights of <c>lraspp_mobilenet_v3_large</c>.</summary>
public abstract class LRASPP_MobileNet_V3_Large_Weights : CocoWithVocLabels<LRASPP_MobileNet_V3_Large_Weights>;
/// <summary>Weights of <c>maskrcnn_resnet50_fpn</c>.</summary>
public abstract class MaskRCNN_ResNet50_FPN_Weights : Coco<MaskRCNN_ResNet50_FPN_Weights>;
/// <summary>Weights of <c>maskrcnn_resnet50_fpn_v2</c>.</summary>
public abstract class MaskRCNN_ResNet50_FPN_V2_Weights : Coco<MaskRCNN_ResNet50_FPN_V2_Weights>;
/// <summary>Weights of <c>maxvit_t</c>.</summary>
public abstract class MaxVit_T_Weights : ImageNet1K<MaxVit_T_Weights>;
/// <summary>Weights of <c>mc3_18</c>.</summary>
public abstract class MC3_18_Weights : Kinetics400<MC3_18_Weights>;
/// <summary>Weights of <c>mnasnet0_5</c>.</summary>
public abstract class MNASNet0_5_Weights : ImageNet1K<MNASNet0_5_Weights>;
/// <summary>Weights of <c>mnasnet0_75</c>.</summary>
public abstract class MNASNet0_75_Weights : ImageNet1K<MNASNet0_75_Weights>;
/// <summary>Weights of <c>mnasnet1_0</c>.</summary>
public abstract class MNASNet1_0_Weights : ImageNet1K<MNASNet1_0_Weights>;
/// <summary>Weights of <c>mnasnet1_3</c>.</summary>
public abstract class MNASNet1_3_Weights : ImageNet1K<MNASNet1_3_Weights>;
/// <summary>Weights of <c>mobilenet_v2</c>.</summary>
public abstract class MobileNet_V2_Weights : ImageNet1KTwice<MobileNet_V2_Weights>;
/// <summary>Weights of <c>mobilenet_v3_large</c>.</summary>
public abstract class MobileNet_V3_Large_Weights : ImageNet1KTwice<MobileNet_V3_Large_Weights>;
/// <summary>Weights of <c>mobilenet_v3_small</c>.</summary>
public abstract class MobileNet_V3_Small_Weights : ImageNet1K<MobileNet_V3_Small_Weights>;
/// <summary>Weights of <c>mvit_v1_b</c>.</summary>
public abstract class MViT_V1_B_Weights : Kinetics400<MViT_V1_B_Weights>;
/// <summary>Weights of <c>mvit_v2_s</c>.</summary>
public abstract class MViT_V2_S_Weights : Kinetics400<MViT_V2_S_Weights>;
/// <summary>Weights of <c>r2plus1d_18</c>.</summary>
public abstract class R2Plus1D_18_Weights : Kinetics400<R2Plus1D_18_Weights>;
/// <summary>Weights of <c>r3d_18</c>.</summary>
public abstract class R3D_18_Weights : Kinetics400<R3D_18_Weights>;
/// <summary>
/// Weights of <c>raft_large</c>. C: FlyingChairs, T: FlyingThings3D, S: Sintel, K: KITTI, H: HD1K, in the order of training.
/// </summary>
public abstract class Raft_Large_Weights : FlyingThings<Raft_Large_Weights>
{
    /// <summary>The authors', tuned for Sintel.</summary>
    public static Weights C_T_SKHT_V1 => Named();

    /// <summary>Trained anew, tuned for Sintel.</summary>
    public static Weights C_T_SKHT_V2 => Named();

    /// <summary>The authors', tuned for Sintel, then for KITTI.</summary>
    public static Weights C_T_SKHT_K_V1 => Named();

    /// <summary>Trained anew, tuned for Sintel, then for KITTI.</summary>
    public static Weights C_T_SKHT_K_V2 => Named();
}

/// <summary>Weights of <c>raft_small</c>.</summary>
public abstract class Raft_Small_Weights : FlyingThings<Raft_Small_Weights>;
/// <summary>Weights of <c>regnet_x_16gf</c>.</summary>
public abstract class RegNet_X_16GF_Weights : ImageNet1KTwice<RegNet_X_16GF_Weights>;
/// <summary>Weights of <c>regnet_x_1_6gf</c>.</summary>
public abstract class RegNet_X_1_6GF_Weights : ImageNet1KTwice<RegNet_X_1_6GF_Weights>;
/// <summary>Weights of <c>regnet_x_32gf</c>.</summary>
public abstract class RegNet_X_32GF_Weights : ImageNet1KTwice<RegNet_X_32GF_Weights>;
/// <summary>Weights of <c>regnet_x_3_2gf</c>.</summary>
public abstract class RegNet_X_3_2GF_Weights : ImageNet1KTwice<RegNet_X_3_2GF_Weights>;
/// <summary>Weights of <c>regnet_x_400mf</c>.</summary>
public abstract class RegNet_X_400MF_Weights : ImageNet1KTwice<RegNet_X_400MF_Weights>;
/// <summary>Weights of <c>regnet_x_800mf</c>.</summary>
public abstract class RegNet_X_800MF_Weights : ImageNet1KTwice<RegNet_X_800MF_Weights>;
/// <summary>Weights of <c>regnet_x_8gf</c>.</summary>
public abstract class RegNet_X_8GF_Weights : ImageNet1KTwice<RegNet_X_8GF_Weights>;
/// <summary>Weights of <c>regnet_y_128gf</c>.</summary>
public abstract class RegNet_Y_128GF_Weights : ImageNet1KSwag<RegNet_Y_128GF_Weights>;
/// <summary>Weights of <c>regnet_y_16gf</c>.</summary>
public abstract class RegNet_Y_16GF_Weights : ImageNet1KSwag<RegNet_Y_16GF_Weights>
{
    /// <summary>From scratch.</summary>
    public static Weights IMAGENET1K_V1 => Named();

    /// <summary>From scratch, with the newer recipe.</summary>
    public static Weights IMAGENET1K_V2 => Named();
}
/// <summary>Weights of <c>regnet_y_1_6gf</c>.</summary>
public abstract class RegNet_Y_1_6GF_Weights : ImageNet1KTwice<RegNet_Y_1_6GF_Weights>;
/// <summary>Weights of <c>regnet_y_32gf</c>.</summary>
public abstract class RegNet_Y_32GF_Weights : ImageNet1KSwag<RegNet_Y_32GF_Weights>
{
    /// <summary>From scratch.</summary>
    public static Weights IMAGENET1K_V1 => Named();

    /// <summary>From scratch, with the newer recipe.</summary>
    public static Weights IMAGENET1K_V2 => Named();
}
/// <summary>Weights of <c>regnet_y_3_2gf</c>.</summary>
public abstract class RegNet_Y_3_2GF_Weights : ImageNet1KTwice<RegNet_Y_3_2GF_Weights>;
/// <summary>Weights of <c>regnet_y_400mf</c>.</summary>
public abstract class RegNet_Y_400MF_Weights : ImageNet1KTwice<RegNet_Y_400MF_Weights>;
/// <summary>Weights of <c>regnet_y_800mf</c>.</summary>
public abstract class RegNet_Y_800MF_Weights : ImageNet1KTwice<RegNet_Y_800MF_Weights>;
/// <summary>Weights of <c>regnet_y_8gf</c>.</summary>
public abstract class RegNet_Y_8GF_Weights : ImageNet1KTwice<RegNet_Y_8GF_Weights>;
/// <summary>Weights of <c>resnet101</c>.</summary>
public abstract class ResNet101_Weights : ImageNet1KTwice<ResNet101_Weights>;
/// <summary>Weights of <c>resnet152</c>.</summary>
public abstract class ResNet152_Weights : ImageNet1KTwice<ResNet152_Weights>;
/// <summary>Weights of <c>resnet18</c>.</summary>
public abstract class ResNet18_Weights : ImageNet1K<ResNet18_Weights>;
/// <summary>Weights of <c>resnet34</c>.</summary>
public abstract class ResNet34_Weights : ImageNet1K<ResNet34_Weights>;
/// <summary>Weights of <c>resnet50</c>.</summary>
public abstract class ResNet50_Weights : ImageNet1KTwice<ResNet50_Weights>;
/// <summary>Weights of <c>resnext101_32x8d</c>.</summary>
public abstract class ResNeXt101_32X8D_Weights : ImageNet1KTwice<ResNeXt101_32X8D_Weights>;
/// <summary>Weights of <c>resnext101_64x4d</c>.</summary>
public abstract class ResNeXt101_64X4D_Weights : ImageNet1K<ResNeXt101_64X4D_Weights>;
/// <summary>Weights of <c>resnext50_32x4d</c>.</summary>
public abstract class ResNeXt50_32X4D_Weights : ImageNet1KTwice<ResNeXt50_32X4D_Weights>;
/// <summary>Weights of <c>retinanet_resnet50_fpn</c>.</summary>
public abstract class RetinaNet_ResNet50_FPN_Weights : Coco<RetinaNet_ResNet50_FPN_Weights>;
/// <summary>Weights of <c>retinanet_resnet50_fpn_v2</c>.</summary>
public abstract class RetinaNet_ResNet50_FPN_V2_Weights : Coco<RetinaNet_ResNet50_FPN_V2_Weights>;
/// <summary>Weights of <c>s3d</c>.</summary>
public abstract class S3D_Weights : Kinetics400<S3D_Weights>;
/// <summary>Weights of <c>shufflenet_v2_x0_5</c>.</summary>
public abstract class ShuffleNet_V2_X0_5_Weights : ImageNet1K<ShuffleNet_V2_X0_5_Weights>;
/// <summary>Weights of <c>shufflenet_v2_x1_0</c>.</summary>
public abstract class ShuffleNet_V2_X1_0_Weights : ImageNet1K<ShuffleNet_V2_X1_0_Weights>;
/// <summary>Weights of <c>shufflenet_v2_x1_5</c>.</summary>
public abstract class ShuffleNet_V2_X1_5_Weights : ImageNet1K<ShuffleNet_V2_X1_5_Weights>;
/// <summary>Weights of <c>shufflenet_v2_x2_0</c>.</summary>
public abstract class ShuffleNet_V2_X2_0_Weights : ImageNet1K<ShuffleNet_V2_X2_0_Weights>;
/// <summary>Weights of <c>squeezenet1_0</c>.</summary>
public abstract class SqueezeNet1_0_Weights : ImageNet1K<SqueezeNet1_0_Weights>;
/// <summary>Weights of <c>squeezenet1_1</c>.</summary>
public abstract class SqueezeNet1_1_Weights : ImageNet1K<SqueezeNet1_1_Weights>;
/// <summary>Weights of <c>ssd300_vgg16</c>.</summary>
public abstract class SSD300_VGG16_Weights : Coco<SSD300_VGG16_Weights>;
/// <summary>Weights of <c>ssdlite320_mobilenet_v3_large</c>.</summary>
public abstract class SSDLite320_MobileNet_V3_Large_Weights : Coco<SSDLite320_MobileNet_V3_Large_Weights>;
/// <summary>Weights of <c>swin3d_b</c>.</summary>
public abstract class Swin3D_B_Weights : Kinetics400<Swin3D_B_Weights>
{
    /// <summary>Pre-trained on ImageNet-22K.</summary>
    public static Weights KINETICS400_IMAGENET22K_V1 => Named();
}
/// <summary>Weights of <c>swin3d_s</c>.</summary>
public abstract class Swin3D_S_Weights : Kinetics400<Swin3D_S_Weights>;
/// <summary>Weights of <c>swin3d_t</c>.</summary>
public abstract class Swin3D_T_Weights : Kinetics400<Swin3D_T_Weights>;
/// <summary>Weights of <c>swin_b</c>.</summary>
public abstract class Swin_B_Weights : ImageNet1K<Swin_B_Weights>;
/// <summary>Weights of <c>swin_s</c>.</summary>
public abstract class Swin_S_Weights : ImageNet1K<Swin_S_Weights>;
/// <summary>Weights of <c>swin_t</c>.</summary>
public abstract class Swin_T_Weights : ImageNet1K<Swin_T_Weights>;
/// <summary>Weights of <c>swin_v2_b</c>.</summary>
public abstract class Swin_V2_B_Weights : ImageNet1K<Swin_V2_B_Weights>;
/// <summary>Weights of <c>swin_v2_s</c>.</summary>
public abstract class Swin_V2_S_Weights : ImageNet1K<Swin_V2_S_Weights>;
/// <summary>Weights of <c>swin_v2_t</c>.</summary>
public abstract class Swin_V2_T_Weights : ImageNet1K<Swin_V2_T_Weights>;
/// <summary>Weights of <c>vgg11</c>.</summary>
public abstract class VGG11_Weights : ImageNet1K<VGG11_Weights>;
/// <summary>Weights of <c>vgg11_bn</c>.</summary>
public abstract class VGG11_BN_Weights : ImageNet1K<VGG11_BN_Weights>;
/// <summary>Weights of <c>vgg13</c>.</summary>
public abstract class VGG13_Weights : ImageNet1K<VGG13_Weights>;
/// <summary>Weights of <c>vgg13_bn</c>.</summary>
public abstract class VGG13_BN_Weights : ImageNet1K<VGG13_BN_Weights>;
/// <summary>Weights of <c>vgg16</c>.</summary>
public abstract class VGG16_Weights : ImageNet1K<VGG16_Weights>
{
    /// <summary>For the convolutions only, as SSD uses them; the classifier's weights are NaN.</summary>
    public static Weights IMAGENET1K_FEATURES => Named();
}
/// <summary>Weights of <c>vgg16_bn</c>.</summary>
public abstract class VGG16_BN_Weights : ImageNet1K<VGG16_BN_Weights>;
/// <summary>Weights of <c>vgg19</c>.</summary>
public abstract class VGG19_Weights : ImageNet1K<VGG19_Weights>;
/// <summary>Weights of <c>vgg19_bn</c>.</summary>
public abstract class VGG19_BN_Weights : ImageNet1K<VGG19_BN_Weights>;
/// <summary>Weights of <c>vit_b_16</c>.</summary>
public abstract class ViT_B_16_Weights : ImageNet1KSwag<ViT_B_16_Weights>
{
    /// <summary>From scratch.</summary>
    public static Weights IMAGENET1K_V1 => Named();
}
/// <summary>Weights of <c>vit_b_32</c>.</summary>
public abstract class ViT_B_32_Weights : ImageNet1K<ViT_B_32_Weights>;
/// <summary>Weights of <c>vit_h_14</c>.</summary>
public abstract class ViT_H_14_Weights : ImageNet1KSwag<ViT_H_14_Weights>;
/// <summary>Weights of <c>vit_l_16</c>.</summary>
public abstract class ViT_L_16_Weights : ImageNet1KSwag<ViT_L_16_Weights>
{
    /// <summary>From scratch.</summary>
    public static Weights IMAGENET1K_V1 => Named();
}
/// <summary>Weights of <c>vit_l_32</c>.</summary>
public abstract class ViT_L_32_Weights : ImageNet1K<ViT_L_32_Weights>;
/// <summary>Weights of <c>wide_resnet101_2</c>.</summary>
public abstract class Wide_ResNet101_2_Weights : ImageNet1KTwice<Wide_ResNet101_2_Weights>;
/// <summary>Weights of <c>wide_resnet50_2</c>.</summary>
public abstract class Wide_ResNet50_2_Weights : ImageNet1KTwice<Wide_ResNet50_2_Weights>;
