using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A convolution or linear layer and the batch norm after it, for quantisation-aware training. The weight is fake-quantised as it will be
/// once the norm is folded into it, while the norm still uses and tracks the statistics of each batch. Counterpart:
/// <c>torch.ao.nn.intrinsic.qat.ConvBn1d</c>, <c>ConvBn2d</c>, <c>ConvBn3d</c> and <c>LinearBn1d</c>.
/// </summary>
public sealed class ConvBn : nn.Module<Tensor, Tensor>
{
    private readonly ConvolutionGeometry? geometry;
    private readonly BatchNorm norm;
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private ObserverBase? rounding;
    private bool isFrozen;

    /// <param name="layer">The layer; its weight and bias are copied.</param>
    /// <param name="norm">The norm, taken over.</param>
    internal ConvBn(QuantizableLayer layer, BatchNorm norm) : base(nameof(ConvBn))
    {
        (geometry, this.norm) = (layer.Geometry, norm);
        register_parameter("weight", weight = Copy(layer.Weight));
        if (layer.Bias is not null)
            register_parameter("bias", bias = Copy(layer.Bias));
        register_module("bn", norm);
    }

    /// <summary>The module that fake-quantises the weight times the norm's factors; null where the weight isn't quantised.</summary>
    public ObserverBase? weight_fake_quant
    {
        get => rounding;
        internal set
        {
            if (rounding is null && value is not null)
                register_module("weight_fake_quant", rounding = value);
        }
    }

    /// <summary>The batch norm.</summary>
    public nn.Module<Tensor, Tensor> bn => norm switch
    {
        BatchNorm1d one => one,
        BatchNorm2d two => two,
        BatchNorm3d three => three,
        _ => throw new InvalidOperationException($"A {norm.GetType().Name} is none of torch.nn's batch norms."),
    };

    /// <summary>How the windows of a convolution lie; null for a linear layer.</summary>
    internal ConvolutionGeometry? Geometry => geometry;

    /// <summary>Makes the norm use its running statistics from now on, and no longer update them, also in train mode.</summary>
    public void freeze_bn_stats()
    {
        isFrozen = true;
        norm.eval();
    }

    /// <summary>Makes the norm use and track the statistics of each batch again in train mode.</summary>
    public void update_bn_stats()
    {
        isFrozen = false;
        norm.train(training);
    }

    /// <inheritdoc/>
    public override void train(bool train = true)
    {
        base.train(train);
        if (isFrozen)
            norm.eval();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        // By the statistics of all batches, so that the weight doesn't jump with each.
        var deviation = (norm.running_var! + norm.eps).sqrt();
        var factor = norm.weight is null ? deviation.reciprocal() : norm.weight / deviation;
        // A norm that begins with 0, as at the end of a residual block, gives its bias whatever it is given.
        factor = factor.masked_fill(factor.eq(0), 1);
        var scaled = weight * factor.reshape(Along(weight.dim(), 0));
        var rounded = rounding?.call(scaled) ?? scaled;
        var sum = geometry is null ? nn.functional.linear(input, rounded) : geometry.Convolve(input, rounded, null);
        var channels = Along(sum.dim(), geometry is null ? sum.dim() - 1 : sum.dim() - weight.dim() + 1);
        var plain = sum / factor.reshape(channels);
        if (bias is not null)
            plain = plain + bias.reshape(channels);
        return bn.call(plain).MoveToOuterDisposeScope();
    }

    /// <summary>The layer with the norm, by its statistics, in weight and bias.</summary>
    internal QuantizableLayer Folded()
    {
        var folded = optimization.Folded(weight, bias, norm, ScalarType.Float32);
        return new(folded.Weight, folded.Bias, geometry);
    }

    private static long[] Along(long dimensions, long axis)
    {
        var shape = Enumerable.Repeat(1L, (int)dimensions).ToArray();
        shape[axis] = -1;
        return shape;
    }

    private static Parameter Copy(Tensor tensor)
    {
        using var values = tensor.detach();
        using var copy = values.clone();
        var parameter = new Parameter(copy, tensor.requires_grad);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
