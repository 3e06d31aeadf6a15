using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Weighs the channels by the content of the whole image: Hu et al., "Squeeze-and-Excitation Networks" (2017).</summary>
/// <remarks><c>torchvision.ops.SqueezeExcitation</c>. [N, input_channels, H, W] to the same shape.</remarks>
[FxLeaf]
public sealed class SqueezeExcitation : Module<Tensor, Tensor>
{
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Conv2d fc1;
    private readonly Conv2d fc2;
    private readonly Module<Tensor, Tensor> activation;
    private readonly Module<Tensor, Tensor> scale_activation;
    private readonly FloatFunctional? skip_mul;

    /// <summary>Initialises random weights.</summary>
    /// <param name="input_channels">Channels of the input and of the output.</param>
    /// <param name="squeeze_channels">Width of the hidden layer.</param>
    /// <param name="activation">Builds the hidden layer's activation; null is ReLU.</param>
    /// <param name="scale_activation">Builds the activation that gives the weights; null for the sigmoid.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public SqueezeExcitation(
        long input_channels, long squeeze_channels, Func<Module<Tensor, Tensor>>? activation = null,
        Func<Module<Tensor, Tensor>>? scale_activation = null, Device? device = null, bool quantizable = false)
        : base(nameof(SqueezeExcitation))
    {
        avgpool = AdaptiveAvgPool2d(1);
        fc1 = Conv2d(input_channels, squeeze_channels, kernel_size: 1, device: device);
        fc2 = Conv2d(squeeze_channels, input_channels, kernel_size: 1, device: device);
        this.activation = activation?.Invoke() ?? ReLU();
        this.scale_activation = scale_activation?.Invoke() ?? Sigmoid();
        skip_mul = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var scale = avgpool.call(input);
        scale = fc1.call(scale);
        scale = activation.call(scale);
        scale = fc2.call(scale);
        return skip_mul.Mul(scale_activation.call(scale), input);
    }
}
