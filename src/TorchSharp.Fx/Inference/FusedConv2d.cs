using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A two-dimensional convolution with its bias, a residual and an activation. Results are laid out channels last.</summary>
internal sealed class FusedConv2d(Tensor weight, Tensor? bias, ConvolutionGeometry geometry, FusedActivation activation) : FusedModule("FusedConv2d", weight, bias, activation)
{
    /// <summary>Below so many multiplications the plain kernel of libtorch, which starts sooner, is done before oneDNN's begins; it has none for groups.</summary>
    private const long FewestMultiplications = 300_000;

    internal override FusedModule With(FusedActivation next) => new FusedConv2d(Weight, Bias, geometry, next);

    internal override bool CanApply(FusedActivation activation, bool isResidual) => !isResidual || activation == FusedActivation.Relu;

    /// <summary>This convolution and a batch norm of its result, in evaluation mode, as one convolution.</summary>
    internal FusedConv2d Then(BatchNorm norm)
    {
        using var scope = NewDisposeScope();
        var folded = optimization.Folded(Weight, Bias, norm);
        return new(folded.Weight, folded.Bias, geometry, Activation);
    }

    /// <summary><c>activation(conv2d(input) + bias)</c>: N×C×H×W to N×K×H'×W'.</summary>
    public override Tensor forward(Tensor input)
    {
        if (!PaysFor(input))
            return Plain(input);
        using var owned = ChannelsLast.Of(input, out var prepared);
        return OneDnn.Convolution(prepared, LayoutOf(prepared), Bias, geometry, Activation);
    }

    /// <summary><c>activation(conv2d(input) + bias + other)</c></summary>
    public override Tensor add(Tensor other, Tensor input) => Add(other, input, inPlace: false);

    /// <summary><c>activation(conv2d(input) + bias + other)</c>, written over <paramref name="other"/> where the kernel can.</summary>
    public override Tensor add_(Tensor other, Tensor input) => Add(other, input, inPlace: true);

    private Tensor Add(Tensor other, Tensor input, bool inPlace)
    {
        if (!PaysFor(input) || other.dtype != input.dtype || other.device_type != DeviceType.CPU || !HasShapeOfResult(other, input))
            return PlainAdd(other, input);
        using var owned = ChannelsLast.Of(input, out var prepared);
        using var ownedOther = ChannelsLast.Of(other, out var preparedOther);
        return OneDnn.ConvolutionAdd(preparedOther, prepared, LayoutOf(prepared), Bias, geometry, Activation, inPlace);
    }

    private Tensor Plain(Tensor input)
    {
        var result = nn.functional.conv2d(input, Weight, Bias, geometry.Stride, geometry.Padding, geometry.Dilation, geometry.Groups);
        Activation.Apply_(result);
        return result;
    }

    private Tensor PlainAdd(Tensor other, Tensor input)
    {
        using var convolved = nn.functional.conv2d(input, Weight, Bias, geometry.Stride, geometry.Padding, geometry.Dilation, geometry.Groups);
        var result = convolved + other;
        Activation.Apply_(result);
        return result;
    }

    private bool PaysFor(Tensor input)
    {
        if (!HasKernel(input) || input.dim() != 4)
            return false;
        if (geometry.Groups > 1)
            return true;
        var multiplications = Weight.numel() * input.size(0) * geometry.Output(0, input.size(2)) * geometry.Output(1, input.size(3));
        return multiplications >= FewestMultiplications;
    }

    private bool HasShapeOfResult(Tensor other, Tensor input)
        => other.dim() == 4 && other.size(0) == input.size(0) && other.size(1) == Weight.size(0)
        && other.size(2) == geometry.Output(0, input.size(2)) && other.size(3) == geometry.Output(1, input.size(3));

    private Tensor LayoutOf(Tensor input) => LayoutFor(new(input.size(0), input.size(1), input.size(2), input.size(3)));

    private protected override Tensor Pack(Tensor weight, InputShape shape) => OneDnn.Pack(weight, geometry, [shape.Batch, shape.Channels, shape.Height, shape.Width]);
}
