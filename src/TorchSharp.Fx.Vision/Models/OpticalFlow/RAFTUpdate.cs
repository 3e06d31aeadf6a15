using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>One refinement of the flow. <c>torchvision.models.optical_flow.raft.UpdateBlock</c></summary>
/// <remarks>
/// Hidden state, context, the correlations and the flow [N, 2, H, W] to the next hidden state and the update of the flow.
/// </remarks>
public sealed class UpdateBlock : Module<Tensor, Tensor, Tensor, Tensor, (Tensor hidden_state, Tensor delta_flow)>
{
    private readonly MotionEncoder motion_encoder;
    private readonly RecurrentBlock recurrent_block;
    private readonly FlowHead flow_head;

    /// <summary>An update block of these parts.</summary>
    public UpdateBlock(MotionEncoder motion_encoder, RecurrentBlock recurrent_block, FlowHead flow_head) : base(nameof(UpdateBlock))
    {
        (this.motion_encoder, this.recurrent_block, this.flow_head) = (motion_encoder, recurrent_block, flow_head);
        hidden_state_size = recurrent_block.hidden_size;
        RegisterComponents();
    }

    /// <summary>Channels of the hidden state.</summary>
    public long hidden_state_size { get; }

    /// <inheritdoc/>
    public override (Tensor hidden_state, Tensor delta_flow) forward(Tensor hidden_state, Tensor context, Tensor corr_features, Tensor flow)
    {
        var motion_features = motion_encoder.call(flow, corr_features);
        var x = torch.cat([context, motion_features], dim: 1);
        hidden_state = recurrent_block.call(hidden_state, x);
        var delta_flow = flow_head.call(hidden_state);
        return (hidden_state, delta_flow);
    }
}

/// <summary>Combines the flow and the correlations. <c>torchvision.models.optical_flow.raft.MotionEncoder</c></summary>
public sealed class MotionEncoder : Module<Tensor, Tensor, Tensor>
{
    private readonly Conv2dNormActivation convcorr1;
    private readonly Module<Tensor, Tensor> convcorr2;
    private readonly Conv2dNormActivation convflow1;
    private readonly Conv2dNormActivation convflow2;
    private readonly Conv2dNormActivation conv;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels_corr">Channels of the correlations.</param>
    /// <param name="corr_layers">Channels of its one or two convolutions.</param>
    /// <param name="flow_layers">Channels of the flow's two convolutions.</param>
    /// <param name="out_channels">Channels of the output, the last two of them the flow itself.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">There are other numbers of convolutions.</exception>
    public MotionEncoder(
        long in_channels_corr, IReadOnlyList<long> corr_layers, IReadOnlyList<long> flow_layers, long out_channels = 128,
        Device? device = null)
        : base(nameof(MotionEncoder))
    {
        if (flow_layers.Count != 2)
            throw new ArgumentException($"The flow has two convolutions, not {flow_layers.Count}.", nameof(flow_layers));
        if (corr_layers.Count is not (1 or 2))
            throw new ArgumentException($"The correlation has one convolution or two, not {corr_layers.Count}.", nameof(corr_layers));
        convcorr1 = Convolution(in_channels_corr, corr_layers[0], kernel_size: 1);
        convcorr2 = corr_layers.Count == 2 ? Convolution(corr_layers[0], corr_layers[1], kernel_size: 3) : Identity();
        convflow1 = Convolution(2, flow_layers[0], kernel_size: 7);
        convflow2 = Convolution(flow_layers[0], flow_layers[1], kernel_size: 3);
        conv = Convolution(corr_layers[^1] + flow_layers[^1], out_channels - 2, kernel_size: 3);
        this.out_channels = out_channels;
        RegisterComponents();

        Conv2dNormActivation Convolution(long from, long to, long kernel_size) =>
            RAFTBlocks.Convolution(from, to, norm_layer: null, kernel_size, stride: 1, device);
    }

    /// <summary>Channels of the output.</summary>
    public long out_channels { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor flow, Tensor corr_features)
    {
        var corr = convcorr1.call(corr_features);
        corr = convcorr2.call(corr);
        var flow_orig = flow;
        flow = convflow1.call(flow);
        flow = convflow2.call(flow);
        var corr_flow = torch.cat([corr, flow], dim: 1);
        corr_flow = conv.call(corr_flow);
        return torch.cat([corr_flow, flow_orig], dim: 1);
    }
}

/// <summary>A gated recurrent unit of convolutions. <c>torchvision.models.optical_flow.raft.ConvGRU</c></summary>
public sealed class ConvGRU : Module<Tensor, Tensor, Tensor>
{
    private readonly Conv2d convz;
    private readonly Conv2d convr;
    private readonly Conv2d convq;

    /// <summary>Initialises random weights.</summary>
    public ConvGRU(long input_size, long hidden_size, (long, long) kernel_size, (long, long) padding, Device? device = null)
        : base(nameof(ConvGRU))
    {
        convz = Gate();
        convr = Gate();
        convq = Gate();
        RegisterComponents();

        Conv2d Gate() => Conv2d(hidden_size + input_size, hidden_size, kernel_size, padding: padding, device: device);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor h, Tensor x)
    {
        var hx = torch.cat([h, x], dim: 1);
        var z = torch.sigmoid(convz.call(hx));
        var r = torch.sigmoid(convr.call(hx));
        var q = torch.tanh(convq.call(torch.cat([r * h, x], dim: 1)));
        return (1 - z) * h + z * q;
    }
}

/// <summary>One gated unit, or two, along each direction of the image. <c>torchvision.models.optical_flow.raft.RecurrentBlock</c></summary>
public sealed class RecurrentBlock : Module<Tensor, Tensor, Tensor>
{
    private readonly ConvGRU convgru1;
    private readonly ConvGRU? convgru2;

    /// <summary>Initialises random weights.</summary>
    /// <param name="input_size">Channels of the input.</param>
    /// <param name="hidden_size">Channels of the hidden state.</param>
    /// <param name="kernel_size">Of each unit.</param>
    /// <param name="padding">Of each unit.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">There are other numbers of units.</exception>
    public RecurrentBlock(
        long input_size, long hidden_size, IReadOnlyList<(long, long)> kernel_size, IReadOnlyList<(long, long)> padding,
        Device? device = null)
        : base(nameof(RecurrentBlock))
    {
        if (kernel_size.Count is not (1 or 2) || padding.Count != kernel_size.Count)
            throw new ArgumentException(
                $"There are one unit or two, each with a kernel size and a padding, not {kernel_size.Count} and {padding.Count}.",
                nameof(kernel_size));
        convgru1 = new(input_size, hidden_size, kernel_size[0], padding[0], device);
        convgru2 = kernel_size.Count == 2 ? new(input_size, hidden_size, kernel_size[1], padding[1], device) : null;
        this.hidden_size = hidden_size;
        RegisterComponents();
    }

    /// <summary>Channels of the hidden state.</summary>
    public long hidden_size { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor h, Tensor x)
    {
        h = convgru1.call(h, x);
        return convgru2 is null ? h : convgru2.call(h, x);
    }
}

/// <summary>Hidden states to the update of the flow. <c>torchvision.models.optical_flow.raft.FlowHead</c></summary>
public sealed class FlowHead : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly ReLU relu;

    /// <summary>Initialises random weights.</summary>
    public FlowHead(long in_channels, long hidden_size, Device? device = null) : base(nameof(FlowHead))
    {
        conv1 = Conv2d(in_channels, hidden_size, kernel_size: 3, padding: 1, device: device);
        conv2 = Conv2d(hidden_size, 2, kernel_size: 3, padding: 1, device: device);
        relu = ReLU(inplace: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => conv2.call(relu.call(conv1.call(x)));
}

/// <summary>Hidden states to the weights that flows are scaled up with. <c>torchvision.models.optical_flow.raft.MaskPredictor</c></summary>
public sealed class MaskPredictor : Module<Tensor, Tensor>
{
    private readonly Conv2dNormActivation convrelu;
    private readonly Conv2d conv;
    private readonly double multiplier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="in_channels">Channels of the hidden state.</param>
    /// <param name="hidden_size">Channels between its two convolutions.</param>
    /// <param name="multiplier">A factor of the output, by which the paper balances gradients.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public MaskPredictor(long in_channels, long hidden_size, double multiplier = 0.25, Device? device = null) : base(nameof(MaskPredictor))
    {
        convrelu = RAFTBlocks.Convolution(in_channels, hidden_size, norm_layer: null, kernel_size: 3, stride: 1, device);
        // Nine neighbours for each of the 8 × 8 pixels that become of one.
        conv = Conv2d(hidden_size, 8 * 8 * 9, kernel_size: 1, device: device);
        this.multiplier = multiplier;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = convrelu.call(x);
        x = conv.call(x);
        return multiplier * x;
    }
}
