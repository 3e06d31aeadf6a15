using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Diffusion: the autoencoder, the network, samplers, and all of it behind a text encoder.</summary>
internal static class SamplerModules
{
    private static readonly (long Batch, long Size)[] Latents = [(1, 4), (2, 6), (1, 8)];

    internal static readonly CorpusRow[] Rows =
    [
        Row("VaeEncoder", "means and variances by chunk, clamped", () => new VaeEncoder(), [1, 3, 8, 8], [2, 3, 4, 8], [1, 3, 12, 4]),
        Row("VaeDecoder", "scaled back, upsampled by nearest neighbours", () => new VaeDecoder(), [1, 4, 4, 4], [2, 4, 2, 4], [1, 4, 3, 2]),
        new("TimeUnet", "time and text conditions, a skip", () => new TimeUnet(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, 4, s.Size, s.Size), tensor(3f), randn(s.Batch, 5, 8) })]),
        new("EulerSampler", "a loop over a schedule of numbers, guidance by two halves of the batch", () => new EulerSampler(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, 4, s.Size, s.Size), randn(2 * s.Batch, 5, 8) })]),
        new("TextToImage", "text encoder, sampler and decoder in one forward", () => new TextToImage(), () => [.. Latents.Select(s => new object?[] { randint(20, [2 * s.Batch, 5]), randn(s.Batch, 4, s.Size, s.Size) })]),
        new("DitBlock", "six shifts and scales from one layer", () => new DitBlock(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, s.Size, 8), randn(s.Batch, 8) })]),
        Row("Patchify", "patches to tokens and back by einsum-like permutes", () => new Patchify(), [1, 4, 4, 4], [2, 4, 2, 4], [1, 4, 6, 2]),
        new("AddNoise", "coefficients looked up by time, brought to the rank of the samples", () => new AddNoise(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, 4, s.Size, s.Size), randint(10, [s.Batch]) })]) { ByExample = true },
        new("ControlNet", "zero convolutions whose results are added to a list of skips", () => new ControlNet(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, 4, s.Size, s.Size), randn(s.Batch, 4, s.Size, s.Size) })]),
        new("IpAdapter", "text and image tokens attended to apart, with a scale", () => new IpAdapter(), () => [.. Latents.Select(s => new object?[] { randn(s.Batch, s.Size, 8), randn(s.Batch, 7, 8) })]),
    ];

    private sealed class VaeEncoder : Block
    {
        private readonly Conv2d conv_in = Conv2d(3, 4, 3, padding: 1), down = Conv2d(4, 4, 3, stride: 2), quant_conv = Conv2d(4, 8, 1);
        private readonly GroupNorm norm = GroupNorm(2, 4);

        public override Tensor forward(Tensor x)
        {
            x = down.call(functional.pad(functional.silu(norm.call(conv_in.call(x))), [0, 1, 0, 1]));
            var parts = quant_conv.call(x).chunk(2, 1);
            return cat([parts[0] * 0.18215, (parts[1].clamp(-30, 20) * 0.5).exp()], 1);
        }
    }

    private sealed class VaeDecoder : Block
    {
        private readonly Conv2d post_quant_conv = Conv2d(4, 4, 1), conv = Conv2d(4, 4, 3, padding: 1), conv_out = Conv2d(4, 3, 3, padding: 1);

        public override Tensor forward(Tensor z)
        {
            var x = functional.interpolate(post_quant_conv.call(z / 0.18215), scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest);
            return (conv_out.call(functional.silu(conv.call(x))) / 2 + 0.5).clamp(0, 1);
        }
    }

    private sealed class TimeUnet : Module<Tensor, Tensor, Tensor, Tensor>
    {
        private readonly Conv2d conv_in = Conv2d(4, 8, 3, padding: 1), down = Conv2d(8, 8, 3, stride: 2, padding: 1), conv_out = Conv2d(16, 4, 3, padding: 1);
        private readonly Linear time = Linear(8, 8), q = Linear(8, 8), kv = Linear(8, 16);

        public TimeUnet() : base("TimeUnet") => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor t, Tensor text)
        {
            var angles = t * exp(arange(4, dtype: float32) * (-Math.Log(10000) / 4));
            var embedded = time.call(cat([angles.sin(), angles.cos()]));
            var first = conv_in.call(x) + embedded.view(1, -1, 1, 1);
            var low = down.call(functional.silu(first));
            var (b, c, h, w) = (low.shape[0], low.shape[1], low.shape[2], low.shape[3]);
            var tokens = low.flatten(2).transpose(1, 2);
            var parts = kv.call(text).chunk(2, -1);
            tokens = tokens + functional.scaled_dot_product_attention(q.call(tokens), parts[0], parts[1]);
            low = functional.interpolate(tokens.transpose(1, 2).reshape(b, c, h, w), [x.shape[2], x.shape[3]], mode: InterpolationMode.Nearest);
            return conv_out.call(cat([first, low], 1));
        }
    }

    private sealed class EulerSampler : Block<Tensor, Tensor, Tensor>
    {
        private readonly TimeUnet unet = new();
        private readonly float[] sigmas = [3f, 1.5f, 0.5f, 0f];

        public override Tensor forward(Tensor latents, Tensor text)
        {
            latents = latents * sigmas[0];
            for (var i = 0; i < sigmas.Length - 1; i++)
            {
                var scaled = latents / Math.Sqrt(sigmas[i] * sigmas[i] + 1);
                var noise = unet.call(cat([scaled, scaled]), tensor(sigmas[i]), text).chunk(2);
                var guided = noise[0] + 7.5 * (noise[1] - noise[0]);
                latents = latents + guided * (sigmas[i + 1] - sigmas[i]);
            }
            return latents;
        }
    }

    private sealed class TextToImage : Block<Tensor, Tensor, Tensor>
    {
        private readonly Embedding tokens = Embedding(20, 8);
        private readonly TextModules.Layer text_encoder = new(true);
        private readonly EulerSampler sampler = new();
        private readonly VaeDecoder vae = new();

        public override Tensor forward(Tensor ids, Tensor latents) => vae.call(sampler.call(latents, text_encoder.call(tokens.call(ids))));
    }

    private sealed class DitBlock : Block<Tensor, Tensor, Tensor>
    {
        private readonly LayerNorm norm1 = LayerNorm(8, elementwise_affine: false), norm2 = LayerNorm(8, elementwise_affine: false);
        private readonly Sequential mlp = Sequential(Linear(8, 16), GELU(), Linear(16, 8)), ada = Sequential(SiLU(), Linear(8, 48));
        private readonly Linear attn = Linear(8, 8);

        public override Tensor forward(Tensor x, Tensor c)
        {
            var m = ada.call(c).chunk(6, 1);
            var y = Modulated(norm1.call(x), m[0], m[1]);
            x = x + m[2].unsqueeze(1) * attn.call(functional.scaled_dot_product_attention(y, y, y));
            return x + m[5].unsqueeze(1) * mlp.call(Modulated(norm2.call(x), m[3], m[4]));
        }

        private static Tensor Modulated(Tensor x, Tensor shift, Tensor scale) => x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1);
    }

    private sealed class Patchify : Block
    {
        private readonly Linear layer = Linear(16, 16);

        public override Tensor forward(Tensor x)
        {
            var (b, c, h, w) = (x.shape[0], x.shape[1], x.shape[2] / 2, x.shape[3] / 2);
            var tokens = layer.call(x.reshape(b, c, h, 2, w, 2).permute(0, 2, 4, 3, 5, 1).reshape(b, h * w, 4 * c));
            return tokens.reshape(b, h, w, 2, 2, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h * 2, w * 2);
        }
    }

    private sealed class AddNoise : Block<Tensor, Tensor, Tensor>
    {
        private readonly Tensor alphas = linspace(0.99, 0.1, 10, dtype: float32);

        public override Tensor forward(Tensor x, Tensor steps)
        {
            var (keep, noise) = (alphas[steps].sqrt(), (1 - alphas[steps]).sqrt());
            while (keep.dim() < 4)
                (keep, noise) = (keep.unsqueeze(-1), noise.unsqueeze(-1));
            return keep * x + noise * x.roll(1, 0);
        }
    }

    private sealed class ControlNet : Block<Tensor, Tensor, Tensor>
    {
        private readonly ModuleList<Conv2d> blocks = ModuleList(Conv2d(4, 4, 3, padding: 1), Conv2d(4, 4, 3, padding: 1)), zero = ModuleList(Conv2d(4, 4, 1), Conv2d(4, 4, 1));

        public override Tensor forward(Tensor x, Tensor condition)
        {
            var skips = new List<Tensor> { x };
            var y = x + condition;
            foreach (var (block, extra) in blocks.Zip(zero))
            {
                y = block.call(y).relu();
                skips.Add(skips[^1] + extra.call(y));
            }
            return skips.Skip(1).Aggregate((a, b) => a + b);
        }
    }

    private sealed class IpAdapter : Block<Tensor, Tensor, Tensor>
    {
        private readonly Linear k = Linear(8, 8), v = Linear(8, 8), k_ip = Linear(8, 8), v_ip = Linear(8, 8);

        public override Tensor forward(Tensor x, Tensor context)
        {
            var end = context.shape[1] - 4;
            var (text, image) = (context[.., ..(int)end], context[.., (int)end..]);
            return functional.scaled_dot_product_attention(x, k.call(text), v.call(text)) + 0.6 * functional.scaled_dot_product_attention(x, k_ip.call(image), v_ip.call(image));
        }
    }
}
