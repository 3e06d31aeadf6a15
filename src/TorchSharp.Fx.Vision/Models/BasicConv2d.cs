using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Convolution without bias, batch norm, ReLU: the building block of both Inception networks.</summary>
/// <remarks><c>torchvision.models.inception.BasicConv2d</c> and <c>torchvision.models.googlenet.BasicConv2d</c>, which are the
/// same.</remarks>
public sealed class BasicConv2d : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;
    private readonly ReLU? relu;

    /// <summary>Initialises random weights for a square kernel.</summary>
    public BasicConv2d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, Device? device = null,
        bool quantizable = false)
        : this(in_channels, out_channels, (kernel_size, kernel_size), (padding, padding), stride, device, quantizable)
    {
    }

    /// <summary>Initialises random weights for a kernel of (height, width).</summary>
    public BasicConv2d(long in_channels, long out_channels, (long, long) kernel_size, (long, long) padding, long stride = 1,
        Device? device = null, bool quantizable = false) : base(nameof(BasicConv2d))
    {
        conv = Conv2d(in_channels, out_channels, kernel_size, stride: (stride, stride), padding: padding, bias: false, device: device);
        bn = BatchNorm2d(out_channels, eps: 0.001, device: device);
        relu = quantizable ? ReLU() : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = conv.call(x);
        x = bn.call(x);
        return relu is null ? F.relu(x, inplace: true) : relu.call(x);
    }
}
