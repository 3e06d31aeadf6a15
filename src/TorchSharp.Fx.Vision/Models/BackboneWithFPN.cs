using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// A model's children up to the last requested one, and a feature pyramid on their outputs.
/// <c>torchvision.models.detection.backbone_utils.BackboneWithFPN</c>
/// </summary>
/// <remarks>Images [N, 3, H, W] to the pyramid's levels by name, each [N, out_channels, h, w].</remarks>
public sealed class BackboneWithFPN : Module<Tensor, Dictionary<string, Tensor>>
{
    private readonly IntermediateLayerGetter body;
    private readonly FeaturePyramidNetwork fpn;

    /// <summary>Shares the model's children and initialises random weights for the pyramid.</summary>
    /// <param name="backbone">The model; it must meet the conditions of <see cref="IntermediateLayerGetter"/>.</param>
    /// <param name="return_layers">The children that feed the pyramid, each with the name of its level.</param>
    /// <param name="in_channels_list">The channels of each.</param>
    /// <param name="out_channels">Channels of the pyramid.</param>
    /// <param name="extra_blocks">Adds levels; null is <see cref="LastLevelMaxPool"/>.</param>
    /// <param name="norm_layer">Builds the pyramid's norms; null is none.</param>
    /// <param name="device">The device of the pyramid's weights; null for the default device.</param>
    public BackboneWithFPN(
        nn.Module backbone, IReadOnlyDictionary<string, string> return_layers, IReadOnlyList<long> in_channels_list, long out_channels,
        ExtraFPNBlock? extra_blocks = null, NormLayer? norm_layer = null, Device? device = null) : base(nameof(BackboneWithFPN))
    {
        body = new IntermediateLayerGetter(backbone, return_layers);
        fpn = new FeaturePyramidNetwork(in_channels_list, out_channels, extra_blocks ?? new LastLevelMaxPool(), norm_layer, device);
        this.out_channels = out_channels;
        RegisterComponents();
    }

    /// <summary>Channels of every level.</summary>
    public long out_channels { get; }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Tensor x) => fpn.call(body.call(x));
}
