using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>A batch norm in evaluation mode that is no convolution's, with an activation.</summary>
internal sealed class FusedBatchNorm : KernelModule
{
    private readonly double epsilon;
    // Not registered, and single precision whatever is computed in, as the kernel wants them: mean, variance, scale and shift.
    private Tensor[] vectors;
    private NormOfParts? ofParts;

    internal FusedBatchNorm(BatchNorm norm) : this(Vectors(norm), norm.eps, FusedActivation.None) { }

    private FusedBatchNorm(Tensor[] vectors, double epsilon, FusedActivation activation) : base("FusedBatchNorm", activation)
        => (this.vectors, this.epsilon) = (vectors, epsilon);

    /// <summary>
    /// <c>activation(norm(cat(parts, 1)))</c>, without the concatenation where the parts' channels can be read where they are.
    /// </summary>
    public Tensor joined(Tensor[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Span<long> sizes = stackalloc long[4], strides = stackalloc long[4], own = stackalloc long[4];
        ofParts ??= MakeOfParts();
        if (!Dnnl.IsAvailable || !ofParts.TryResult(parts, sizes, strides))
        {
            using var whole = cat(parts, 1);
            return forward(whole);
        }
        var given = new (IntPtr, long)[parts.Length];
        var owned = new Tensor?[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            MemoryFormat.ChannelsLast(Shims.Sizes(parts[i]), own);
            owned[i] = MemoryFormat.Ordered(parts[i], own);
            given[i] = (Shims.Data(owned[i] ?? parts[i]), Shims.Sizes(parts[i])[1]);
        }
        var result = Memory.Empty(ScalarType.Float32, sizes, strides);
        ofParts.Run(given, Shims.Data(result), sizes[0] * sizes[2] * sizes[3]);
        foreach (var copy in owned)
            copy?.Dispose();
        GC.KeepAlive(parts);
        return result;
    }

    /// <inheritdoc/>
    internal override KernelModule? With(FusedActivation next, bool isResidual)
        => next == FusedActivation.Relu ? Copy(next) : null;

    /// <inheritdoc/>
    private protected override KernelModule Copy() => Copy(Activation);

    /// <inheritdoc/>
    private protected override bool Takes(ScalarType type) => Dnnl.IsAvailable && type is not (ScalarType.Byte or ScalarType.Int8);

    /// <inheritdoc/>
    private protected override bool TryResult(ReadOnlySpan<long> input, Span<long> result)
    {
        input.CopyTo(result);
        return input.Length > 2 && input[1] == vectors[0].numel() && !input.Contains(0);
    }

    /// <inheritdoc/>
    private protected override LayerKernel? MakeKernel(ScalarType type, ReadOnlySpan<long> input, ReadOnlySpan<long> result,
        Residual residual)
    {
        var (source, output) = (Descriptor(type, input), Descriptor(type, result));
        return new PrimitiveKernel(source, output, residual, Activation, attributes => Dnnl.BatchNorm(source, output, epsilon, attributes),
            null,
            (Dnnl.Mean, vectors[0]), (Dnnl.Variance, vectors[1]), (Dnnl.Scale, vectors[2]), (Dnnl.Shift, vectors[3]));
    }

    /// <inheritdoc/>
    private protected override Tensor Plain(Tensor input)
        => nn.functional.batch_norm(input, vectors[0], vectors[1], vectors[2], vectors[3], training: false, eps: epsilon);

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Forget();
        ofParts = null;
        var isWider = dtype == ScalarType.Float64;
        vectors = [.. vectors.Select(vector =>
            vector.to(isWider ? ScalarType.Float64 : vector.dtype, device ?? vector.device, disposeAfter: true).DetachFromDisposeScope())];
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            foreach (var vector in vectors)
                vector.Dispose();
    }

    private NormOfParts MakeOfParts()
    {
        using var scope = NewDisposeScope();
        var (mean, variance, scale, shift) = (Doubles(vectors[0]), Doubles(vectors[1]), Doubles(vectors[2]), Doubles(vectors[3]));
        var factors = scale.Zip(variance, (factor, spread) => factor / Math.Sqrt(spread + epsilon)).ToArray();
        return new([.. factors.Select(factor => (float)factor)], [.. factors.Select((factor, i) => (float)(shift[i] - mean[i] * factor))],
            Activation == FusedActivation.Relu);
    }

    private static double[] Doubles(Tensor vector) => [.. vector.to(ScalarType.Float64).cpu().data<double>()];

    private FusedBatchNorm Copy(FusedActivation activation)
        => new([.. vectors.Select(vector => vector.clone().DetachFromDisposeScope())], epsilon, activation);

    private static Tensor[] Vectors(BatchNorm norm)
    {
        using var scope = NewDisposeScope();
        var (mean, variance) = (norm.running_mean!, norm.running_var!);
        return [.. new[] { mean, variance, norm.weight ?? ones_like(mean), norm.bias
            ?? zeros_like(mean) }.Select(vector => vector.detach().clone().DetachFromDisposeScope())];
    }
}
