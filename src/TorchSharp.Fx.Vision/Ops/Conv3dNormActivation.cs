using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Convolution of a video, normalisation and activation in a row. <c>torchvision.ops.Conv3dNormActivation</c></summary>
[FxLeaf]
public class Conv3dNormActivation : Sequential
{
    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the input.</param>
    /// <param name="out_channels">Channels of the output.</param>
    /// <param name="norm_layer">Builds the normalisation; null is none. torchvision's default is batch norm.</param>
    /// <param name="activation_layer">Builds the activation; null is none. torchvision's default is ReLU.</param>
    /// <param name="kernel_size">Frames, height and width of the kernel; null is 3 × 3 × 3.</param>
    /// <param name="stride">The stride of the convolution; null for 1.</param>
    /// <param name="padding">The convolution's padding; null keeps the resolution where the stride is 1 and the kernel odd.</param>
    /// <param name="groups">The convolution's.</param>
    /// <param name="inplace">Whether the activation overwrites its input.</param>
    /// <param name="bias">Whether the convolution has a bias; null for one only without normalisation.</param>
    /// <param name="device">The device of the convolution's weights; null for the default device.</param>
    public Conv3dNormActivation(
        long in_channels, long out_channels, NormLayer? norm_layer, ActivationLayer? activation_layer,
        (long, long, long)? kernel_size = null, (long, long, long)? stride = null,
        (long, long, long)? padding = null, long groups = 1, bool inplace = true, bool? bias = null, Device? device = null)
        : base(Layers(
            Conv3d(in_channels, out_channels, kernel_size ?? (3, 3, 3), stride ?? (1, 1, 1), padding ?? Same(kernel_size ?? (3, 3, 3)),
                groups: groups, bias: bias ?? norm_layer is null, device: device),
            norm_layer?.Invoke(out_channels),
            activation_layer?.Invoke(inplace))) =>
        this.out_channels = out_channels;

    /// <summary>Channels of the output.</summary>
    public long out_channels { get; }

    private static (long, long, long) Same((long t, long h, long w) kernel_size)
        => ((kernel_size.t - 1) / 2, (kernel_size.h - 1) / 2, (kernel_size.w - 1) / 2);

    private static Module<Tensor, Tensor>[] Layers(params IEnumerable<Module<Tensor, Tensor>?> layers)
        => [.. layers.OfType<Module<Tensor, Tensor>>()];
}
