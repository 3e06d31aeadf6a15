using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>Keys and values of the past in the module's own fields, joined to the new ones.</summary>
internal sealed class FieldCacheAttention : Module<Tensor, Tensor>
{
    private readonly Linear c_attn, c_proj;
    private readonly int heads;
    private Tensor? past_key, past_value;
    private long seen;

    public FieldCacheAttention(long width, int heads) : base(nameof(FieldCacheAttention))
    {
        this.heads = heads;
        c_attn = Linear(width, 3 * width);
        c_proj = Linear(width, width);
        RegisterComponents();
    }

    private Tensor SplitHeads(Tensor x) => x.view(x.size(0), x.size(1), heads, x.size(2) / heads).permute(0, 2, 1, 3);

    private Tensor Step(Tensor x)
    {
        var parts = c_attn.call(x).split(x.size(2), dim: 2);
        var (q, k, v) = (SplitHeads(parts[0]), SplitHeads(parts[1]), SplitHeads(parts[2]));
        past_key = past_key is null ? k : cat([past_key, k], dim: -2);
        past_value = past_value is null ? v : cat([past_value, v], dim: -2);
        seen += x.size(1);
        var weights = (q.matmul(past_key.transpose(-1, -2)) / Math.Sqrt(v.size(-1))).softmax(-1);
        var merged = weights.matmul(past_value).permute(0, 2, 1, 3).contiguous();
        return c_proj.call(merged.view(x.size(0), x.size(1), x.size(2)));
    }

    public override Tensor forward(Tensor x)
    {
        var first = Step(x);
        var second = Step(first[.., ^1.., ..]);
        return cat([first, second], 1) * seen;
    }
}

/// <summary>Keys and values by layer, handed in and given back grown.</summary>
internal sealed class KeyValueCache
{
    public List<Tensor> Keys { get; } = [];

    public List<Tensor> Values { get; } = [];

    public (Tensor, Tensor) Update(int layer, Tensor key, Tensor value)
    {
        if (layer >= Keys.Count)
        {
            Keys.Add(key);
            Values.Add(value);
        }
        else
        {
            Keys[layer] = cat([Keys[layer], key], 1);
            Values[layer] = cat([Values[layer], value], 1);
        }
        return (Keys[layer], Values[layer]);
    }
}

internal sealed class CachedDecoder : Module<Tensor, List<(Tensor, Tensor)>, (Tensor, List<(Tensor, Tensor)>)>
{
    private readonly ModuleList<Linear> projections = [];

    public CachedDecoder(long width, int layers) : base(nameof(CachedDecoder))
    {
        for (var i = 0; i < layers; i++)
            projections.Add(Linear(width, width * 3));
        RegisterComponents();
    }

    public override (Tensor, List<(Tensor, Tensor)>) forward(Tensor x, List<(Tensor, Tensor)> past)
    {
        var present = new List<(Tensor, Tensor)>();
        foreach (var (layer, (pastKey, pastValue)) in projections.Zip(past))
        {
            var parts = layer.call(x).chunk(3, -1);
            var (k, v) = (cat([pastKey, parts[1]], 1), cat([pastValue, parts[2]], 1));
            present.Add((k, v));
            x = x + functional.scaled_dot_product_attention(parts[0], k, v);
        }
        return (x, present);
    }
}

/// <summary>A cache object made within the pass, shared by the layers, two tokens one after the other.</summary>
internal sealed class ObjectCacheDecoder : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear[] layers;

    public ObjectCacheDecoder(long width) : base(nameof(ObjectCacheDecoder)) => layers = [Linear(width, 3 * width), Linear(width, 3 * width)];

    private Tensor Run(Tensor x, KeyValueCache cache)
    {
        for (var i = 0; i < layers.Length; i++)
        {
            var parts = layers[i].call(x).chunk(3, -1);
            var (k, v) = cache.Update(i, parts[1], parts[2]);
            x += (parts[0].bmm(k.transpose(1, 2)) / Math.Sqrt(k.size(-1))).softmax(-1).bmm(v);
        }
        return x;
    }

    public override Tensor forward(Tensor prompt, Tensor next)
    {
        var cache = new KeyValueCache();
        _ = Run(prompt, cache);
        return Run(next, cache);
    }
}

/// <summary>A buffer for the longest sequence, written at a position that the program counts.</summary>
internal sealed class BufferCache : Module<Tensor, Tensor>
{
    private readonly Tensor k_cache;
    private readonly Linear proj;
    private int position;

    public BufferCache(long batch, long length, long width) : base(nameof(BufferCache))
    {
        k_cache = zeros(batch, length, width);
        proj = Linear(width, width, hasBias: false);
        register_buffer("k_cache", k_cache, persistent: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var no_grad = torch.no_grad();
        for (var step = 0; step < 2; step++)
        {
            k_cache.narrow(1, position, 1).copy_(proj.call(x).unsqueeze(1));
            position++;
        }
        return k_cache[.., ..position, ..].sum(1);
    }
}

/// <summary>One step of generation: the last position's logits, temperature, top k, a choice, the grown sequence.</summary>
internal sealed class GenerationStep : Module<Tensor, double, (Tensor Tokens, Tensor Logits)>
{
    private readonly Embedding wte, wpe;
    private readonly TransformerlessBlock block;
    private readonly Linear lm_head;
    private readonly int? topK;

    public GenerationStep(long vocabulary, long width, int? topK) : base(nameof(GenerationStep))
    {
        this.topK = topK;
        wte = Embedding(vocabulary, width);
        wpe = Embedding(16, width);
        block = new TransformerlessBlock(width);
        lm_head = Linear(width, vocabulary, hasBias: false);
        RegisterComponents();
    }

    public override (Tensor Tokens, Tensor Logits) forward(Tensor idx, double temperature = 1.0)
    {
        var (_, t) = (idx.shape[0], idx.shape[1]);
        if (t > 16)
            throw new ArgumentException($"Cannot forward sequence of length {t}, block size is only 16");
        var pos = arange(0, t, dtype: ScalarType.Int64, device: idx.device).unsqueeze(0);
        var x = block.call(wte.call(idx) + wpe.call(pos));
        var logits = lm_head.call(x[.., -1, ..]) / temperature;
        if (topK is { } k)
        {
            var (v, _) = logits.topk((int)Math.Min(k, logits.size(-1)));
            logits = logits.masked_fill(logits < v[.., ^1].unsqueeze(-1), float.NegativeInfinity);
        }
        var next = logits.softmax(-1).argmax(-1, keepdim: true);
        return (cat([idx, next], dim: 1), logits);
    }

    internal sealed class TransformerlessBlock : Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1;
        private readonly Sequential mlp;

        public TransformerlessBlock(long width) : base(nameof(TransformerlessBlock))
        {
            ln_1 = LayerNorm(width);
            mlp = Sequential(("c_fc", Linear(width, 2 * width)), ("act", GELU()), ("c_proj", Linear(2 * width, width)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x + mlp.call(ln_1.call(x).cumsum(1));
    }
}

internal static class CacheModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("FieldCacheAttention", "past keys and values in nullable fields, a counter of what was seen", () => new FieldCacheAttention(8, 2), () => [[randn(1, 3, 8)], [randn(2, 5, 8)]])
            { State = ["past_key", "past_value", "seen"] },
        new("CachedDecoder", "a list of pairs handed in and given back, Zip and nested deconstruction", () => new CachedDecoder(4, 2), () =>
            [[randn(1, 1, 4), Past(1, 3)], [randn(2, 2, 4), Past(2, 5)]]) { ByExample = true },
        new("ObjectCacheDecoder", "a cache object of one's own made in the pass, layers in an array", () => new ObjectCacheDecoder(4), () => [[randn(1, 3, 4), randn(1, 1, 4)], [randn(2, 5, 4), randn(2, 2, 4)]])
            { Unregistered = ["layers.0 (Linear)", "layers.1 (Linear)"] },
        new("BufferCache", "a preallocated buffer written through narrow().copy_() at a counted position", () => new BufferCache(2, 6, 4), () => [[randn(2, 4)], [randn(1, 4)]])
            { State = ["position"] },
        new("GenerationStep", "a check that throws, topk with a nullable k, argmax, the grown sequence", () => new GenerationStep(12, 8, 3), () => [[randint(12, [1, 4]), 0.7], [randint(12, [2, 6]), 1.3]]),
        new("GreedyStep", "the same without top k", () => new GenerationStep(12, 8, null), () => [[randint(12, [1, 4]), 0.7], [randint(12, [2, 6]), 1.3]]),
    ];

    private static List<(Tensor, Tensor)> Past(long batch, long length) => [(randn(batch, length, 4), randn(batch, length, 4)), (randn(batch, length, 4), randn(batch, length, 4))];
}
