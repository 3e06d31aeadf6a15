using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>The blocks of a ResNet's stages.</summary>
/// <param name="expansion">The ratio of a block's output channels to its <c>planes</c>.</param>
/// <param name="create">Builds one block.</param>
public sealed record ResidualBlock(long expansion, ResidualBlock.Constructor create)
{
    /// <summary>Two 3 × 3 convolutions: ResNet-18 and ResNet-34.</summary>
    public static readonly ResidualBlock basic =
        new(BasicBlock.expansion, (inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device) =>
        new BasicBlock(inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device));

    /// <summary>1 × 1, 3 × 3, 1 × 1: ResNet-50 and deeper, ResNeXt and wide ResNet.</summary>
    public static readonly ResidualBlock bottleneck =
        new(Bottleneck.expansion, (inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device) =>
        new Bottleneck(inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device));

    /// <summary>The first, made to be quantised. <c>torchvision.models.quantization.resnet.QuantizableBasicBlock</c></summary>
    internal static readonly ResidualBlock quantizable_basic =
        new(BasicBlock.expansion, (inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device) =>
        new BasicBlock(inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device, quantizable: true));

    /// <summary>The second, made to be quantised. <c>torchvision.models.quantization.resnet.QuantizableBottleneck</c></summary>
    internal static readonly ResidualBlock quantizable_bottleneck =
        new(Bottleneck.expansion, (inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device) =>
        new Bottleneck(inplanes, planes, stride, downsample, groups, base_width, dilation, norm_layer, device, quantizable: true));

    /// <summary>The constructor both blocks of torchvision share.</summary>
    public delegate Module<Tensor, Tensor> Constructor(
        long inplanes, long planes, long stride, Module<Tensor, Tensor>? downsample, long groups, long base_width, long dilation,
        NormLayer norm_layer, Device? device);

    internal static Conv2d conv3x3(long in_planes, long out_planes, long stride = 1, long groups = 1, long dilation = 1,
        Device? device = null) =>
        Conv2d(in_planes, out_planes, kernel_size: 3, stride: stride, padding: dilation, dilation: dilation, groups: groups, bias: false,
            device: device);

    internal static Conv2d conv1x1(long in_planes, long out_planes, long stride = 1, Device? device = null) =>
        Conv2d(in_planes, out_planes, kernel_size: 1, stride: stride, bias: false, device: device);
}

/// <summary>Two 3 × 3 convolutions around a shortcut. <c>torchvision.models.resnet.BasicBlock</c></summary>
public sealed class BasicBlock : Module<Tensor, Tensor>
{
    /// <summary>The output has <c>planes</c> channels.</summary>
    public const long expansion = 1;

    private readonly Conv2d conv1;
    private readonly Module<Tensor, Tensor> bn1;
    private readonly ReLU relu;
    private readonly Conv2d conv2;
    private readonly Module<Tensor, Tensor> bn2;
    private readonly Module<Tensor, Tensor>? downsample;
    private readonly FloatFunctional? add_relu;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The groups, width or dilation are not 1, 64 and 1; a basic block supports no others, as in
    /// torchvision.</exception>
    public BasicBlock(
        long inplanes, long planes, long stride = 1, Module<Tensor, Tensor>? downsample = null,
        long groups = 1, long base_width = 64, long dilation = 1, NormLayer? norm_layer = null, Device? device = null,
        bool quantizable = false) : base(nameof(BasicBlock))
    {
        if (groups != 1 || base_width != 64)
            throw new ArgumentException($"A BasicBlock has groups 1 and base_width 64, not {groups} and {base_width}; use a Bottleneck.");
        if (dilation != 1) throw new ArgumentException($"A BasicBlock has dilation 1, not {dilation}; use a Bottleneck.");
        norm_layer ??= features => BatchNorm2d(features, device: device);
        conv1 = ResidualBlock.conv3x3(inplanes, planes, stride, device: device);
        bn1 = norm_layer(planes);
        relu = ReLU(inplace: !quantizable);
        conv2 = ResidualBlock.conv3x3(planes, planes, device: device);
        bn2 = norm_layer(planes);
        this.downsample = downsample;
        add_relu = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    internal Module<Tensor, Tensor> last_norm => bn2;

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var identity = x;

        var y = conv1.call(x);
        y = bn1.call(y);
        y = relu.call(y);

        y = conv2.call(y);
        y = bn2.call(y);

        if (downsample is not null) identity = downsample.call(x);

        if (add_relu is not null) return add_relu.add_relu(y, identity);
        y += identity;
        return relu.call(y);
    }
}

/// <summary>
/// 1 × 1, 3 × 3 and 1 × 1 convolutions around a shortcut, the stride on the 3 × 3. <c>torchvision.models.resnet.Bottleneck</c>
/// </summary>
/// <remarks>The paper puts the stride on the first 1 × 1; this is the "ResNet V1.5" of NVIDIA, which is more accurate.</remarks>
public sealed class Bottleneck : Module<Tensor, Tensor>
{
    /// <summary>The output has four times <c>planes</c> channels.</summary>
    public const long expansion = 4;

    private readonly Conv2d conv1;
    private readonly Module<Tensor, Tensor> bn1;
    private readonly Conv2d conv2;
    private readonly Module<Tensor, Tensor> bn2;
    private readonly Conv2d conv3;
    private readonly Module<Tensor, Tensor> bn3;
    private readonly ReLU relu;
    private readonly Module<Tensor, Tensor>? downsample;
    private readonly FloatFunctional? skip_add_relu;

    // Of their own where the model can be quantised.
    private readonly ReLU? relu1;
    private readonly ReLU? relu2;

    /// <summary>Initialises random weights.</summary>
    public Bottleneck(
        long inplanes, long planes, long stride = 1, Module<Tensor, Tensor>? downsample = null,
        long groups = 1, long base_width = 64, long dilation = 1, NormLayer? norm_layer = null, Device? device = null,
        bool quantizable = false) : base(nameof(Bottleneck))
    {
        norm_layer ??= features => BatchNorm2d(features, device: device);
        var width = planes * base_width / 64 * groups;
        conv1 = ResidualBlock.conv1x1(inplanes, width, device: device);
        bn1 = norm_layer(width);
        conv2 = ResidualBlock.conv3x3(width, width, stride, groups, dilation, device);
        bn2 = norm_layer(width);
        conv3 = ResidualBlock.conv1x1(width, planes * expansion, device: device);
        bn3 = norm_layer(planes * expansion);
        relu = ReLU(inplace: !quantizable);
        this.downsample = downsample;
        skip_add_relu = Quantizable.Functional(quantizable);
        if (quantizable) (relu1, relu2) = (ReLU(), ReLU());
        RegisterComponents();
    }

    internal Module<Tensor, Tensor> last_norm => bn3;

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var identity = x;

        var y = conv1.call(x);
        y = bn1.call(y);
        y = (relu1 ?? relu).call(y);

        y = conv2.call(y);
        y = bn2.call(y);
        y = (relu2 ?? relu).call(y);

        y = conv3.call(y);
        y = bn3.call(y);

        if (downsample is not null) identity = downsample.call(x);

        if (skip_add_relu is not null) return skip_add_relu.add_relu(y, identity);
        y += identity;
        return relu.call(y);
    }
}
