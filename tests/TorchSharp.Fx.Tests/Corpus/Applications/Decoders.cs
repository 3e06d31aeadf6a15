using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Language models' decoders, with their caches handed in and out, held, or written in place.</summary>
internal static class DecoderModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("LlamaCached", "keys and values handed in as a tuple and given back longer", () => new LlamaCached(), () => [Past(1, 1, 3), Past(2, 1, 5), Past(1, 2, 4)]),
        new("PhiCached", "a list of caches handed in, another one returned", () => new PhiCached(), () => [Pasts(1, 3), Pasts(2, 5), Pasts(3, 4)]),
        new("MistralWindow", "a cache that is cut to the window it sees", () => new MistralWindow(), () => [Past(1, 1, 3), Past(2, 1, 5), Past(1, 2, 4)]),
        new("QwenCache", "caches in a dictionary by layer that is handed in and changed", () => new QwenCache(), () => [Named(1, 3), Named(2, 5), Named(1, 4)])
            { ByExample = true, State = ["cache"] },
        new("CacheGiven", "a cache object that is handed in and updated", () => new CacheGiven(), () => [Given(1, 3), Given(2, 5), Given(1, 4)]) { ByExample = true, State = ["cache.Keys", "cache.Values"] },
        new("StaticCache", "a table for the longest sequence, written where a counter says", () => new StaticCache(), () => [[randn(1, 1, 4)], [randn(1, 2, 4)], [randn(1, 3, 4)]]) { State = ["used"] },
        new("Gpt2Cached", "an array of pairs of past and present, merged heads", () => new Gpt2Cached(), () => [Pairs(1, 3), Pairs(2, 5), Pairs(1, 4)]) { ByExample = true },
        Row("GemmaNorm", "a weight about one, computed in single precision", () => new GemmaNorm(), [1, 3, 8], [2, 5, 8], [4, 8]),
        Row("FalconBlock", "one key for all heads, attention beside the feed-forward layer", () => new FalconBlock(), [1, 3, 8], [2, 5, 8], [1, 7, 8]),
        Row("MixtralBlock", "each token to its two experts, weights put in by scatter", () => new MixtralBlock(), [1, 3, 8], [2, 5, 8], [1, 7, 8]),
        Row("YarnRotary", "frequencies scaled by a ramp of numbers, tables for the length at hand", () => new YarnRotary(), [1, 2, 3, 8], [2, 2, 5, 8], [1, 2, 7, 8]),
        new("RepetitionPenalty", "logits of tokens seen made smaller by scatter", () => new RepetitionPenalty(), () => [Logits(1, 3), Logits(2, 5), Logits(3, 4)]),
        Row("LoraLinear", "a frozen weight and a product of two small ones, merged or not", () => new LoraLinear(), [1, 8], [2, 3, 8], [5, 8]),
        Row("Int8Linear", "whole numbers brought back by a scale for each row", () => new Int8Linear(), [1, 8], [2, 3, 8], [5, 8]),
        Row("RwkvMix", "the token before mixed in, a state kept in a field", () => new RwkvMix(), [1, 3, 4], [1, 5, 4], [1, 2, 4]) with { State = ["last"] },
        new("SpeculativeCheck", "how many proposed tokens hold: products of comparisons", () => new SpeculativeCheck(), () => [Logits(1, 4), Logits(2, 6), Logits(3, 5)]),
        new("PackedHeads", "one weight for queries, keys and values, split by lengths", () => new PackedHeads(), () => [[randn(1, 3, 8)], [randn(2, 5, 8)], [randn(1, 7, 8)]]),
    ];

    private static object?[] Past(long batch, long tokens, long past) => [randn(batch, tokens, 8), (randn(batch, 2, past, 4), randn(batch, 2, past, 4))];

    private static object?[] Pasts(long batch, long past) => [randn(batch, 1, 8), new List<(Tensor, Tensor)> { (randn(batch, 2, past, 4), randn(batch, 2, past, 4)), (randn(batch, 2, past, 4), randn(batch, 2, past, 4)) }];

    private static object?[] Pairs(long batch, long past) => [randn(batch, 1, 8), new[] { randn([2, batch, 2, past, 4]), randn([2, batch, 2, past, 4]) }];

    private static object?[] Named(long batch, long past) => [randn(batch, 1, 8), new Dictionary<string, Tensor> { ["layer_0"] = randn(batch, past, 8), ["layer_1"] = randn(batch, past, 8) }];

    private static object?[] Given(long batch, long past) => [randn(batch, 1, 8), new Past2 { Keys = [randn(batch, past, 8), randn(batch, past, 8)], Values = [randn(batch, past, 8), randn(batch, past, 8)] }];

    private static object?[] Logits(long batch, long tokens) => [randn(batch, tokens, 12), randint(12, [batch, tokens])];

    internal sealed class Past2
    {
        public List<Tensor> Keys { get; init; } = [];

        public List<Tensor> Values { get; init; } = [];
    }

    private static Tensor Attend(Tensor q, Tensor k, Tensor v) => (q.matmul(k.transpose(-1, -2)) / Math.Sqrt(q.shape[^1])).softmax(-1).matmul(v);

    private static Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], 2, -1).transpose(1, 2);

    private static Tensor Merged(Tensor x) => x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1);

    private sealed class LlamaCached : Block<Tensor, (Tensor K, Tensor V), (Tensor, (Tensor, Tensor))>
    {
        private readonly Linear q = Linear(8, 8), k = Linear(8, 8), v = Linear(8, 8), o = Linear(8, 8);

        public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor K, Tensor V) past)
        {
            var keys = cat([past.K, Heads(k.call(x))], 2);
            var values = cat([past.V, Heads(v.call(x))], 2);
            return (o.call(Merged(Attend(Heads(q.call(x)), keys, values))), (keys, values));
        }
    }

    private sealed class PhiCached : Block<Tensor, List<(Tensor, Tensor)>, (Tensor, List<(Tensor, Tensor)>)>
    {
        private readonly ModuleList<LlamaCached> layers = ModuleList(new LlamaCached(), new LlamaCached());

        public override (Tensor, List<(Tensor, Tensor)>) forward(Tensor x, List<(Tensor, Tensor)> pasts)
        {
            var presents = new List<(Tensor, Tensor)>(pasts.Count);
            for (var i = 0; i < layers.Count; i++)
            {
                var (y, present) = layers[i].call(x, pasts[i]);
                presents.Add(present);
                x = x + y;
            }
            return (x, presents);
        }
    }

    private sealed class MistralWindow : Block<Tensor, (Tensor K, Tensor V), (Tensor, (Tensor, Tensor))>
    {
        private readonly LlamaCached attention = new();
        private const int Window = 4;

        public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor K, Tensor V) past)
        {
            var (y, (k, v)) = attention.call(x, past);
            return (y, (k[.., .., ^Window.., ..], v[.., .., ^Window.., ..]));
        }
    }

    private sealed class QwenCache : Block<Tensor, Dictionary<string, Tensor>, Tensor>
    {
        private readonly ModuleList<Linear> layers = ModuleList(Linear(8, 8), Linear(8, 8));

        public override Tensor forward(Tensor x, Dictionary<string, Tensor> cache)
        {
            foreach (var (i, layer) in layers.Index())
            {
                cache[$"layer_{i}"] = cat([cache[$"layer_{i}"], layer.call(x)], 1);
                x = x + Attend(x, cache[$"layer_{i}"], cache[$"layer_{i}"]);
            }
            return x;
        }
    }

    private sealed class CacheGiven : Block<Tensor, Past2, Tensor>
    {
        private readonly ModuleList<Linear> layers = ModuleList(Linear(8, 16), Linear(8, 16));

        public override Tensor forward(Tensor x, Past2 cache)
        {
            for (var i = 0; i < layers.Count; i++)
            {
                var parts = layers[i].call(x).chunk(2, -1);
                cache.Keys[i] = cat([cache.Keys[i], parts[0]], 1);
                cache.Values[i] = cat([cache.Values[i], parts[1]], 1);
                x = x + Attend(x, cache.Keys[i], cache.Values[i]);
            }
            return x;
        }
    }

    private sealed class StaticCache : Block
    {
        private readonly Linear project = Linear(4, 4);
        private readonly Parameter table = Parameter(zeros(1, 8, 4), requires_grad: false);
        private long used;

        public override Tensor forward(Tensor x)
        {
            using var no = no_grad();
            table.narrow(1, used, x.size(1)).copy_(project.call(x));
            used += x.size(1);
            return table.narrow(1, 0, used).mean([1]);
        }
    }

    private sealed class Gpt2Cached : Block<Tensor, Tensor[], (Tensor, Tensor[])>
    {
        private readonly ModuleList<Linear> c_attn = ModuleList(Linear(8, 24), Linear(8, 24));

        public override (Tensor, Tensor[]) forward(Tensor x, Tensor[] past)
        {
            var present = new Tensor[past.Length];
            for (var i = 0; i < past.Length; i++)
            {
                var qkv = c_attn[i].call(x).split(8, -1).Select(Heads).ToArray();
                var (k, v) = (cat([past[i][0], qkv[1]], -2), cat([past[i][1], qkv[2]], -2));
                present[i] = stack([k, v]);
                x = x + Merged(Attend(qkv[0], k, v));
            }
            return (x, present);
        }
    }

    private sealed class GemmaNorm : Block
    {
        private readonly Parameter weight = Parameter(zeros(8));

        public override Tensor forward(Tensor x)
        {
            var y = x.to(float32);
            y = y * rsqrt(y.pow(2).mean([-1], keepdim: true) + 1e-6);
            return (y * (1 + weight.to(float32))).type_as(x);
        }
    }

    private sealed class FalconBlock : Block
    {
        private readonly Linear query_key_value = Linear(8, 8 + 4 + 4), dense = Linear(8, 8), up = Linear(8, 16), down = Linear(16, 8);
        private readonly LayerNorm norm = LayerNorm(8);

        public override Tensor forward(Tensor x)
        {
            var y = norm.call(x);
            var parts = query_key_value.call(y).split([8, 4, 4], -1);
            var attended = Attend(Heads(parts[0]), parts[1].unsqueeze(1), parts[2].unsqueeze(1));
            return x + dense.call(Merged(attended)) + down.call(functional.gelu(up.call(y)));
        }
    }

    private sealed class MixtralBlock : Block
    {
        private readonly Linear gate = Linear(8, 4, hasBias: false);
        private readonly ModuleList<Linear> experts = ModuleList(Linear(8, 8), Linear(8, 8), Linear(8, 8), Linear(8, 8));

        public override Tensor forward(Tensor x)
        {
            var (weights, chosen) = gate.call(x).softmax(-1).topk(2);
            weights = weights / weights.sum(-1, keepdim: true);
            var all = zeros_like(gate.call(x)).scatter(-1, chosen, weights);
            return experts.Select((expert, i) => expert.call(x) * all[.., .., i].unsqueeze(-1)).Aggregate((a, b) => a + b);
        }
    }

    private sealed class YarnRotary : Block
    {
        private readonly double[] frequencies = [.. Enumerable.Range(0, 4).Select(i => (Math.Clamp(i / 3.0, 0, 1) * 0.25 + 1 - Math.Clamp(i / 3.0, 0, 1)) / Math.Pow(10000, i / 4.0))];

        public override Tensor forward(Tensor x)
        {
            var angles = arange(x.shape[2], dtype: float32).unsqueeze(-1) * tensor(frequencies, dtype: float32);
            var parts = x.view(x.shape[0], x.shape[1], x.shape[2], -1, 2).unbind(-1);
            var (cosines, sines) = (angles.cos(), angles.sin());
            return stack([parts[0] * cosines - parts[1] * sines, parts[0] * sines + parts[1] * cosines], -1).flatten(-2);
        }
    }

    private sealed class RepetitionPenalty : Block<Tensor, Tensor, Tensor>
    {
        public override Tensor forward(Tensor logits, Tensor seen)
        {
            var last = logits[.., -1, ..];
            var score = last.gather(1, seen);
            return (last.scatter(1, seen, where(score < 0, score * 1.2, score / 1.2)) / 0.7).softmax(-1);
        }
    }

    private sealed class LoraLinear : Block
    {
        private readonly Linear inner = Linear(8, 6), a = Linear(8, 2, hasBias: false), b = Linear(2, 6, hasBias: false);
        private readonly bool merged = Environment.ProcessorCount < 0;

        public override Tensor forward(Tensor x) => merged ? inner.call(x) : inner.call(x) + b.call(a.call(x)) * (16.0 / 2);
    }

    private sealed class Int8Linear : Block
    {
        private readonly Tensor weight = randint(-127, 127, [6, 8], dtype: int8), scale = rand(6, 1) / 127;

        public override Tensor forward(Tensor x) => functional.linear(x, weight.to(x.dtype) * scale);
    }

    private sealed class RwkvMix : Block
    {
        private readonly Parameter mix = Parameter(rand(4));
        private readonly Linear key = Linear(4, 4);
        private Tensor last = zeros(1, 1, 4);

        public override Tensor forward(Tensor x)
        {
            var before = cat([last, x[.., ..^1, ..]], 1);
            last = x[.., ^1.., ..];
            return key.call(x * mix + before * (1 - mix)).relu().pow(2);
        }
    }

    private sealed class SpeculativeCheck : Block<Tensor, Tensor, Tensor>
    {
        public override Tensor forward(Tensor logits, Tensor proposed) => logits.argmax(-1).eq(proposed).to(int64).cumprod(1).sum(1);
    }

    private sealed class PackedHeads : Block
    {
        private readonly Parameter weight = Parameter(randn(24, 8) / 3), bias = Parameter(zeros(24));

        public override Tensor forward(Tensor x)
        {
            var qkv = functional.linear(x, weight, bias).unflatten(2, [3, 2, 4]).permute(2, 0, 3, 1, 4);
            return Merged(functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]));
        }
    }
}
