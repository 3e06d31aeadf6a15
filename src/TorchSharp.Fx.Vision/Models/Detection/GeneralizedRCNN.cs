using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// A two-stage detector: the first stage proposes regions, the second classifies them.
/// <c>torchvision.models.detection.generalized_rcnn.GeneralizedRCNN</c>
/// </summary>
public abstract class GeneralizedRCNN : DetectionModel
{
    private readonly RegionProposalNetwork rpn;

    private protected GeneralizedRCNN(
        string name, GeneralizedRCNNTransform transform, Module<Tensor, Dictionary<string, Tensor>> backbone, RegionProposalNetwork rpn,
            RoIHeads roi_heads)
        : base(name, transform, backbone)
    {
        (this.rpn, this.roi_heads) = (rpn, roi_heads);
        register_module(nameof(rpn), rpn);
        register_module(nameof(roi_heads), roi_heads);
    }

    private protected RoIHeads roi_heads { get; }

    private protected override List<Dictionary<string, Tensor>> Detect(ImageList images, Dictionary<string, Tensor> features)
    {
        var (proposals, _) = rpn.call(images, features, null);
        return roi_heads.call(features, proposals, images.image_sizes, null).result;
    }

    private protected override Dictionary<string, Tensor> ComputeLoss(ImageList images, Dictionary<string, Tensor> features,
        List<Dictionary<string, Tensor>> targets)
    {
        var (proposals, proposal_losses) = rpn.call(images, features, targets);
        var (_, detector_losses) = roi_heads.call(features, proposals, images.image_sizes, targets);
        return new(detector_losses.Concat(proposal_losses));
    }
}
