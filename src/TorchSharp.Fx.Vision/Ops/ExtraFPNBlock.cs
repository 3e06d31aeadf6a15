using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Adds levels to a feature pyramid. <c>torchvision.ops.feature_pyramid_network.ExtraFPNBlock</c></summary>
/// <remarks>
/// Takes the pyramid's levels, the backbone's outputs and the levels' names, all from the highest resolution to the lowest; returns levels
/// and names with its own appended.
/// </remarks>
[FxLeaf]
public abstract class ExtraFPNBlock(string name)
    : Module<List<Tensor>, List<Tensor>, List<string>, (List<Tensor> results, List<string> names)>(name);

/// <summary>
/// Halves the last level's resolution once more, as <c>pool</c>. <c>torchvision.ops.feature_pyramid_network.LastLevelMaxPool</c>
/// </summary>
public sealed class LastLevelMaxPool() : ExtraFPNBlock(nameof(LastLevelMaxPool))
{
    /// <inheritdoc/>
    public override (List<Tensor> results, List<string> names) forward(List<Tensor> results, List<Tensor> x, List<string> names) =>
        ([.. results, F.max_pool2d(results[^1], kernel_size: 1, stride: 2, padding: 0)], [.. names, "pool"]);
}

/// <summary>
/// RetinaNet's two coarsest levels, <c>p6</c> and <c>p7</c>: Lin et al. 2017. <c>torchvision.ops.feature_pyramid_network.LastLevelP6P7</c>
/// </summary>
public sealed class LastLevelP6P7 : ExtraFPNBlock
{
    private readonly Conv2d p6;
    private readonly Conv2d p7;
    private readonly bool use_P5;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the backbone's last output; where they are as many as the pyramid's, the pyramid's last level
    /// is taken instead.</param>
    /// <param name="out_channels">Channels of the pyramid.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public LastLevelP6P7(long in_channels, long out_channels, Device? device = null) : base(nameof(LastLevelP6P7))
    {
        p6 = Conv2d(in_channels, out_channels, kernel_size: 3, stride: 2, padding: 1, device: device);
        p7 = Conv2d(out_channels, out_channels, kernel_size: 3, stride: 2, padding: 1, device: device);
        use_P5 = in_channels == out_channels;
        RegisterComponents();
        FeaturePyramidNetwork.InitWeights(this);
    }

    /// <inheritdoc/>
    public override (List<Tensor> results, List<string> names) forward(List<Tensor> results, List<Tensor> x, List<string> names)
    {
        var sixth = p6.call(use_P5 ? results[^1] : x[^1]);
        var seventh = p7.call(F.relu(sixth));
        return ([.. results, sixth, seventh], [.. names, "p6", "p7"]);
    }
}
