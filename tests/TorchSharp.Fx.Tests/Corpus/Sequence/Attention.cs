using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>A bias that grows with the distance, one slope a head, instead of positions.</summary>
internal sealed class AlibiAttention : Module<Tensor, Tensor>
{
    private readonly Linear qkv, proj;
    private readonly int heads;
    private readonly Tensor slopes;

    public AlibiAttention(long width, int heads) : base(nameof(AlibiAttention))
    {
        this.heads = heads;
        qkv = Linear(width, 3 * width);
        proj = Linear(width, width);
        slopes = tensor(Slopes(heads).ToArray()).view(heads, 1, 1);
        register_buffer("slopes", slopes);
        RegisterComponents();
    }

    private static IEnumerable<float> Slopes(int n)
    {
        var start = Math.Pow(2, -Math.Pow(2, -(Math.Log2(n) - 3)));
        for (var i = 0; i < n; i++)
            yield return (float)(start * Math.Pow(start, i));
    }

    public override Tensor forward(Tensor x)
    {
        var (b, n, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var parts = qkv.call(x).chunk(3, dim: -1).Select(t => t.view(b, n, heads, c / heads).transpose(1, 2)).ToArray();
        var positions = arange(n, device: x.device);
        var distance = (positions.unsqueeze(0) - positions.unsqueeze(1)).abs().neg();
        var causal = ones(n, n, dtype: ScalarType.Bool, device: x.device).tril();
        var scores = matmul(parts[0], parts[1].transpose(-2, -1)) * Math.Pow(c / heads, -0.5) + (slopes * distance);
        scores = scores.masked_fill(causal.logical_not(), float.NegativeInfinity);
        return proj.call(matmul(scores.softmax(-1), parts[2]).transpose(1, 2).reshape(b, n, c));
    }
}

/// <summary>T5's logarithmic buckets of relative positions.</summary>
internal sealed class T5RelativeBias : Module<Tensor, Tensor>
{
    private readonly Embedding relative_attention_bias;
    private readonly bool bidirectional;
    private readonly int num_buckets, max_distance;

    public T5RelativeBias(int heads, bool bidirectional, int num_buckets = 8, int max_distance = 16) : base(nameof(T5RelativeBias))
    {
        (this.bidirectional, this.num_buckets, this.max_distance) = (bidirectional, num_buckets, max_distance);
        relative_attention_bias = Embedding(num_buckets, heads);
        RegisterComponents();
    }

    private static Tensor Bucket(Tensor relative_position, bool bidirectional, int num_buckets, int max_distance)
    {
        var relative_buckets = zeros_like(relative_position);
        if (bidirectional)
        {
            num_buckets /= 2;
            relative_buckets += (relative_position > 0).to(ScalarType.Int64) * num_buckets;
            relative_position = relative_position.abs();
        }
        else
        {
            relative_position = -min(relative_position, zeros_like(relative_position));
        }
        var max_exact = num_buckets / 2;
        var is_small = relative_position < max_exact;
        var if_large = max_exact + (log(relative_position.@float() / max_exact) / Math.Log((double)max_distance / max_exact) * (num_buckets - max_exact)).to(ScalarType.Int64);
        if_large = minimum(if_large, full_like(if_large, num_buckets - 1));
        return relative_buckets + where(is_small, relative_position, if_large);
    }

    public override Tensor forward(Tensor scores)
    {
        long query = scores.shape[^2], key = scores.shape[^1];
        var context = arange(query, dtype: ScalarType.Int64, device: scores.device)[.., TensorIndex.None];
        var memory = arange(key, dtype: ScalarType.Int64, device: scores.device)[TensorIndex.None, ..];
        var values = relative_attention_bias.call(Bucket(memory - context, bidirectional, num_buckets, max_distance));
        return scores + values.permute(2, 0, 1).unsqueeze(0);
    }
}

/// <summary>Keys and queries from elsewhere, padding masked out, weights given back if asked for.</summary>
internal sealed class MemoryAttention : Module<Tensor, Tensor, Tensor?, bool, (Tensor, Tensor?)>
{
    private readonly Linear to_q, to_kv, to_out;
    private readonly int heads;

    public MemoryAttention(long width, int heads) : base(nameof(MemoryAttention))
    {
        this.heads = heads;
        to_q = Linear(width, width);
        to_kv = Linear(width, width * 2);
        to_out = Linear(width, width);
        RegisterComponents();
    }

    private Tensor Split(Tensor t) => t.reshape(t.shape[0], t.shape[1], heads, -1).transpose(1, 2);

    public override (Tensor, Tensor?) forward(Tensor x, Tensor context, Tensor? key_padding_mask = null, bool need_weights = false)
    {
        var q = Split(to_q.call(x));
        Tensor[] kv = to_kv.call(context).chunk(2, -1);
        var (k, v) = (Split(kv[0]), Split(kv[1]));
        var scores = einsum("bhid,bhjd->bhij", q, k) * Math.Pow(q.shape[^1], -0.5);
        if (key_padding_mask is { } mask)
            scores = scores.masked_fill(mask[.., TensorIndex.None, TensorIndex.None, ..], -1e9f);
        var weights = scores.softmax(-1);
        var result = einsum("bhij,bhjd->bhid", weights, v);
        result = to_out.call(result.transpose(1, 2).flatten(2));
        return (result, need_weights ? weights.mean([1]) : null);
    }
}

/// <summary>Transformer-XL's shift of relative scores by a padded view.</summary>
internal sealed class RelativeShift() : Module<Tensor, Tensor>(nameof(RelativeShift))
{
    public override Tensor forward(Tensor x)
    {
        var zero_pad = zeros([x.size(0), x.size(1), 1], dtype: x.dtype, device: x.device);
        var padded = cat([zero_pad, x], dim: 2).view(x.size(0), x.size(2) + 1, x.size(1));
        var shifted = padded[.., 1.., ..].reshape(x.shape);
        return tril(shifted, x.size(2) - x.size(1));
    }
}

/// <summary>Attention by a feature map, linear in the length.</summary>
internal sealed class LinearAttention : Module<Tensor, Tensor>
{
    private readonly Linear to_qkv;

    public LinearAttention(long width) : base(nameof(LinearAttention))
    {
        to_qkv = Linear(width, 3 * width, hasBias: false);
        RegisterComponents();
    }

    private static Tensor Map(Tensor x) => functional.elu(x, 1.0) + 1;

    public override Tensor forward(Tensor x)
    {
        if (to_qkv.call(x).chunk(3, -1) is not [var q, var k, var v])
            throw new InvalidOperationException("three parts expected");
        (q, k) = (Map(q), Map(k));
        var context = k.transpose(-1, -2).bmm(v);
        var normaliser = 1 / q.bmm(k.sum(1, keepdim: true).transpose(1, 2));
        return q.bmm(context) * normaliser;
    }
}

/// <summary>Each position sees a window of the past; the mask is cached by length in a static.</summary>
internal sealed class WindowedAttention : Module<Tensor, Tensor>
{
    internal static readonly Dictionary<(long, int), Tensor> Masks = [];
    private readonly Linear q, k, v;
    private readonly int window;

    public WindowedAttention(long width, int window) : base(nameof(WindowedAttention))
    {
        this.window = window;
        (q, k, v) = (Linear(width, width), Linear(width, width), Linear(width, width));
        RegisterComponents();
        // As in a new process: what earlier runs put there would not be written again.
        Masks.Clear();
    }

    private static Tensor MaskOf(long length, int window)
    {
        if (Masks.TryGetValue((length, window), out var known))
            return known;
        var row = arange(length).unsqueeze(1);
        var column = arange(length).unsqueeze(0);
        return Masks[(length, window)] = ((column > row) | (column < row - window)).DetachFromDisposeScope();
    }

    public override Tensor forward(Tensor x)
    {
        var scores = q.call(x).bmm(k.call(x).mT) / Math.Sqrt(x.shape[2]);
        return scores.masked_fill(MaskOf(x.shape[1], window), float.NegativeInfinity).softmax(-1).bmm(v.call(x));
    }
}

internal static class AttentionModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("AlibiAttention", "slopes from an iterator, LINQ over chunks, a mask made of the length", () => new AlibiAttention(16, 4), () => [[randn(1, 4, 16)], [randn(3, 6, 16)]]),
        new("T5RelativeBias", "logarithmic buckets of positions, compound assignment to locals, static helpers", () => new T5RelativeBias(2, true), () => [[randn(1, 2, 5, 5)], [randn(2, 2, 4, 9)]]),
        new("T5CausalBias", "the one-sided form of the same", () => new T5RelativeBias(2, false), () => [[randn(1, 2, 5, 5)], [randn(2, 2, 4, 9)]]),
        new("MemoryAttention", "nullable mask, optional flag, a nullable second result", () => new MemoryAttention(8, 2), () =>
            [[randn(1, 4, 8), randn(1, 6, 8), zeros(1, 6, dtype: ScalarType.Bool), true], [randn(2, 3, 8), randn(2, 5, 8), ones(2, 5, dtype: ScalarType.Bool), true]])
            { ByExample = true, Breaks = () => [randn(1, 4, 8), randn(1, 6, 8), null, true] },
        new("RelativeShift", "a padded view that shifts rows", () => new RelativeShift(), () => [[randn(2, 3, 5)], [randn(1, 4, 4)]]),
        new("LinearAttention", "a list pattern over chunks, tuple assignment", () => new LinearAttention(8), () => [[randn(1, 4, 8)], [randn(3, 5, 8)]]),
        new("WindowedAttention", "masks in a static dictionary by a tuple of length and window", () => new WindowedAttention(8, 2), () => [[randn(1, 5, 8)], [randn(3, 5, 8)]])
            { ByExample = true, Breaks = () => [randn(1, 6, 8)], Drops = ["a Dictionary<(long, int), Tensor>"] },
    ];
}
