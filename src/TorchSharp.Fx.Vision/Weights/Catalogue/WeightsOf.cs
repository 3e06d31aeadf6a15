using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Vision;

/// <summary>The weights published for one model. <c>torchvision.models.WeightsEnum</c></summary>
/// <typeparam name="TSelf">The type of that model's weights, whose name is torchvision's.</typeparam>
public abstract class WeightsOf<TSelf> where TSelf : WeightsOf<TSelf>
{
    private protected WeightsOf() { }

    /// <summary>The best ones.</summary>
    public static Weights DEFAULT => Weights.Default(typeof(TSelf).Name);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Weights> All => Weights.Of(typeof(TSelf).Name);

    private protected static Weights Named([CallerMemberName] string name = "") => Weights.Get(typeof(TSelf).Name, name);
}

/// <summary>Trained on ImageNet-1K.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class ImageNet1K<TSelf> : WeightsOf<TSelf> where TSelf : ImageNet1K<TSelf>
{
    private protected ImageNet1K() { }

    /// <summary>As in the paper or close to it.</summary>
    public static Weights IMAGENET1K_V1 => Named();
}

/// <summary>Trained on ImageNet-1K, by an old and a newer recipe.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class ImageNet1KTwice<TSelf> : ImageNet1K<TSelf> where TSelf : ImageNet1KTwice<TSelf>
{
    private protected ImageNet1KTwice() { }

    /// <summary>By torchvision's newer training recipe.</summary>
    public static Weights IMAGENET1K_V2 => Named();
}

/// <summary>Trained on hashtags of 3.6 billion images (SWAG), then for ImageNet-1K.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class ImageNet1KSwag<TSelf> : WeightsOf<TSelf> where TSelf : ImageNet1KSwag<TSelf>
{
    private protected ImageNet1KSwag() { }

    /// <summary>All of the model was tuned on ImageNet-1K.</summary>
    public static Weights IMAGENET1K_SWAG_E2E_V1 => Named();

    /// <summary>Only a linear classifier was trained on ImageNet-1K.</summary>
    public static Weights IMAGENET1K_SWAG_LINEAR_V1 => Named();
}

/// <summary>Trained on COCO's boxes, masks or key points.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class Coco<TSelf> : WeightsOf<TSelf> where TSelf : Coco<TSelf>
{
    private protected Coco() { }

    /// <summary>91 classes, the first of them the background; key points are of people only.</summary>
    public static Weights COCO_V1 => Named();
}

/// <summary>Trained on the images of COCO that have one of Pascal VOC's classes.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class CocoWithVocLabels<TSelf> : WeightsOf<TSelf> where TSelf : CocoWithVocLabels<TSelf>
{
    private protected CocoWithVocLabels() { }

    /// <summary>21 classes, the first of them the background.</summary>
    public static Weights COCO_WITH_VOC_LABELS_V1 => Named();
}

/// <summary>Trained on the videos of Kinetics-400.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class Kinetics400<TSelf> : WeightsOf<TSelf> where TSelf : Kinetics400<TSelf>
{
    private protected Kinetics400() { }

    /// <summary>400 kinds of action.</summary>
    public static Weights KINETICS400_V1 => Named();
}

/// <summary>Trained on FlyingChairs, then on FlyingThings3D.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class FlyingThings<TSelf> : WeightsOf<TSelf> where TSelf : FlyingThings<TSelf>
{
    private protected FlyingThings() { }

    /// <summary>The authors' weights.</summary>
    public static Weights C_T_V1 => Named();

    /// <summary>Trained anew with torchvision.</summary>
    public static Weights C_T_V2 => Named();
}

/// <summary>Trained on ImageNet-1K, quantised for x86.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class Fbgemm<TSelf> : WeightsOf<TSelf> where TSelf : Fbgemm<TSelf>
{
    private protected Fbgemm() { }

    /// <summary>Quantised from the first floating-point weights.</summary>
    public static Weights IMAGENET1K_FBGEMM_V1 => Named();
}

/// <summary>Trained on ImageNet-1K by an old and a newer recipe, quantised for x86.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class FbgemmTwice<TSelf> : Fbgemm<TSelf> where TSelf : FbgemmTwice<TSelf>
{
    private protected FbgemmTwice() { }

    /// <summary>Quantised from the second floating-point weights.</summary>
    public static Weights IMAGENET1K_FBGEMM_V2 => Named();
}

/// <summary>Trained on ImageNet-1K with quantisation-aware training, for ARM.</summary>
/// <typeparam name="TSelf">The type of one model's weights.</typeparam>
public abstract class Qnnpack<TSelf> : WeightsOf<TSelf> where TSelf : Qnnpack<TSelf>
{
    private protected Qnnpack() { }

    /// <summary>The only published weights.</summary>
    public static Weights IMAGENET1K_QNNPACK_V1 => Named();
}
