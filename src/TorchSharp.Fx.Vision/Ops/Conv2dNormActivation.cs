using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Builds a normalisation layer for a number of channels, as torchvision's <c>norm_layer</c> arguments do.</summary>
public delegate Module<Tensor, Tensor> NormLayer(long num_features);

/// <summary>Builds an activation, as torchvision's <c>activation_layer</c> arguments do: <c>nn.ReLU</c>, <c>nn.SiLU</c>.</summary>
public delegate Module<Tensor, Tensor> ActivationLayer(bool inplace);

/// <summary>Convolution, normalisation and activation in a row. <c>torchvision.ops.Conv2dNormActivation</c></summary>
[FxLeaf]
public sealed class Conv2dNormActivation : Sequential
{
    /// <summary>Initialises random weights for a square kernel.</summary>
    /// <param name="in_channels">Channels of the input.</param>
    /// <param name="out_channels">Channels of the output.</param>
    /// <param name="norm_layer">Builds the normalisation; null is none. torchvision's default is batch norm.</param>
    /// <param name="activation_layer">Builds the activation; null is none. torchvision's default is ReLU.</param>
    /// <param name="kernel_size">Height and width of the kernel.</param>
    /// <param name="stride">The convolution's.</param>
    /// <param name="padding">The convolution's padding; null keeps the resolution where the stride is 1 and the kernel odd.</param>
    /// <param name="groups">The convolution's.</param>
    /// <param name="dilation">The convolution's.</param>
    /// <param name="inplace">Whether the activation overwrites its input.</param>
    /// <param name="bias">Whether the convolution has a bias; null for one only without normalisation.</param>
    /// <param name="device">The device of the convolution's weights; null for the default device.</param>
    public Conv2dNormActivation(
        long in_channels, long out_channels, NormLayer? norm_layer, ActivationLayer? activation_layer, long kernel_size = 3,
        long stride = 1, long? padding = null,
        long groups = 1, long dilation = 1, bool inplace = true, bool? bias = null, Device? device = null)
        : base(Layers(
            Conv2d(in_channels, out_channels, kernel_size, stride, padding ?? (kernel_size - 1) / 2 * dilation, dilation, groups: groups,
                bias: bias ?? norm_layer is null, device: device),
            norm_layer?.Invoke(out_channels),
            activation_layer?.Invoke(inplace))) =>
        this.out_channels = out_channels;

    /// <summary>Channels of the output.</summary>
    public long out_channels { get; }

    private static Module<Tensor, Tensor>[] Layers(params IEnumerable<Module<Tensor, Tensor>?> layers)
        => [.. layers.OfType<Module<Tensor, Tensor>>()];
}
