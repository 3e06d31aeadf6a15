using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Generators, discriminators, autoencoders and what keeps them stable.</summary>
internal static class Generative
{
    internal static readonly CorpusRow[] Rows =
    [
        new("ConditionalGenerator", "noise drawn inside, labels embedded and joined", () => new ConditionalGenerator(), () => [[tensor(new long[] { 1, 3 })], [tensor(new long[] { 0, 2, 4 })]]),
        new("MinibatchStd", "groups that depend on the batch, a statistic repeated as a channel", () => new MinibatchStd(), () => [[randn(4, 2, 4, 4)], [randn(8, 2, 3, 3)]]),
        new("Vae", "reparametrisation in training mode, a result object with properties", () => new Vae(), () => [[randn(2, 1, 4, 4)], [randn(3, 1, 4, 4)]]) { Training = true },
        new("VectorQuantizer", "nearest codes by distances, a straight-through estimate", () => new VectorQuantizer(), () => [[randn(1, 4, 3, 3)], [randn(2, 4, 2, 5)]]),
        new("AdaIn", "statistics of one image put onto another, a static helper with optional arguments", () => new AdaIn(), () => [[randn(1, 3, 4, 4), randn(1, 3, 6, 6)], [randn(2, 3, 5, 4), randn(2, 3, 3, 3)]]),
        new("SpectralConv", "spectral norm by hand: power iteration that writes to a buffer", () => new SpectralConv(), () => [[randn(1, 3, 4, 4)], [randn(2, 3, 5, 5)]]) { Training = true },
        new("WeightNormLinear", "weight norm by hand, weights demodulated by a style", () => new WeightNormLinear(), () => [[randn(2, 4), randn(2, 4)], [randn(3, 4), randn(3, 4)]]),
        new("PixelShuffleNet", "sub-pixel upsampling in a loop, a mean subtracted and added", () => new PixelShuffleNet(2), () => [[rand(1, 3, 4, 4)], [rand(2, 3, 3, 5)]]),
        new("MomentumEncoder", "a target network followed under no_grad, a queue in a buffer", () => new MomentumEncoder(), () => [[randn(2, 4)], [randn(2, 4) * 3]]) { Training = true, State = ["pointer"] },
    ];

    private sealed class ConditionalGenerator : Module<Tensor, Tensor>
    {
        private readonly Embedding labels = Embedding(5, 4);
        private readonly Linear fc = Linear(12, 2 * 4 * 4);
        private readonly ConvTranspose2d up = ConvTranspose2d(2, 1, 4, stride: 2, padding: 1);

        public ConditionalGenerator() : base(nameof(ConditionalGenerator)) => RegisterComponents();

        public override Tensor forward(Tensor y)
        {
            var z = randn(y.shape[0], 8, device: y.device);
            var h = fc.call(hstack(z, labels.call(y))).view(-1, 2, 4, 4);
            return tanh(up.call(functional.leaky_relu(h, 0.2)));
        }
    }

    private sealed class MinibatchStd() : Module<Tensor, Tensor>(nameof(MinibatchStd))
    {
        public override Tensor forward(Tensor x)
        {
            var (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var group = Math.Min(4, n);
            var y = x.reshape(group, -1, c, h, w);
            y = (y - y.mean([0], keepdim: true)).pow(2).mean([0]);
            y = (y + 1e-8).sqrt().mean([1, 2, 3], keepdim: true);
            return cat([x, y.repeat(group, 1, h, w)], 1);
        }
    }

    private sealed class VaeResult(Tensor reconstruction, Tensor mean, Tensor logVariance)
    {
        public Tensor Reconstruction { get; } = reconstruction;
        public Tensor Mean { get; } = mean;
        public Tensor LogVariance { get; } = logVariance;
        public Tensor? Aux { get; set; }
    }

    private sealed class Vae : Module<Tensor, VaeResult>
    {
        private readonly Linear encoder = Linear(16, 8);
        private readonly Linear decoder = Linear(4, 16);

        public Vae() : base(nameof(Vae)) => RegisterComponents();

        public override VaeResult forward(Tensor x)
        {
            var halves = encoder.call(x.flatten(1)).chunk(2, 1);
            var (mean, logvar) = (halves[0], halves[1].clamp(-30, 20));
            var z = training ? mean + (0.5 * logvar).exp() * randn_like(mean) : mean;
            return new VaeResult(decoder.call(z).view_as(x).sigmoid(), mean, logvar) { Aux = null };
        }
    }

    private sealed class VectorQuantizer : Module<Tensor, (Tensor Quantized, Tensor Loss, (Tensor Perplexity, Tensor Codes))>
    {
        private readonly Embedding codebook = Embedding(6, 4);

        public VectorQuantizer() : base(nameof(VectorQuantizer)) => RegisterComponents();

        public override (Tensor Quantized, Tensor Loss, (Tensor Perplexity, Tensor Codes)) forward(Tensor latents)
        {
            var channelsLast = latents.permute(0, 2, 3, 1).contiguous();
            var flat = channelsLast.view(-1, 4);
            var table = codebook.weight!;
            var distances = flat.pow(2).sum(1, keepdim: true) + table.pow(2).sum(1) - 2 * flat.matmul(table.t());
            var codes = distances.argmin(1);
            var onehot = functional.one_hot(codes, 6).to_type(flat.dtype);
            var quantized = onehot.matmul(table).view(channelsLast.shape);
            var loss = functional.mse_loss(quantized.detach(), channelsLast) + 0.25 * functional.mse_loss(quantized, channelsLast.detach());
            quantized = channelsLast + (quantized - channelsLast).detach();
            var average = onehot.mean([0]);
            return (quantized.permute(0, 3, 1, 2), loss, (exp(-(average * (average + 1e-10).log()).sum()), codes));
        }
    }

    private static class Statistics
    {
        public static (Tensor mean, Tensor std) Of(Tensor x, double eps = 1e-5, bool keepdim = true)
        {
            var (n, c) = (x.size(0), x.size(1));
            var flat = x.view(n, c, -1);
            var std = (flat.var(2) + eps).sqrt();
            return keepdim ? (flat.mean([2]).view(n, c, 1, 1), std.view(n, c, 1, 1)) : (flat.mean([2]), std);
        }
    }

    private sealed class AdaIn() : Module<Tensor, Tensor, Tensor>(nameof(AdaIn))
    {
        public override Tensor forward(Tensor content, Tensor style)
        {
            if (content.size(1) != style.size(1))
                throw new ArgumentException($"content has {content.size(1)} channels, style {style.size(1)}");
            var (contentMean, contentStd) = Statistics.Of(content);
            var (styleMean, styleStd) = Statistics.Of(style, eps: 1e-6);
            return (content - contentMean.expand_as(content)) / contentStd * styleStd + styleMean;
        }
    }

    private sealed class SpectralConv : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(randn(4, 3, 3, 3));
        private readonly Tensor u = randn(4);

        public SpectralConv() : base(nameof(SpectralConv))
        {
            register_buffer("u", u);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var w = weight.view(weight.shape[0], -1);
            Tensor v;
            using (no_grad())
            {
                v = functional.normalize(mv(w.t(), u), dim: 0);
                if (training)
                    u.copy_(functional.normalize(mv(w, v), dim: 0));
            }
            var sigma = dot(u, mv(w, v));
            return functional.conv2d(x, weight / sigma, padding: [1, 1]);
        }
    }

    private sealed class WeightNormLinear : Module<Tensor, Tensor, Tensor>
    {
        private readonly Parameter v = Parameter(randn(3, 4));
        private readonly Parameter g = Parameter(ones(3, 1));

        public WeightNormLinear() : base(nameof(WeightNormLinear)) => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor style)
        {
            var weight = g * v / v.norm(1, keepdim: true);
            var modulated = weight.unsqueeze(0) * (style.unsqueeze(1) + 1);
            modulated = modulated * modulated.square().sum(2, keepdim: true).add(1e-8).rsqrt();
            return modulated.bmm(x.unsqueeze(-1)).squeeze(-1);
        }
    }

    private sealed class PixelShuffleNet : Module<Tensor, Tensor>
    {
        private static readonly float[] Mean = [0.45f, 0.44f, 0.40f];
        private readonly int steps;
        private readonly ModuleList<Conv2d> convs = new();
        private readonly Tensor mean;

        public PixelShuffleNet(int steps) : base(nameof(PixelShuffleNet))
        {
            this.steps = steps;
            for (var i = 0; i < steps; i++)
                convs.Add(Conv2d(3, 12, 3, padding: 1));
            mean = tensor(Mean).view(1, 3, 1, 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = (x - mean.to(x.device)) * 2;
            var i = 0;
            do
            {
                x = functional.pixel_shuffle(convs[i].call(x), 2);
            }
            while (++i < steps);
            return (x / 2 + mean.to(x.device)).clamp_(0, 1);
        }
    }

    private sealed class MomentumEncoder : Module<Tensor, Tensor>
    {
        private const double Momentum = 0.9;
        private readonly Linear online = Linear(4, 3);
        private readonly Linear target = Linear(4, 3);
        private readonly Tensor queue = zeros(4, 3);
        private int pointer;

        public MomentumEncoder() : base(nameof(MomentumEncoder))
        {
            register_buffer("queue", queue);
            RegisterComponents();
            foreach (var parameter in target.parameters())
                parameter.requires_grad = false;
        }

        public override Tensor forward(Tensor x)
        {
            var query = functional.normalize(online.call(x), dim: 1);
            Tensor key;
            using (no_grad())
            {
                foreach (var (o, t) in online.parameters().Zip(target.parameters()))
                    key = t * Momentum + o * (1 - Momentum);
                key = functional.normalize(target.call(x), dim: 1);
                queue[pointer..(pointer + 2)] = key;
                pointer = (pointer + 2) % 4;
            }
            return cat([(query * key).sum(1, keepdim: true), query.matmul(queue.t().clone())], 1) / 0.07;
        }
    }
}
