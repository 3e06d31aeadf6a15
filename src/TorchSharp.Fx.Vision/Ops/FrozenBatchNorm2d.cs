using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Batch norm with fixed statistics, weights and biases, for detectors with small batches. <c>torchvision.ops.FrozenBatchNorm2d</c>
/// </summary>
/// <remarks>[N, num_features, H, W] to the same shape. All four are buffers under batch norm's names, so that its weights load.</remarks>
[FxLeaf]
public sealed class FrozenBatchNorm2d : Module<Tensor, Tensor>
{
    private readonly Tensor weight;
    private readonly Tensor bias;
    private readonly Tensor running_mean;
    private readonly Tensor running_var;
    private readonly double eps;

    /// <summary>Initialises to the identity, apart from <paramref name="eps"/>.</summary>
    /// <param name="num_features">Channels of the input.</param>
    /// <param name="eps">The constant added to the variance.</param>
    /// <param name="device">The device of the buffers; null for the default device.</param>
    public FrozenBatchNorm2d(long num_features, double eps = 1e-5, Device? device = null) : base(nameof(FrozenBatchNorm2d))
    {
        this.eps = eps;
        weight = torch.ones(num_features, device: device);
        bias = torch.zeros(num_features, device: device);
        running_mean = torch.zeros(num_features, device: device);
        running_var = torch.ones(num_features, device: device);
        register_buffer(nameof(weight), weight);
        register_buffer(nameof(bias), bias);
        register_buffer(nameof(running_mean), running_mean);
        register_buffer(nameof(running_var), running_var);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var w = weight.reshape(1, -1, 1, 1);
        var b = bias.reshape(1, -1, 1, 1);
        var rv = running_var.reshape(1, -1, 1, 1);
        var rm = running_mean.reshape(1, -1, 1, 1);
        var scale = w * (rv + eps).rsqrt();
        return (x * scale + (b - rm * scale)).MoveToOuterDisposeScope();
    }
}
