using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

internal sealed class RMSNorm : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double eps;

    public RMSNorm(long dim, double eps = 1e-6) : base(nameof(RMSNorm))
    {
        this.eps = eps;
        weight = Parameter(ones(dim));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var inputType = x.dtype;
        var wide = x.to_type(ScalarType.Float32);
        var variance = wide.pow(2).mean([-1], keepdim: true);
        return (weight * (wide * rsqrt(variance + eps)).to_type(inputType)).MoveToOuterDisposeScope();
    }
}

/// <summary>Cosines and sines for the longest sequence seen so far, kept in fields.</summary>
internal sealed class RotaryEmbedding : Module<Tensor, (Tensor Cos, Tensor Sin)>
{
    private readonly long dim;
    private readonly double theta;
    private long cachedLength;
    private Tensor? cos_cached, sin_cached;

    public RotaryEmbedding(long dim, double theta = 10000.0) : base(nameof(RotaryEmbedding)) => (this.dim, this.theta) = (dim, theta);

    internal bool IsEmpty => cos_cached is null;

    private void SetCache(long length, Device device)
    {
        var inv_freq = 1.0 / pow(theta, arange(0, dim, 2, dtype: ScalarType.Float32, device: device) / dim);
        var t = arange(length, dtype: ScalarType.Float32, device: device);
        var freqs = outer(t, inv_freq);
        var emb = cat([freqs, freqs], dim: -1);
        cos_cached = emb.cos().unsqueeze(0).unsqueeze(0);
        sin_cached = emb.sin().unsqueeze(0).unsqueeze(0);
        cachedLength = length;
    }

    public override (Tensor Cos, Tensor Sin) forward(Tensor x)
    {
        var length = x.size(-2);
        if (cos_cached is null || length > cachedLength)
            SetCache(length, x.device);
        return (cos_cached![.., .., ..(int)length, ..], sin_cached![.., .., ..(int)length, ..]);
    }
}

internal static class Rotary
{
    internal static Tensor rotate_half(Tensor x)
    {
        var half = x.shape[^1] / 2;
        return cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], dim: -1);
    }

    internal static (Tensor q, Tensor k) apply_rotary_pos_emb(Tensor q, Tensor k, Tensor cos, Tensor sin)
        => ((q * cos) + (rotate_half(q) * sin), (k * cos) + (rotate_half(k) * sin));

    internal static Tensor repeat_kv(Tensor x, long n_rep)
    {
        var (batch, heads, length, dim) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        if (n_rep == 1)
            return x;
        return x.unsqueeze(2).expand(batch, heads, n_rep, length, dim).reshape(batch, heads * n_rep, length, dim);
    }
}

internal sealed record LlamaConfig(long Vocabulary = 32, long Width = 16, long Hidden = 24, long Heads = 4, long KeyHeads = 2, int Layers = 2);

internal sealed class LlamaAttention : Module<Tensor, Tensor?, Tensor>
{
    private readonly Linear q_proj, k_proj, v_proj, o_proj;
    private readonly RotaryEmbedding rotary_emb;
    private readonly long heads, keyHeads, headDim;

    public LlamaAttention(LlamaConfig config) : base(nameof(LlamaAttention))
    {
        (heads, keyHeads, headDim) = (config.Heads, config.KeyHeads, config.Width / config.Heads);
        q_proj = Linear(config.Width, heads * headDim, hasBias: false);
        k_proj = Linear(config.Width, keyHeads * headDim, hasBias: false);
        v_proj = Linear(config.Width, keyHeads * headDim, hasBias: false);
        o_proj = Linear(heads * headDim, config.Width, hasBias: false);
        rotary_emb = new RotaryEmbedding(headDim);
        RegisterComponents();
    }

    internal bool HasNoCache => rotary_emb.IsEmpty;

    public override Tensor forward(Tensor hidden, Tensor? mask)
    {
        var (bsz, length) = (hidden.shape[0], hidden.shape[1]);
        var q = q_proj.call(hidden).view(bsz, length, heads, headDim).transpose(1, 2);
        var k = k_proj.call(hidden).view(bsz, length, keyHeads, headDim).transpose(1, 2);
        var v = v_proj.call(hidden).view(bsz, length, keyHeads, headDim).transpose(1, 2);
        var (cos, sin) = rotary_emb.call(q);
        (q, k) = Rotary.apply_rotary_pos_emb(q, k, cos, sin);
        k = Rotary.repeat_kv(k, heads / keyHeads);
        v = Rotary.repeat_kv(v, heads / keyHeads);
        var scores = q.matmul(k.transpose(2, 3)) / Math.Sqrt(headDim);
        if (mask is not null)
            scores = scores + mask;
        var probabilities = functional.softmax(scores, dim: -1, dtype: ScalarType.Float32);
        return o_proj.call(probabilities.matmul(v).transpose(1, 2).contiguous().view(bsz, length, -1));
    }
}

internal sealed class LlamaMLP : Module<Tensor, Tensor>
{
    private readonly Linear gate_proj, up_proj, down_proj;
    private readonly SiLU act_fn;

    public LlamaMLP(LlamaConfig config) : base(nameof(LlamaMLP))
    {
        gate_proj = Linear(config.Width, config.Hidden, hasBias: false);
        up_proj = Linear(config.Width, config.Hidden, hasBias: false);
        down_proj = Linear(config.Hidden, config.Width, hasBias: false);
        act_fn = SiLU();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => down_proj.call(act_fn.call(gate_proj.call(x)) * up_proj.call(x));
}

internal sealed class LlamaBlock : Module<Tensor, Tensor?, Tensor>
{
    private readonly LlamaAttention self_attn;
    private readonly LlamaMLP mlp;
    private readonly RMSNorm input_layernorm, post_attention_layernorm;

    public LlamaBlock(LlamaConfig config) : base(nameof(LlamaBlock))
    {
        self_attn = new LlamaAttention(config);
        mlp = new LlamaMLP(config);
        input_layernorm = new RMSNorm(config.Width);
        post_attention_layernorm = new RMSNorm(config.Width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor? mask)
    {
        using (NewDisposeScope())
        {
            var h = x + self_attn.call(input_layernorm.call(x), mask);
            return (h + mlp.call(post_attention_layernorm.call(h))).MoveToOuterDisposeScope();
        }
    }
}

internal sealed class LlamaModel : Module<Tensor, Tensor>
{
    private readonly Embedding embed_tokens;
    private readonly ModuleList<LlamaBlock> layers;
    private readonly RMSNorm norm;
    private readonly Linear lm_head;
    private readonly Dictionary<long, Tensor> masks = [];

    public LlamaModel(LlamaConfig config) : base(nameof(LlamaModel))
    {
        embed_tokens = Embedding(config.Vocabulary, config.Width);
        layers = ModuleList(Enumerable.Range(0, config.Layers).Select(_ => new LlamaBlock(config)).ToArray());
        norm = new RMSNorm(config.Width);
        lm_head = Linear(config.Width, config.Vocabulary, hasBias: false);
        RegisterComponents();
    }

    internal int MaskCount => masks.Count;

    private Tensor CausalMask(long length)
    {
        if (!masks.TryGetValue(length, out var mask))
            masks[length] = mask = full([length, length], float.NegativeInfinity).triu(1).unsqueeze(0).unsqueeze(0);
        return mask;
    }

    public override Tensor forward(Tensor tokens)
    {
        var length = tokens.shape[1];
        var h = embed_tokens.call(tokens);
        Tensor? mask = length > 1 ? CausalMask(length) : null;
        foreach (var layer in layers)
            h = layer.call(h, mask);
        return lm_head.call(norm.call(h)).@float();
    }
}

/// <summary>Attention and MLP side by side behind one norm; only part of each head is rotated.</summary>
internal sealed class PhiBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm ln;
    private readonly Linear Wqkv, out_proj, fc1, fc2;
    private readonly Dropout resid_dropout;
    private readonly long heads, headDim, rotaryDim;

    public PhiBlock(long width, long heads, double rotary = 0.5) : base(nameof(PhiBlock))
    {
        (this.heads, headDim) = (heads, width / heads);
        rotaryDim = (long)(headDim * rotary);
        ln = LayerNorm(width);
        Wqkv = Linear(width, 3 * width);
        out_proj = Linear(width, width);
        fc1 = Linear(width, 4 * width);
        fc2 = Linear(4 * width, width);
        resid_dropout = Dropout(0.1);
        RegisterComponents();
    }

    private Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var (rot, pass) = (x[.., .., .., ..(int)rotaryDim], x[.., .., .., (int)rotaryDim..]);
        return cat([(rot * cos) + (Rotary.rotate_half(rot) * sin), pass], -1);
    }

    public override Tensor forward(Tensor x)
    {
        var residual = x;
        x = ln.call(x);
        var (batch, length, _) = (x.size(0), x.size(1), x.size(2));
        var qkv = Wqkv.call(x).view(batch, length, 3, heads, headDim).permute(2, 0, 3, 1, 4).unbind(0);
        var angles = outer(arange(length, dtype: ScalarType.Float32), pow(10000.0, -arange(0, rotaryDim, 2, dtype: ScalarType.Float32) / rotaryDim)).repeat(1, 2);
        var (q, k) = (Rotate(qkv[0], angles.cos(), angles.sin()), Rotate(qkv[1], angles.cos(), angles.sin()));
        var attended = functional.scaled_dot_product_attention(q, k, qkv[2], is_casual: true);
        var attention = out_proj.call(attended.transpose(1, 2).reshape(batch, length, heads * headDim));
        var h = fc1.call(x);
        h = 0.5 * h * (1 + tanh(Math.Sqrt(2 / Math.PI) * (h + (0.044715 * h.pow(3)))));
        return residual + resid_dropout.call(attention) + resid_dropout.call(fc2.call(h));
    }
}

internal static class LlamaModules
{
    private static readonly string[] Tables = ["RotaryEmbedding.cos_cached", "RotaryEmbedding.sin_cached", "RotaryEmbedding.cachedLength"];

    internal static readonly CorpusRow[] Rows =
    [
        new("RMSNorm", "a dispose scope, a cast and back, a parameter of one's own", () => new RMSNorm(8), () => [[randn(2, 3, 8)], [randn(5, 8)]]),
        new("RotaryEmbedding", "tables made from arange, cached by length in fields, a branch on a nullable field", () => new RotaryEmbedding(8), () => [[randn(1, 2, 5, 8)], [randn(3, 4, 7, 8)]])
            { Drops = Tables },
        new("LlamaAttention", "grouped-query attention with rotary positions and a nullable mask", () => new LlamaAttention(new()), () => [[randn(1, 5, 16), zeros(1, 1, 5, 5)], [randn(3, 7, 16), zeros(1, 1, 7, 7)]])
            { Drops = Tables },
        new("LlamaMLP", "gated linear units", () => new LlamaMLP(new()), () => [[randn(2, 3, 16)], [randn(4, 16)]]),
        new("LlamaModel", "blocks in a ModuleList, causal masks in a dictionary by length", () => new LlamaModel(new()), () => [[randint(32, [1, 5])], [randint(32, [3, 5])]])
            { ByExample = true, Breaks = () => [randint(32, [1, 4])], Drops = ["a Dictionary<long, Tensor>", .. Tables, .. Tables] },
        new("PhiBlock", "partial rotary embedding, attention beside the MLP, tanh-GELU written out", () => new PhiBlock(16, 2), () => [[randn(1, 4, 16)], [randn(2, 6, 16)]]),
    ];
}
