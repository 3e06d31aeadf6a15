using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Adds the features of low resolutions to those of high resolutions: Lin et al., "Feature Pyramid Networks for Object Detection" (2017).
/// <c>torchvision.ops.FeaturePyramidNetwork</c>
/// </summary>
/// <remarks>Features by name, from the highest resolution to the lowest, to as many with <c>out_channels</c> channels under the same names,
/// and those of the extra block.</remarks>
[FxLeaf]
public sealed class FeaturePyramidNetwork : Module<Dictionary<string, Tensor>, Dictionary<string, Tensor>>
{
    private readonly ModuleList<Module<Tensor, Tensor>> inner_blocks = [];
    private readonly ModuleList<Module<Tensor, Tensor>> layer_blocks = [];
    private readonly ExtraFPNBlock? extra_blocks;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels_list">Channels of each feature.</param>
    /// <param name="out_channels">Channels of the pyramid.</param>
    /// <param name="extra_blocks">Adds levels; null is none.</param>
    /// <param name="norm_layer">Builds the norms; null is none.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">There are no features, or one has no channels.</exception>
    public FeaturePyramidNetwork(
        IReadOnlyList<long> in_channels_list, long out_channels, ExtraFPNBlock? extra_blocks = null, NormLayer? norm_layer = null,
        Device? device = null) : base(nameof(FeaturePyramidNetwork))
    {
        ArgumentNullException.ThrowIfNull(in_channels_list);
        if (in_channels_list.Count == 0 || in_channels_list.Any(channels => channels <= 0))
            throw new ArgumentException(
                $"A pyramid stands on features with at least one channel each; in_channels_list is [{string.Join(", ", in_channels_list)}].", nameof(in_channels_list));
        foreach (var in_channels in in_channels_list)
        {
            inner_blocks.Add(
                new Conv2dNormActivation(in_channels, out_channels, norm_layer, activation_layer: null, kernel_size: 1, padding: 0,
                    device: device));
            layer_blocks.Add(
                new Conv2dNormActivation(out_channels, out_channels, norm_layer, activation_layer: null, kernel_size: 3, device: device));
        }
        RegisterComponents();
        InitWeights(inner_blocks);
        InitWeights(layer_blocks);
        // The extra block draws its own.
        this.extra_blocks = extra_blocks;
        if (extra_blocks is not null) register_module(nameof(extra_blocks), extra_blocks);
    }

    /// <inheritdoc/>
    public override Dictionary<string, Tensor> forward(Dictionary<string, Tensor> x)
    {
        var names = x.Keys.ToList();
        var features = x.Values.ToList();
        if (features.Count != inner_blocks.Count)
            throw new ArgumentException(
                $"The pyramid stands on {inner_blocks.Count} features and got {features.Count}: {string.Join(", ", names)}.", nameof(x));

        var last_inner = inner_blocks[^1].call(features[^1]);
        var results = new List<Tensor> { layer_blocks[^1].call(last_inner) };
        for (var i = features.Count - 2; i >= 0; i--)
        {
            var inner_lateral = inner_blocks[i].call(features[i]);
            var inner_top_down = F.interpolate(last_inner, size: inner_lateral.shape[^2..], mode: InterpolationMode.Nearest);
            last_inner = inner_lateral + inner_top_down;
            results.Insert(0, layer_blocks[i].call(last_inner));
        }
        if (extra_blocks is not null) (results, names) = extra_blocks.call(results, features, names);
        return names.Zip(results).ToDictionary(level => level.First, level => level.Second);
    }

    internal static void InitWeights(nn.Module module)
    {
        foreach (var conv in module.modules().OfType<Conv2d>())
        {
            init.kaiming_uniform_(conv.weight, a: 1);
            if (conv.bias is not null) init.constant_(conv.bias, 0);
        }
    }
}
