using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// A classifier for each pixel on a backbone's features, scaled up to the image.
/// <c>torchvision.models.segmentation._utils._SimpleSegmentationModel</c>
/// </summary>
/// <remarks>Images [N, 3, H, W] to <c>out</c>, and <c>aux</c> where there is an auxiliary classifier, each [N, num_classes, H,
/// W].</remarks>
public abstract class SegmentationModel : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly Module<Tensor, Dictionary<string, Tensor>> backbone;
    private readonly Module<Tensor, Tensor> classifier;
    private readonly Module<Tensor, Tensor>? aux_classifier;

    private protected SegmentationModel(
        string name, Module<Tensor, Dictionary<string, Tensor>> backbone, Module<Tensor, Tensor> classifier,
        Module<Tensor, Tensor>? aux_classifier) : base(name)
    {
        this.backbone = backbone;
        this.classifier = classifier;
        this.aux_classifier = aux_classifier;
        // RegisterComponents would look at the fields of the derived class only.
        register_module(nameof(backbone), backbone);
        register_module(nameof(classifier), classifier);
        if (aux_classifier is not null) register_module(nameof(aux_classifier), aux_classifier);
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor x)
    {
        var input_shape = x.shape[^2..];
        var features = backbone.call(x);
        var result = new Dictionary<string, Tensor>();

        x = features["out"];
        x = classifier.call(x);
        x = F.interpolate(x, size: input_shape, mode: InterpolationMode.Bilinear, align_corners: false);
        result["out"] = x;

        if (aux_classifier is not null)
        {
            x = features["aux"];
            x = aux_classifier.call(x);
            x = F.interpolate(x, size: input_shape, mode: InterpolationMode.Bilinear, align_corners: false);
            result["aux"] = x;
        }
        return result;
    }

    /// <summary>
    /// A ResNet without its last two strides, which puts out its last stage, and the one before for the auxiliary classifier.
    /// </summary>
    internal static IntermediateLayerGetter Backbone(ResNet resnet, bool aux_loss)
    {
        var return_layers = new Dictionary<string, string> { ["layer4"] = "out" };
        if (aux_loss) return_layers["layer3"] = "aux";
        return new IntermediateLayerGetter(resnet, return_layers);
    }
}
