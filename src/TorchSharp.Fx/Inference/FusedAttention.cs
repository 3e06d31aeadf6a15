using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Attention by libtorch's kernel, which keeps no matrix of all weights; by single operations where that doesn't take what is given, since it broadcasts less.</summary>
/// <param name="scale">What the products of queries and keys are multiplied by.</param>
internal sealed class FusedAttention(double scale) : nn.Module("FusedAttention"), IOperation
{
    /// <summary><c>softmax(query · keyᵀ · scale + bias) · value</c></summary>
    /// <param name="query">[…, heads, queries, channels]</param>
    /// <param name="key">[…, heads, keys, channels]</param>
    /// <param name="value">[…, heads, keys, channels of the result]</param>
    /// <param name="bias">Broadcast to [N, heads, queries, keys]; where it has W entries in the first dimension, 1 &lt; W &lt; N, the inputs are N / W times W.</param>
    public Tensor forward(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        if (!HaveSameOuter(query, key) || !HaveSameOuter(query, value))
            return Plain(query, key, value, bias).MoveToOuterDisposeScope();
        var factor = scale * Math.Sqrt(query.size(-1));
        var q = WithFourDimensions(Math.Abs(factor - 1) < 1e-9 ? query : query * factor);
        var (k, v) = (WithFourDimensions(key), WithFourDimensions(value));
        if (bias is not null && !Fits(bias, q, k))
            return Plain(query, key, value, bias).MoveToOuterDisposeScope();
        var repeats = Repeats(q, bias);
        var result = repeats > 1 ? Repeated(q, k, v, bias!) : nn.functional.scaled_dot_product_attention(q, k, v, bias);
        return (query.dim() == 4 ? result : result.reshape([.. query.shape[..^1], result.size(-1)])).MoveToOuterDisposeScope();
    }

    /// <summary>A bias that is repeated costs as much memory as the weights, so each repetition is computed by itself.</summary>
    private static Tensor Repeated(Tensor q, Tensor k, Tensor v, Tensor bias)
    {
        var result = empty([q.size(0), q.size(2), q.size(1), v.size(3)], q.dtype, q.device).transpose(1, 2);
        var size = bias.size(0);
        for (var first = 0L; first < q.size(0); first += size)
        {
            using var scope = NewDisposeScope();
            var part = nn.functional.scaled_dot_product_attention(q.narrow(0, first, size), k.narrow(0, first, size), v.narrow(0, first, size), bias);
            result.narrow(0, first, size).copy_(part);
        }
        return result;
    }

    private Tensor Plain(Tensor query, Tensor key, Tensor value, Tensor? bias)
    {
        var logits = (query * scale).matmul(key.transpose(-2, -1));
        if (bias is not null)
            logits += Repeats(query, bias) is > 1 and var repeats ? bias.repeat(repeats, 1, 1, 1) : bias;
        return logits.softmax(-1).matmul(value);
    }

    private static bool HaveSameOuter(Tensor one, Tensor other) => one.dim() > 1 && other.dim() > 1 && one.shape.AsSpan(..^2).SequenceEqual(other.shape.AsSpan(..^2));

    private static long Repeats(Tensor q, Tensor? bias) => bias is not null && bias.dim() == 4 && q.dim() == 4 && bias.size(0) > 1 ? q.size(0) / bias.size(0) : 1;

    /// <summary>Whether the bias is added to logits of this shape and makes nothing larger.</summary>
    private static bool Fits(Tensor bias, Tensor q, Tensor k)
    {
        if (bias.dtype != q.dtype || bias.dim() > 4)
            return false;
        long[] sizes = [q.size(0) / Math.Max(Repeats(q, bias), 1), q.size(1), q.size(2), k.size(2)];
        return bias.shape.Zip(sizes[(4 - (int)bias.dim())..]).All(pair => pair.First == 1 || pair.First == pair.Second);
    }

    private static Tensor WithFourDimensions(Tensor tensor) => tensor.dim() switch
    {
        4 => tensor,
        < 4 => tensor.reshape([.. Enumerable.Repeat(1L, 4 - (int)tensor.dim()), .. tensor.shape]),
        _ => tensor.flatten(0, tensor.dim() - 4),
    };
}
