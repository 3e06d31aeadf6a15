using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Blocks of latent diffusion models.</summary>
internal static class Diffusion
{
    internal static readonly CorpusRow[] Rows =
    [
        new("TimestepEmbedding", "sinusoids of a frequency table that no input is needed for", () => new TimestepEmbedding(8), () => [[tensor(new long[] { 3 })], [tensor(new long[] { 1, 50, 7 })]]),
        new("ResnetBlock", "time embedding broadcast over a map, a shortcut only where channels differ", () => new ResnetBlock(4, 8), () => [[randn(1, 4, 6, 6), randn(1, 8)], [randn(2, 4, 8, 4), randn(2, 8)]]),
        new("LatentAttention", "heads split and joined, a context that may be null", () => new LatentAttention(8, 4, 2), () => [[randn(1, 6, 8), randn(1, 3, 4)], [randn(2, 5, 8), randn(2, 7, 4)]]),
        new("UpDown", "asymmetric padding on the way down, the skip's size on the way up", () => new UpDown(), () => [[randn(1, 4, 7, 9)], [randn(2, 4, 8, 6)]]),
        new("SpatialTransformer", "maps to tokens and back, blocks of a list, gated feed-forward", () => new SpatialTransformer(), () => [[randn(1, 4, 4, 4), randn(1, 3, 4)], [randn(2, 4, 6, 2), randn(2, 5, 4)]]),
        new("ConditionalUNet", "skips in a stack, options as a record, guidance by chunks", () => new ConditionalUNet(new(4, [1, 2], true)), () => [[randn(2, 4, 8, 8), tensor(new long[] { 1, 5 })], [randn(4, 4, 6, 8), tensor(new long[] { 1, 5, 2, 3 })]]),
        new("DdimScheduler", "a denoising loop over a fixed schedule of numbers", () => new DdimScheduler(), () => [[randn(1, 4, 4, 4)], [randn(2, 4, 6, 3)]]),
    ];

    private sealed class TimestepEmbedding : Module<Tensor, Tensor>
    {
        private readonly int channels;
        private readonly Sequential mlp;

        public TimestepEmbedding(int channels) : base(nameof(TimestepEmbedding))
        {
            this.channels = channels;
            mlp = Sequential(Linear(channels, 16), SiLU(), Linear(16, 8));
            RegisterComponents();
        }

        public override Tensor forward(Tensor timesteps)
        {
            var half = channels / 2;
            using var scope = NewDisposeScope();
            var frequencies = exp(-Math.Log(10000) * arange(0, half, dtype: ScalarType.Float32, device: timesteps.device) / half);
            var args = timesteps[.., TensorIndex.None].to_type(ScalarType.Float32) * frequencies[TensorIndex.None];
            var embedding = cat([cos(args), sin(args)], dim: -1);
            if (channels % 2 != 0)
                embedding = cat([embedding, zeros_like(embedding[.., ..1])], -1);
            return mlp.call(embedding).MoveToOuterDisposeScope();
        }
    }

    private sealed class ResnetBlock : Module<Tensor, Tensor?, Tensor>
    {
        private readonly GroupNorm norm1, norm2;
        private readonly Conv2d conv1, conv2;
        private readonly Linear time;
        private readonly Module<Tensor, Tensor>? shortcut;

        public ResnetBlock(long from, long to) : base(nameof(ResnetBlock))
        {
            (norm1, norm2) = (GroupNorm(2, from), GroupNorm(2, to));
            (conv1, conv2) = (Conv2d(from, to, 3, padding: 1), Conv2d(to, to, 3, padding: 1));
            time = Linear(8, to);
            if (from != to)
                shortcut = Conv2d(from, to, 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor? temb)
        {
            var h = conv1.call(Swish(norm1.call(x)));
            if (temb is not null)
                h += time.call(Swish(temb))[.., .., TensorIndex.None, TensorIndex.None];
            h = conv2.call(Swish(norm2.call(h)));
            return (shortcut?.call(x) ?? x) + h;
        }

        private static Tensor Swish(Tensor x) => x * x.sigmoid();
    }

    private sealed class LatentAttention : Module<Tensor, Tensor?, Tensor>
    {
        private readonly int heads;
        private readonly double scale;
        private readonly Linear to_q, to_k, to_v;
        private readonly ModuleList<Module<Tensor, Tensor>> to_out;

        public LatentAttention(long query, long context, int heads) : base(nameof(LatentAttention))
        {
            (this.heads, scale) = (heads, Math.Pow(query / heads, -0.5));
            (to_q, to_k, to_v) = (Linear(query, query, false), Linear(context, query, false), Linear(context, query, false));
            to_out = ModuleList<Module<Tensor, Tensor>>(Linear(query, query), Dropout(0.0));
            RegisterComponents();
        }

        public override Tensor forward(Tensor hidden, Tensor? context)
        {
            context ??= hidden;
            var (q, k, v) = (Heads(to_q.call(hidden)), Heads(to_k.call(context)), Heads(to_v.call(context)));
            var scores = q.bmm(k.transpose(-1, -2)).mul_(scale);
            var mixed = scores.softmax(-1).bmm(v);
            var (n, l, d) = (mixed.shape[0] / heads, mixed.shape[1], mixed.shape[2]);
            hidden = mixed.reshape(n, heads, l, d).permute(0, 2, 1, 3).reshape(n, l, d * heads);
            foreach (var module in to_out)
                hidden = module.call(hidden);
            return hidden;
        }

        private Tensor Heads(Tensor x)
        {
            long[] shape = [x.shape[0], x.shape[1], heads, x.shape[2] / heads];
            return x.reshape(shape).permute(0, 2, 1, 3).reshape(shape[0] * heads, shape[1], shape[3]);
        }
    }

    private sealed class UpDown : Module<Tensor, Tensor>
    {
        private readonly Conv2d down = Conv2d(4, 4, 3, stride: 2);
        private readonly Conv2d up = Conv2d(4, 4, 3, padding: 1);

        public UpDown() : base(nameof(UpDown)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var small = down.call(functional.pad(x, (0, 1, 0, 1), PaddingModes.Constant, 0));
            return x + Upsample(small, x.shape[2..]);
        }

        private Tensor Upsample(Tensor x, long[]? size = null)
        {
            x = size is null ? functional.interpolate(x, scale_factor: [2.0, 2.0]) : functional.interpolate(x, size: size);
            return up.call(x);
        }
    }

    private sealed class GatedFeedForward : Module<Tensor, Tensor>
    {
        private readonly Linear inner = Linear(4, 16);
        private readonly Linear outer = Linear(8, 4);

        public GatedFeedForward() : base(nameof(GatedFeedForward)) => RegisterComponents();

        public override Tensor forward(Tensor x) => inner.call(x).chunk(2, -1) is [var value, var gate] ? outer.call(value * functional.gelu(gate)) : x;
    }

    private sealed class SpatialTransformer : Module<Tensor, Tensor, Tensor>
    {
        private readonly List<(LatentAttention Attention, GatedFeedForward Feed)> blocks = [];
        private readonly GroupNorm norm = GroupNorm(2, 4);

        public SpatialTransformer() : base(nameof(SpatialTransformer))
        {
            for (var i = 0; i < 2; i++)
            {
                blocks.Add((new LatentAttention(4, 4, 2), new GatedFeedForward()));
                register_module($"attention{i}", blocks[i].Attention);
                register_module($"feed{i}", blocks[i].Feed);
            }
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor context)
        {
            var (b, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var hidden = norm.call(x).permute(0, 2, 3, 1).reshape(b, h * w, c);
            foreach (var (attention, feed) in blocks)
            {
                hidden = attention.call(functional.layer_norm(hidden, [c]), context) + hidden;
                hidden = feed.call(hidden) + hidden;
            }
            return hidden.reshape(b, h, w, c).permute(0, 3, 1, 2).contiguous() + x;
        }
    }

    private sealed record UNetOptions(long Channels, int[] Multipliers, bool Guided);

    private sealed class ConditionalUNet : Module<Tensor, Tensor, Tensor>
    {
        private readonly UNetOptions options;
        private readonly TimestepEmbedding time = new(8);
        private readonly ModuleList<ResnetBlock> downs = new();
        private readonly ModuleList<ResnetBlock> ups = new();

        public ConditionalUNet(UNetOptions options) : base(nameof(ConditionalUNet))
        {
            this.options = options;
            var channels = options.Channels;
            foreach (var multiplier in options.Multipliers)
            {
                downs.Add(new ResnetBlock(channels, options.Channels * multiplier));
                ups.Insert(0, new ResnetBlock(options.Channels * multiplier * 2, channels));
                channels = options.Channels * multiplier;
            }
            RegisterComponents();
        }

        public override Tensor forward(Tensor sample, Tensor timestep)
        {
            var temb = time.call(timestep);
            var skips = new Stack<Tensor>();
            foreach (var down in downs)
            {
                sample = down.call(sample, temb);
                skips.Push(sample);
                sample = functional.avg_pool2d(sample, 2, ceil_mode: true);
            }
            foreach (var up in ups)
            {
                var skip = skips.Pop();
                sample = functional.interpolate(sample, skip.shape[2..]);
                sample = up.call(cat([sample, skip], 1), temb);
            }
            if (!options.Guided)
                return sample;
            var halves = sample.chunk(2);
            return halves[0] + 7.5f * (halves[1] - halves[0]);
        }
    }

    private sealed class DdimScheduler : Module<Tensor, Tensor>
    {
        private readonly float[] alphas;
        private readonly Conv2d denoise = Conv2d(4, 4, 3, padding: 1);

        public DdimScheduler() : base(nameof(DdimScheduler))
        {
            alphas = linspace(0.999, 0.9, 10).cumprod(0).data<float>().ToArray();
            RegisterComponents();
        }

        public override Tensor forward(Tensor latents)
        {
            using var grad = no_grad();
            var history = new Queue<Tensor>();
            for (var t = alphas.Length - 1; t > 0; t -= 3)
            {
                var noise = denoise.call(latents);
                history.Enqueue(noise);
                if (history.Count > 2)
                    history.Dequeue();
                var mean = history.Count == 1 ? noise : history.Aggregate((a, b) => a + b) / history.Count;
                var start = (latents - MathF.Sqrt(1 - alphas[t]) * mean) / MathF.Sqrt(alphas[t]);
                var previous = Math.Max(t - 3, 0);
                latents = MathF.Sqrt(alphas[previous]) * start + MathF.Sqrt(1 - alphas[previous]) * mean;
            }
            return latents.clamp(-1, 1);
        }
    }
}
