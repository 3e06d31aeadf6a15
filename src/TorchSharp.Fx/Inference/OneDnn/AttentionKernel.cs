using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Attention as three primitives of oneDNN: the logits, their softmax, the weighted sum of the values. They run on one part of the batch
/// after the other, whose logits the processor's cache can hold. Several threads may run it at once.
/// </summary>
internal sealed class AttentionKernel : IDisposable
{
    private const int Alignment = 64;
    private const long MostLogits = 1 << 23;

    private readonly AttentionShape shape;
    private readonly PrimitiveStep product, softmax, sum;
    private readonly DnnlHandle[] descriptors;
    private Calls? idle;

    private AttentionKernel(AttentionShape shape, PrimitiveStep product, PrimitiveStep softmax, PrimitiveStep sum, DnnlHandle[] descriptors)
        => (this.shape, this.product, this.softmax, this.sum, this.descriptors) = (shape, product, softmax, sum, descriptors);

    /// <summary>A kernel for tensors of a shape; null where oneDNN has no fast one, or the logits are too many to be kept.</summary>
    internal static AttentionKernel? Make(AttentionShape shape, double scale)
    {
        if (shape.PartLogits > MostLogits || shape.IsMistaken)
            return null;
        DnnlHandle Look(ScalarType type, AttentionShape.Order order) => Dnnl.Descriptor(type, order.Sizes, order.Strides);
        var (query, key, value) =
            (Look(shape.Type, shape.PartOf(shape.Query)), Look(shape.Type, shape.PartOf(shape.Key).Transposed),
                Look(shape.Type, shape.PartOf(shape.Value)));
        var (logits, weights, result) =
            (Look(ScalarType.Float32, shape.Logits), Look(shape.Type, shape.Logits), Look(shape.Type, shape.PartOf(shape.Result)));
        var bias = shape.Bias is null ? null : Look(shape.Type, shape.PartOf(shape.Bias));
        DnnlHandle[] descriptors = bias is null
            ? [query, key, value, logits, weights, result] : [query, key, value, logits, weights, result, bias];
        using DnnlHandle scaled = Dnnl.Attributes(scale, bias), plain = Dnnl.Attributes(1, null);
        DnnlHandle?[] made =
            [Dnnl.Product(query, key, logits, scaled), Dnnl.Softmax(logits, weights, 4, plain),
                Dnnl.Product(weights, value, result, plain)];
        if (made is [{ } first, { } second, { } third])
        {
            (int, DnnlHandle)[] factors = [(Dnnl.Source, query), (Dnnl.Weights, key), (Dnnl.Result, logits)];
            var added = (scale == 1 ? Dnnl.FirstPostOperation : 2 * Dnnl.FirstPostOperation) | Dnnl.SecondSource;
            return new(shape, new(first, bias is null ? factors : [.. factors, (added, bias)]),
                new(second, (Dnnl.Source, logits), (Dnnl.Result, weights)),
                new(third, (Dnnl.Source, weights), (Dnnl.Weights, value), (Dnnl.Result, result)), descriptors);
        }
        foreach (var handle in made.Concat(descriptors))
            handle?.Dispose();
        return null;
    }

    /// <summary>The attention of tensors of the shape that the kernel was made for.</summary>
    internal Tensor Run(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        var result = Shims.Empty(shape.Type, shape.Result.Sizes, shape.Result.Strides);
        var calls = Interlocked.Exchange(ref idle, null) ?? new Calls(new(product), new(softmax), new(sum));
        try
        {
            Run(calls, Shims.Data(query), Shims.Data(key), Shims.Data(value), bias is null ? 0 : Shims.Data(bias), Shims.Data(result));
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
        finally
        {
            GC.KeepAlive((query, key, value, bias));
            GC.KeepAlive(this);
            if (Interlocked.CompareExchange(ref idle, calls, null) is not null)
                calls.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        idle?.Dispose();
        product.Dispose();
        softmax.Dispose();
        sum.Dispose();
        foreach (var descriptor in descriptors)
            descriptor.Dispose();
    }

    private void Run(Calls calls, IntPtr query, IntPtr key, IntPtr value, IntPtr bias, IntPtr result)
    {
        var bytes = shape.Type == ScalarType.Float32 ? 4 : 2;
        var size = (nint)(shape.PartLogits * sizeof(float) + Alignment - 1) / Alignment * Alignment;
        // The softmax may be written over its input where both have numbers of the same size.
        var logits =
            WorkingMemory.Of((bytes == 4 ? size : 2 * size) + Math.Max(product.Scratchpad, Math.Max(softmax.Scratchpad, sum.Scratchpad))
                + Alignment);
        var (weights, working) = bytes == 4 ? (logits, logits + size) : (logits + size, logits + 2 * size);
        for (var entry = 0L; entry < shape.Batch; entry += shape.Part)
        {
            IntPtr At(IntPtr data, AttentionShape.Order order) => data + order.Offset(entry) * bytes;
            if (shape.Bias is null)
                calls.Product.Run(At(query, shape.Query), At(key, shape.Key), logits, working);
            else
                calls.Product.Run(At(query, shape.Query), At(key, shape.Key), logits, At(bias, shape.Bias), working);
            calls.Softmax.Run(logits, weights, working);
            calls.Sum.Run(weights, At(value, shape.Value), At(result, shape.Result), working);
        }
    }

    /// <summary>The piece of work that one thread runs at a time.</summary>
    private sealed record Calls(PrimitiveStep.Call Product, PrimitiveStep.Call Softmax, PrimitiveStep.Call Sum) : IDisposable
    {
        public void Dispose()
        {
            Product.Dispose();
            Softmax.Dispose();
            Sum.Dispose();
        }
    }
}
