using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A layer that computes with whole numbers: steps times steps of a weight, summed in 32 bits; bias, residual and activation on the numbers
/// that they stand for; the result in steps again. One kernel of oneDNN where there is one, else the same in single precision.
/// </summary>
internal abstract class Int8Layer : KernelModule
{
    private readonly int axis, mask;
    private LayerWeight weight;
    private Tensor scale;
    private Tensor? bias;
    private Int8Scheme scheme;

    /// <param name="name">The module's name.</param>
    /// <param name="content">Its weight and what the numbers stand for; tensors are copied.</param>
    /// <param name="groups">The groups of a convolution.</param>
    /// <param name="axis">The dimension of the weight that has a scale for each place.</param>
    private protected Int8Layer(string name, Int8Content content, long groups, int axis) : base(name, content.Activation)
    {
        (Content, this.axis) = (content, axis);
        // Kernels count the groups as a dimension.
        mask = groups == 1 ? 1 << axis : 3 << axis;
        (weight, scale, bias) = (new(content.Weight, groups), Copy(content.Scale), content.Bias is null ? null : Copy(content.Bias));
        scheme = Scheme();
    }

    /// <summary>The scales of the numbers; its tensors are gone.</summary>
    private protected Int8Content Content { get; }

    /// <summary><c>activation(layer(input) + other)</c></summary>
    public Tensor add(Tensor other, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(other);
        using var sum = other.clone();
        return Compute(input, sum, Residual.Overwritten);
    }

    /// <summary><c>activation(layer(input) + other)</c>, written over <paramref name="other"/> where the kernel can.</summary>
    public Tensor add_(Tensor other, Tensor input) => Compute(input, other, Residual.Overwritten);

    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual)
    {
        using var dense = weight.Dense();
        return Of(Content with { Weight = dense, Scale = scale, Bias = bias, Activation = next });
    }

    /// <inheritdoc/>
    internal override ScalarType ResultType(ScalarType input) => Content.Result?.Type ?? ScalarType.Float32;

    /// <summary>A layer of the same kind.</summary>
    private protected abstract Int8Layer Of(Int8Content content);

    /// <summary>The primitive's description; null where there is none, or only a slow one.</summary>
    private protected abstract DnnlHandle? Describe(DnnlHandle source, DnnlHandle weights, DnnlHandle? bias, DnnlHandle result,
        DnnlHandle attributes);

    /// <summary>The layout of the primitive's input or result.</summary>
    private protected virtual DnnlHandle Look(ScalarType type, ReadOnlySpan<long> sizes) => Descriptor(type, sizes);

    /// <summary>The layer's function.</summary>
    private protected abstract Tensor Apply(Tensor input, Tensor weight, Tensor? bias);

    /// <summary>The sizes of the weight as kernels count them.</summary>
    private protected long[] WeightSizes => weight.Sizes;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => With(Activation, isResidual: false)!;

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => type == Content.Source.Type;

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
    {
        using var attributes = Dnnl.Attributes(Activation, residual == Residual.Overwritten, null, scheme);
        using var weights = weight.AnyLayout();
        using var biases = bias is null ? null : Dnnl.Constants(bias);
        var (source, output) = (Look(type, input), Look(ResultType(type), result));
        if (Describe(source, weights, biases, output, attributes) is { } description)
            return new PrimitiveKernel(source, output, residual, description, weight,
                [(Dnnl.Bias, bias), .. scheme.Vectors.Select(vector => (vector.Argument, (Tensor?)vector.Values))]);
        source.Dispose();
        output.Dispose();
        return null;
    }

    /// <summary>The numbers of the result, before residual and activation.</summary>
    private protected sealed override Tensor Plain(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Apply(Content.Source.Numbers(input), Numbers(), bias).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    private protected sealed override Tensor ComputePlain(Tensor input, Tensor? other)
    {
        using var scope = NewDisposeScope();
        var sum = Plain(input);
        if (other is not null)
            sum += Content.Added!.Numbers(other);
        Activation.Apply_(sum);
        return (Content.Result?.Of(sum) ?? sum).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        if (device is null)
            return;
        Forget();
        using var dense = weight.Dense();
        using var moved = dense.to(device);
        var before = weight;
        weight = before.Of(moved, isAlone: false);
        before.Dispose();
        (scale, bias) = (Moved(scale), bias is null ? null : Moved(bias));
        scheme.Dispose();
        scheme = Scheme();

        Tensor Moved(Tensor tensor) => tensor.to(device, disposeAfter: true).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing)
            return;
        weight.Dispose();
        scale.Dispose();
        bias?.Dispose();
        scheme.Dispose();
    }

    private Tensor Numbers() => quantized_decomposed.dequantize_per_channel(weight.Dense(), scale, zeros_like(scale), axis);

    private Int8Scheme Scheme() => Int8Scheme.Of(Content.Source, Copy(scale), mask, Content.Result, Content.Added);

    private static Tensor Copy(Tensor tensor) => tensor.detach().clone().DetachFromDisposeScope();
}

/// <summary>The content of a layer of whole numbers.</summary>
/// <param name="Weight">The weight in steps, <c>int8</c>, as the kernel multiplies it; 0 stands for 0.</param>
/// <param name="Scale">The scale of each channel of the result, in single precision.</param>
/// <param name="Bias">The bias in single precision; null for none.</param>
/// <param name="Source">What the input stands for.</param>
/// <param name="Result">What the result stands for; null where it holds numbers.</param>
/// <param name="Added">What the residual stands for; null for none.</param>
/// <param name="Activation">What is done with the sum.</param>
internal sealed record Int8Content(Tensor Weight, Tensor Scale, Tensor? Bias, Int8Steps Source, Int8Steps? Result, Int8Steps? Added,
    FusedActivation Activation);
