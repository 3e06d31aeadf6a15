using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Attention by oneDNN's kernels, else by libtorch's, which keeps no matrix of all weights; by single operations where neither takes what
/// is given, since they broadcast less.
/// </summary>
/// <param name="scale">What the products of queries and keys are multiplied by; null for <c>1 / √channels</c>.</param>
/// <param name="rank">How many dimensions keys have, where the program transposes the last two of so many; for others it transposes others.
/// </param>
internal sealed class FusedAttention(double? scale, long? rank = null) : nn.Module("FusedAttention"), IOperation, ICloneable
{
    private const int MostKernels = 8;

    // Null where there is none.
    private readonly ConcurrentDictionary<InputSizes, AttentionKernel?> kernels = new();
    private readonly Lock making = new();

    /// <summary><c>softmax(query · keyᵀ · scale + bias) · value</c></summary>
    /// <param name="query">[…, heads, queries, channels]</param>
    /// <param name="key">[…, heads, keys, channels]</param>
    /// <param name="value">[…, heads, keys, channels of the result]</param>
    /// <param name="bias">Broadcast to [N, heads, queries, keys]; where it has W entries in the first dimension, 1 &lt; W &lt; N, the
    /// inputs are N / W times W.</param>
    public Tensor forward(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        if (!IsOfRank(key) || !HaveSameOuter(query, key) || !HaveSameOuter(query, value))
            return Plain(query, key, value, bias).MoveToOuterDisposeScope();
        var (q, k, v, b) =
            (WithFourDimensions(query), WithFourDimensions(key), WithFourDimensions(value), bias is null ? null : WithFourDimensions(bias));
        if (b is not null && !Fits(b, q, k))
            return Plain(query, key, value, bias).MoveToOuterDisposeScope();
        var result = KernelFor(q, k, v, b) is { } kernel ? kernel.Run(q, k, v, b) : OfLibtorch(q, k, v, b);
        return (query.dim() == 4 ? result : result.reshape([.. query.shape[..^1], result.size(-1)])).MoveToOuterDisposeScope();
    }

    /// <summary>The same, with kernels of its own.</summary>
    public object Clone() => new FusedAttention(scale, rank);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var kernel in kernels.Values)
                kernel?.Dispose();
        base.Dispose(disposing);
    }

    private AttentionKernel? KernelFor(Tensor q, Tensor k, Tensor v, Tensor? bias)
    {
        if (!Dnnl.IsAvailable || !IsForKernel(q) || !IsForKernel(k) || !IsForKernel(v) || (bias is not null && !IsForKernel(bias)))
            return null;
        var sizes = InputSizes.OfLayout(q, k, v, bias);
        if (kernels.TryGetValue(sizes, out var kernel))
            return kernel;
        lock (making)
        {
            if (kernels.TryGetValue(sizes, out kernel) || kernels.Count == MostKernels)
                return kernel;
            return kernels[sizes] = AttentionKernel.Make(new(q, k, v, bias), ScaleFor(q));
        }
    }

    /// <summary>
    /// Whether a tensor is one that kernels read: they know no gradients, channels lie side by side, and no element stands for several.
    /// </summary>
    private static bool IsForKernel(Tensor tensor)
        => tensor.device_type == DeviceType.CPU && Shims.Supports(tensor.dtype) && !(is_grad_enabled() && tensor.requires_grad)
            && tensor.numel() > 0 && tensor.stride(-1) == 1
        && !Shims.Strides(tensor).Contains(0);

    private Tensor OfLibtorch(Tensor q, Tensor k, Tensor v, Tensor? bias)
    {
        // libtorch's kernel has a scale of its own, by the number of channels.
        var factor = ScaleFor(q) * Math.Sqrt(q.size(3));
        if (Math.Abs(factor - 1) > 1e-9)
            q *= factor;
        if (Repeats(q, bias) <= 1)
            return nn.functional.scaled_dot_product_attention(q, k, v, bias);
        var parts = Enumerable.Range(0, (int)Repeats(q, bias)).Select(i => Part(i * bias!.size(0), bias.size(0)));
        return cat([.. parts]);

        Tensor Part(long first, long size)
            => nn.functional.scaled_dot_product_attention(q.narrow(0, first, size), k.narrow(0, first, size), v.narrow(0, first, size),
                bias);
    }

    private Tensor Plain(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        var transposed = IsOfRank(key) ? key.transpose(-2, -1) : key.transpose(rank!.Value - 2, rank.Value - 1);
        var logits = (query * ScaleFor(query)).matmul(transposed);
        if (bias is not null)
            logits += Repeats(query, bias) is > 1 and var repeats ? bias.repeat(repeats, 1, 1, 1) : bias;
        return logits.softmax(-1).matmul(value);
    }

    private bool IsOfRank(Tensor key) => rank is null || key.dim() == rank;

    private double ScaleFor(Tensor query) => scale ?? 1 / Math.Sqrt(query.size(-1));

    private static bool HaveSameOuter(Tensor one, Tensor other)
        => one.dim() > 1 && other.dim() > 1 && one.shape.AsSpan(..^2).SequenceEqual(other.shape.AsSpan(..^2));

    private static long Repeats(Tensor q, Tensor? bias)
        => bias is not null && bias.dim() == 4 && q.dim() == 4 && bias.size(0) > 1 ? q.size(0) / bias.size(0) : 1;

    /// <summary>Whether the bias is added to logits of this shape and makes nothing larger.</summary>
    private static bool Fits(Tensor bias, Tensor q, Tensor k)
    {
        long[] sizes = [q.size(0) / Math.Max(Repeats(q, bias), 1), q.size(1), q.size(2), k.size(2)];
        return bias.dtype == q.dtype && bias.shape.Zip(sizes).All(pair => pair.First == 1 || pair.First == pair.Second);
    }

    private static Tensor WithFourDimensions(Tensor tensor) => tensor.dim() switch
    {
        4 => tensor,
        < 4 => tensor.reshape([.. Enumerable.Repeat(1L, 4 - (int)tensor.dim()), .. tensor.shape]),
        _ => tensor.flatten(0, tensor.dim() - 4),
    };
}
