using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Attention inside windows that are shifted against the grid, in any number of dimensions: what Swin's images and videos share.
/// </summary>
/// <param name="window_size">A window's size in each dimension.</param>
/// <param name="shift_size">How far the windows are shifted in each dimension.</param>
/// <param name="num_heads">How many heads share the channels.</param>
internal sealed class WindowAttention(long[] window_size, long[] shift_size, long num_heads)
{
    private readonly int dimensions = window_size.Length;
    private readonly long volume = window_size.Aggregate((product, size) => product * size);

    /// <summary>The arguments of the published functions beside the windows.</summary>
    internal sealed record Weights(Tensor qkv_weight, Tensor proj_weight, Tensor relative_position_bias, Tensor? qkv_bias,
        Tensor? proj_bias, Tensor? logit_scale, double attention_dropout, double dropout);

    /// <summary>[N, sizes…, C] to the same shape.</summary>
    public Tensor Apply(Tensor input, Weights weights, bool training)
    {
        using var scope = NewDisposeScope();
        var sizes = input.shape[1..^1];
        var x = F.pad(input,
            [0, 0, .. sizes.Select((size, i) => Missing(size, window_size[i])).Reverse().SelectMany(missing => new[] { 0, missing })]);

        var padded = x.shape[1..^1];
        // A window as large as the whole needs no shift.
        var shift = shift_size.Select((shift, i) => window_size[i] >= padded[i] ? 0 : shift).ToArray();
        var shifted = shift.Any(by => by > 0);
        if (shifted) x = torch.roll(x, shift.Select(by => -by).ToArray(), Dimensions());

        var windows = Partition(x);
        windows = Attend(windows, weights, shifted ? Mask(padded, shift, input) : null, training);
        x = Departition(windows, x.shape);

        if (shifted) x = torch.roll(x, shift, Dimensions());
        for (var i = 0; i < dimensions; i++) x = x.narrow(i + 1, 0, sizes[i]);
        return x.contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>How much a size lacks to be a multiple.</summary>
    public static long Missing(long size, long divisor) => (divisor - size % divisor) % divisor;

    private long[] Dimensions() => [.. Enumerable.Range(1, dimensions).Select(i => (long)i)];

    // [windows, volume, C] to the same shape
    private Tensor Attend(Tensor x, Weights weights, Tensor? mask, bool training)
    {
        var (windows, tokens, channels) = x.shape;
        var qkv = F.linear(x, weights.qkv_weight, ProjectionBias(weights));
        var (q, k, v) = qkv.reshape(windows, tokens, 3, num_heads, channels / num_heads).permute(2, 0, 3, 1, 4).unbind();

        var attn = weights.logit_scale is null
            ? (q * Math.Pow(channels / num_heads, -0.5)).matmul(k.transpose(-2, -1))
            : F.normalize(q, dim: -1).matmul(F.normalize(k, dim: -1).transpose(-2, -1)) * weights.logit_scale.clamp(max: Math.Log(100))
                .exp();
        attn = attn + weights.relative_position_bias;
        if (mask is not null)
        {
            var different = mask.shape[0];
            attn = attn.view(windows / different, different, num_heads, tokens, tokens) + mask.unsqueeze(1).unsqueeze(0);
            attn = attn.view(-1, num_heads, tokens, tokens);
        }
        attn = F.dropout(attn.softmax(-1), weights.attention_dropout, training);

        x = attn.matmul(v).transpose(1, 2).reshape(windows, tokens, channels);
        x = F.linear(x, weights.proj_weight, weights.proj_bias);
        return F.dropout(x, weights.dropout, training);
    }

    // Swin v2 compares by angle, and there a key has no bias.
    private static Tensor? ProjectionBias(Weights weights)
    {
        if (weights.logit_scale is null || weights.qkv_bias is null) return weights.qkv_bias;
        var (q, k, v) = weights.qkv_bias.chunk(3);
        return torch.cat([q, torch.zeros_like(k, requires_grad: false), v]);
    }

    // [N, sizes…, C] to [N * windows, volume, C]
    private Tensor Partition(Tensor x)
    {
        long[] split =
            [x.shape[0], .. Enumerable.Range(0, dimensions).SelectMany(i => new[] { x.shape[i + 1] / window_size[i], window_size[i] }),
                x.shape[^1]];
        // First all that count windows, then all inside a window.
        long[] order =
            [0, .. Enumerable.Range(0, dimensions).Select(i => 2L * i + 1), .. Enumerable.Range(0, dimensions).Select(i => 2L * i + 2),
                split.Length - 1];
        return x.view(split).permute(order).reshape(-1, volume, x.shape[^1]);
    }

    private Tensor Departition(Tensor windows, long[] shape)
    {
        long[] split = [shape[0], .. Enumerable.Range(0, dimensions).Select(i => shape[i + 1] / window_size[i]), .. window_size, shape[^1]];
        long[] order = [0, .. Enumerable.Range(0, dimensions).SelectMany(i => new[] { i + 1L, i + 1L + dimensions }), split.Length - 1];
        return windows.view(split).permute(order).reshape(shape);
    }

    /// <summary>-100 between tokens that only the roll made neighbours: [windows, volume, volume].</summary>
    private Tensor Mask(long[] sizes, long[] shift, Tensor like)
    {
        var region = torch.zeros([1, .. sizes, 1], dtype: like.dtype, device: like.device);
        for (var i = 0; i < dimensions; i++)
        {
            if (shift[i] == 0) continue;
            var at = torch.arange(sizes[i], device: like.device);
            var part = at.ge(sizes[i] - window_size[i]).to(like.dtype) + at.ge(sizes[i] - shift[i]).to(like.dtype);
            region = region * 3 + part.view([.. Enumerable.Range(0, dimensions + 2).Select(d => d == i + 1 ? sizes[i] : 1)]);
        }
        var regions = Partition(region).squeeze(-1);
        return regions.unsqueeze(1).ne(regions.unsqueeze(2)).to(like.dtype) * -100;
    }

    /// <summary>For each pair of a window's tokens, the row of the table of relative positions: [volume, volume].</summary>
    public static Tensor RelativePositionIndex(IReadOnlyList<long> window_size, Device? device)
    {
        using var scope = NewDisposeScope();
        var coords = torch.stack(torch.meshgrid(window_size.Select(size => torch.arange(size, device: device)))).flatten(1);
        var relative = coords.unsqueeze(2) - coords.unsqueeze(1);
        var index = relative[0] + (window_size[0] - 1);
        for (var i = 1; i < window_size.Count; i++) index = index * (2 * window_size[i] - 1) + relative[i] + (window_size[i] - 1);
        return index.MoveToOuterDisposeScope();
    }
}
