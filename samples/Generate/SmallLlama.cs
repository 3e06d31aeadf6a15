using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Generate;

/// <summary>The keys and values of all tokens so far, one of each a layer: batch, heads, tokens, size of a head.</summary>
public sealed class KeyValueCache
{
    public List<Tensor> Keys { get; } = [];

    public List<Tensor> Values { get; } = [];

    /// <summary>How many tokens there are.</summary>
    public long Length => Keys.Count == 0 ? 0 : Keys[0].shape[2];

    /// <summary>Adds those of new tokens, and gives those of all.</summary>
    public (Tensor Keys, Tensor Values) Update(int layer, Tensor keys, Tensor values)
    {
        if (layer == Keys.Count)
        {
            Keys.Add(keys);
            Values.Add(values);
        }
        else
        {
            Keys[layer] = cat([Keys[layer], keys], 2);
            Values[layer] = cat([Values[layer], values], 2);
        }
        return (Keys[layer], Values[layer]);
    }
}

/// <summary>A language model in the manner of Llama: rotary positions, grouped queries, gated feed-forward layers, norms by root mean squares. It gives the logits of the token after the last.</summary>
public sealed class SmallLlama : Module<Tensor, KeyValueCache, Tensor>
{
    private readonly Embedding embed_tokens;
    private readonly ModuleList<LlamaLayer> layers = [];
    private readonly RootMeanSquare norm;
    private readonly Linear lm_head;

    public SmallLlama(long vocabulary, long width, int heads, int key_value_heads, int depth) : base(nameof(SmallLlama))
    {
        embed_tokens = Embedding(vocabulary, width);
        for (var i = 0; i < depth; i++)
            layers.Add(new LlamaLayer(width, heads, key_value_heads, i));
        norm = new RootMeanSquare(width);
        lm_head = Linear(width, vocabulary, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, KeyValueCache cache)
    {
        var before = cache.Length;
        var positions = arange(before, before + tokens.shape[1], device: tokens.device);
        // Each token sees itself and all before it.
        var hidden_ones = positions.unsqueeze(-1) < arange(before + tokens.shape[1], device: tokens.device);
        var x = embed_tokens.call(tokens);
        foreach (var layer in layers)
            x = layer.call(x, positions, hidden_ones, cache);
        return lm_head.call(norm.call(x[.., ^1]));
    }
}

internal sealed class LlamaLayer : Module<Tensor, Tensor, Tensor, KeyValueCache, Tensor>
{
    private readonly RootMeanSquare input_layernorm, post_attention_layernorm;
    private readonly Linear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
    private readonly int heads, groups, index;
    private readonly long size;
    private readonly Tensor frequencies;

    public LlamaLayer(long width, int heads, int key_value_heads, int index) : base(nameof(LlamaLayer))
    {
        (this.heads, this.index, groups, size) = (heads, index, heads / key_value_heads, width / heads);
        input_layernorm = new RootMeanSquare(width);
        post_attention_layernorm = new RootMeanSquare(width);
        q_proj = Linear(width, width, hasBias: false);
        k_proj = Linear(width, key_value_heads * size, hasBias: false);
        v_proj = Linear(width, key_value_heads * size, hasBias: false);
        o_proj = Linear(width, width, hasBias: false);
        gate_proj = Linear(width, 2 * width, hasBias: false);
        up_proj = Linear(width, 2 * width, hasBias: false);
        down_proj = Linear(2 * width, width, hasBias: false);
        frequencies = pow(10000f, -arange(0, size, 2, dtype: float32) / size);
        register_buffer("frequencies", frequencies, persistent: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor positions, Tensor hidden_ones, KeyValueCache cache)
    {
        x = x + Attend(input_layernorm.call(x), positions, hidden_ones, cache);
        var normal = post_attention_layernorm.call(x);
        return x + down_proj.call(functional.silu(gate_proj.call(normal)) * up_proj.call(normal));
    }

    private Tensor Attend(Tensor x, Tensor positions, Tensor hidden_ones, KeyValueCache cache)
    {
        var (batch, tokens) = (x.shape[0], x.shape[1]);
        var queries = Rotated(q_proj.call(x).view(batch, tokens, heads, size).transpose(1, 2), positions);
        var (keys, values) = cache.Update(index, Rotated(k_proj.call(x).view(batch, tokens, -1, size).transpose(1, 2), positions), v_proj.call(x).view(batch, tokens, -1, size).transpose(1, 2));
        var scores = queries.matmul(keys.repeat_interleave(groups, 1).transpose(2, 3)) / Math.Sqrt(size);
        var weights = scores.masked_fill(hidden_ones, float.NegativeInfinity).softmax(-1);
        return o_proj.call(weights.matmul(values.repeat_interleave(groups, 1)).transpose(1, 2).reshape(batch, tokens, -1));
    }

    /// <summary>Turns the halves of each head by an angle that grows with the position.</summary>
    private Tensor Rotated(Tensor x, Tensor positions)
    {
        var angles = positions.to(float32).unsqueeze(-1) * frequencies;
        var (cosines, sines) = (cat([angles, angles], -1).cos(), cat([angles, angles], -1).sin());
        var halves = x.chunk(2, -1);
        return x * cosines + cat([-halves[1], halves[0]], -1) * sines;
    }
}

internal sealed class RootMeanSquare : Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    public RootMeanSquare(long width) : base(nameof(RootMeanSquare))
    {
        weight = Parameter(ones(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => weight * (x * rsqrt(x.pow(2).mean([-1], keepdim: true) + 1e-6));
}
