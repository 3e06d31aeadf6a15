using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Builds one block of RAFT's encoders.</summary>
/// <param name="in_channels">Channels of the input.</param>
/// <param name="out_channels">Channels of the output.</param>
/// <param name="norm_layer">Builds the norms; null is none.</param>
/// <param name="stride">The block's.</param>
/// <param name="device">The device of the weights; null for the default device.</param>
public delegate Module<Tensor, Tensor> RAFTBlock(long in_channels, long out_channels, NormLayer? norm_layer, long stride, Device? device);

/// <summary>Images to features an eighth as high and wide. <c>torchvision.models.optical_flow.raft.FeatureEncoder</c></summary>
public sealed class RAFTFeatureEncoder : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation convnormrelu;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Conv2d conv;

    /// <summary>Initialises random weights.</summary>
    /// <param name="block">The kind of blocks of the stages.</param>
    /// <param name="layers">Channels of the stem, the three stages and the output.</param>
    /// <param name="strides">Of the stem and the three stages.</param>
    /// <param name="norm_layer">Builds the norms; null is none.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">There are not five numbers of channels, or not four strides.</exception>
    public RAFTFeatureEncoder(
        RAFTBlock block, IReadOnlyList<long> layers, IReadOnlyList<long> strides, NormLayer? norm_layer, Device? device = null)
        : base(nameof(RAFTFeatureEncoder))
    {
        if (layers.Count != 5)
            throw new ArgumentException($"An encoder of RAFT has five numbers of channels, not {layers.Count}.", nameof(layers));
        if (strides.Count != 4) throw new ArgumentException($"An encoder of RAFT has four strides, not {strides.Count}.", nameof(strides));
        convnormrelu = RAFTBlocks.Convolution(3, layers[0], norm_layer, kernel_size: 7, strides[0], device);
        layer1 = Stage(1);
        layer2 = Stage(2);
        layer3 = Stage(3);
        conv = Conv2d(layers[3], layers[4], kernel_size: 1, device: device);
        RegisterComponents();
        foreach (var convolution in modules().OfType<Conv2d>())
            init.kaiming_normal_(convolution.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);

        Sequential Stage(int i) => Sequential(
            block(layers[i - 1], layers[i], norm_layer, strides[i], device), block(layers[i], layers[i], norm_layer, 1, device));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = convnormrelu.call(x);
        x = layer1.call(x);
        x = layer2.call(x);
        x = layer3.call(x);
        x = conv.call(x);
        return x;
    }
}

/// <summary>Two 3 × 3 convolutions around a shortcut. <c>torchvision.models.optical_flow.raft.ResidualBlock</c></summary>
public sealed class RAFTResidualBlock : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation convnormrelu1;
    private readonly Conv2dNormActivation convnormrelu2;
    private readonly Module<Tensor, Tensor> downsample;
    private readonly ReLU relu;

    /// <summary>Initialises random weights.</summary>
    public RAFTResidualBlock(
        long in_channels, long out_channels, NormLayer? norm_layer, long stride = 1, bool always_project = false, Device? device = null)
        : base(nameof(RAFTResidualBlock))
    {
        convnormrelu1 = RAFTBlocks.Convolution(in_channels, out_channels, norm_layer, kernel_size: 3, stride, device);
        convnormrelu2 = RAFTBlocks.Convolution(out_channels, out_channels, norm_layer, kernel_size: 3, stride: 1, device);
        downsample = RAFTBlocks.Shortcut(in_channels, out_channels, norm_layer, stride, always_project, device);
        relu = ReLU(inplace: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var y = x;
        y = convnormrelu1.call(y);
        y = convnormrelu2.call(y);
        x = downsample.call(x);
        return relu.call(x + y);
    }
}

/// <summary>1 × 1, 3 × 3 and 1 × 1 convolutions around a shortcut. <c>torchvision.models.optical_flow.raft.BottleneckBlock</c></summary>
public sealed class RAFTBottleneckBlock : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation convnormrelu1;
    private readonly Conv2dNormActivation convnormrelu2;
    private readonly Conv2dNormActivation convnormrelu3;
    private readonly ReLU relu;
    private readonly Module<Tensor, Tensor> downsample;

    /// <summary>Initialises random weights.</summary>
    public RAFTBottleneckBlock(long in_channels, long out_channels, NormLayer? norm_layer, long stride = 1, Device? device = null)
        : base(nameof(RAFTBottleneckBlock))
    {
        convnormrelu1 = RAFTBlocks.Convolution(in_channels, out_channels / 4, norm_layer, kernel_size: 1, stride: 1, device);
        convnormrelu2 = RAFTBlocks.Convolution(out_channels / 4, out_channels / 4, norm_layer, kernel_size: 3, stride, device);
        convnormrelu3 = RAFTBlocks.Convolution(out_channels / 4, out_channels, norm_layer, kernel_size: 1, stride: 1, device);
        relu = ReLU(inplace: true);
        downsample = RAFTBlocks.Shortcut(in_channels, out_channels, norm_layer, stride, always_project: false, device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var y = x;
        y = convnormrelu1.call(y);
        y = convnormrelu2.call(y);
        y = convnormrelu3.call(y);
        x = downsample.call(x);
        return relu.call(x + y);
    }
}

/// <summary>The layers that the encoders' blocks share. Convolutions have a bias beside a norm too: the authors' weights have.</summary>
internal static class RAFTBlocks
{
    internal static Conv2dNormActivation Convolution(
        long in_channels, long out_channels, NormLayer? norm_layer, long kernel_size, long stride, Device? device) =>
        new(in_channels, out_channels, norm_layer, inplace => ReLU(inplace), kernel_size, stride, bias: true, device: device);

    internal static Module<Tensor, Tensor> Shortcut(
        long in_channels, long out_channels, NormLayer? norm_layer, long stride, bool always_project, Device? device) =>
        stride == 1 && !always_project
            ? Identity()
            : new Conv2dNormActivation(in_channels, out_channels, norm_layer, activation_layer: null, kernel_size: 1, stride, bias: true,
                device: device);
}
