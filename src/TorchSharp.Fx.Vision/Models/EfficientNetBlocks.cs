using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>A stage of an EfficientNet: the rows of EfficientNet's table 1 and EfficientNetV2's table 4.</summary>
/// <param name="expand_ratio">How many times the input's channels are inside a block.</param>
/// <param name="kernel">Height and width of the kernel.</param>
/// <param name="stride">Of the first block.</param>
/// <param name="input_channels">Channels of the first block's input.</param>
/// <param name="out_channels">Channels of the output.</param>
/// <param name="num_layers">How many blocks.</param>
public abstract record EfficientNetStage(double expand_ratio, long kernel, long stride, long input_channels, long out_channels,
    int num_layers)
{
    internal long expanded_channels => MobileNets.MakeDivisible(input_channels * expand_ratio);

    /// <summary>Builds the block that this describes.</summary>
    public abstract Module<Tensor, Tensor> block(double stochastic_depth_prob, NormLayer norm_layer, Device? device);
}

/// <summary>A stage of blocks with depthwise convolutions. <c>torchvision.models.efficientnet.MBConvConfig</c></summary>
public sealed record MBConvConfig(double expand_ratio, long kernel, long stride, long input_channels, long out_channels, int num_layers)
    : EfficientNetStage(expand_ratio, kernel, stride, input_channels, out_channels, num_layers)
{
    /// <inheritdoc/>
    public override Module<Tensor, Tensor> block(double stochastic_depth_prob, NormLayer norm_layer, Device? device)
        => new MBConv(this, stochastic_depth_prob, norm_layer, device);

    /// <summary>The same stage wider and deeper, as the paper scales them together.</summary>
    public MBConvConfig Scale(double width_mult, double depth_mult) => this with
    {
        input_channels = MobileNets.MakeDivisible(input_channels * width_mult),
        out_channels = MobileNets.MakeDivisible(out_channels * width_mult),
        num_layers = (int)Math.Ceiling(num_layers * depth_mult),
    };
}

/// <summary>A stage of blocks with full convolutions. <c>torchvision.models.efficientnet.FusedMBConvConfig</c></summary>
public sealed record FusedMBConvConfig(double expand_ratio, long kernel, long stride, long input_channels, long out_channels,
    int num_layers)
    : EfficientNetStage(expand_ratio, kernel, stride, input_channels, out_channels, num_layers)
{
    /// <inheritdoc/>
    public override Module<Tensor, Tensor> block(double stochastic_depth_prob, NormLayer norm_layer, Device? device)
        => new FusedMBConv(this, stochastic_depth_prob, norm_layer, device);
}

/// <summary>
/// Expands, convolves each channel by itself, weighs the channels, projects back. <c>torchvision.models.efficientnet.MBConv</c>
/// </summary>
public sealed class MBConv : Module<Tensor, Tensor>
{
    private readonly bool use_res_connect;
    private readonly Sequential block;
    private readonly StochasticDepth stochastic_depth;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The stride is neither 1 nor 2.</exception>
    public MBConv(MBConvConfig cnf, double stochastic_depth_prob, NormLayer norm_layer, Device? device = null) : base(nameof(MBConv))
    {
        ArgumentNullException.ThrowIfNull(cnf);
        if (cnf.stride is not (1 or 2)) throw new ArgumentException($"An MBConv has stride 1 or 2, not {cnf.stride}.", nameof(cnf));
        use_res_connect = cnf.stride == 1 && cnf.input_channels == cnf.out_channels;
        var expanded_channels = cnf.expanded_channels;

        block = Sequential();
        if (expanded_channels != cnf.input_channels)
            block.append(new Conv2dNormActivation(cnf.input_channels, expanded_channels, norm_layer, SiLU, kernel_size: 1, device: device));
        block.append(
            new Conv2dNormActivation(expanded_channels, expanded_channels, norm_layer, SiLU, cnf.kernel, cnf.stride,
                groups: expanded_channels, device: device));
        block.append(
            new SqueezeExcitation(expanded_channels, Math.Max(1, cnf.input_channels / 4), () => SiLU(inplace: true), device: device));
        block.append(
            new Conv2dNormActivation(expanded_channels, cnf.out_channels, norm_layer, activation_layer: null, kernel_size: 1,
                device: device));
        stochastic_depth = new StochasticDepth(stochastic_depth_prob, "row");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var result = block.call(input);
        if (use_res_connect)
        {
            result = stochastic_depth.call(result);
            result += input;
        }
        return result;
    }
}

/// <summary>One convolution expands and looks around, another projects back. <c>torchvision.models.efficientnet.FusedMBConv</c></summary>
public sealed class FusedMBConv : Module<Tensor, Tensor>
{
    private readonly bool use_res_connect;
    private readonly Sequential block;
    private readonly StochasticDepth stochastic_depth;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The stride is neither 1 nor 2.</exception>
    public FusedMBConv(FusedMBConvConfig cnf, double stochastic_depth_prob, NormLayer norm_layer, Device? device = null)
        : base(nameof(FusedMBConv))
    {
        ArgumentNullException.ThrowIfNull(cnf);
        if (cnf.stride is not (1 or 2)) throw new ArgumentException($"A FusedMBConv has stride 1 or 2, not {cnf.stride}.", nameof(cnf));
        use_res_connect = cnf.stride == 1 && cnf.input_channels == cnf.out_channels;
        var expanded_channels = cnf.expanded_channels;

        block = expanded_channels == cnf.input_channels
            ? Sequential(
                new Conv2dNormActivation(cnf.input_channels, cnf.out_channels, norm_layer, SiLU, cnf.kernel, cnf.stride, device: device))
            : Sequential(
                new Conv2dNormActivation(cnf.input_channels, expanded_channels, norm_layer, SiLU, cnf.kernel, cnf.stride, device: device),
                new Conv2dNormActivation(expanded_channels, cnf.out_channels, norm_layer, activation_layer: null, kernel_size: 1,
                    device: device));
        stochastic_depth = new StochasticDepth(stochastic_depth_prob, "row");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var result = block.call(input);
        if (use_res_connect)
        {
            result = stochastic_depth.call(result);
            result += input;
        }
        return result;
    }
}
