using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Losses, as modules of predictions and targets.</summary>
internal static class Losses
{
    internal static readonly CorpusRow[] Rows =
    [
        new("FocalLoss", "a weight that may be null, the reduction as an enum", () => new FocalLoss(0.25, 2, Reduce.Mean), () => [[randn(4, 3), rand(4, 3)], [randn(2, 5), rand(2, 5)]]),
        new("DiceLoss", "shapes compared in a guard that throws with a text", () => new DiceLoss(), () => [[randn(2, 1, 4, 4), rand(2, 1, 4, 4)], [randn(1, 1, 3, 5), rand(1, 1, 3, 5)]])
            { Breaks = () => [randn(2, 1, 4, 4), rand(2, 1, 4, 5)] },
        new("GIoULoss", "boxes unbound to coordinates, masks for negative sizes", () => new GIoULoss(), () => [[rand(4, 4), rand(4, 4)], [rand(7, 4), rand(7, 4)]]),
        new("SsimLoss", "a Gaussian window kept by the number of channels", () => new SsimLoss(), () => [[rand(1, 2, 8, 8), rand(1, 2, 8, 8)], [rand(3, 2, 7, 9), rand(3, 2, 7, 9)]])
            { Drops = ["SsimLoss.window", "SsimLoss.channels"] },
        new("PerceptualLoss", "slices of a frozen network, weights by name in a dictionary", () => new PerceptualLoss(), () => [[rand(1, 3, 8, 8), rand(1, 3, 8, 8)], [rand(2, 3, 6, 10), rand(2, 3, 6, 10)]]),
        new("ContrastiveLoss", "a mask of the batch's own size, log-softmax, a diagonal", () => new ContrastiveLoss(), () => [[randn(3, 4), randn(3, 4)], [randn(5, 4), randn(5, 4)]]),
        new("TotalVariation", "differences of neighbours by ranges, charbonnier by a lambda", () => new TotalVariation(), () => [[rand(1, 2, 4, 4)], [rand(2, 2, 3, 6)]]),
        new("OnlineHardMining", "the hardest pixels by topk of a share of the count", () => new OnlineHardMining(), () => [[rand(2, 8), rand(2, 8)], [rand(3, 12), rand(3, 12)]]),
    ];

    private enum Reduce { None, Mean, Sum }

    private sealed class FocalLoss(double alpha, double gamma, Reduce reduction, Tensor? weight = null) : Module<Tensor, Tensor, Tensor>(nameof(FocalLoss))
    {
        public override Tensor forward(Tensor logits, Tensor targets)
        {
            var p = logits.sigmoid();
            var ce = functional.binary_cross_entropy_with_logits(logits, targets, weight, Reduction.None);
            var pt = p * targets + (1 - p) * (1 - targets);
            var loss = ce * (1 - pt).pow(gamma);
            if (alpha >= 0)
                loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss;
            return reduction switch { Reduce.Mean => loss.mean(), Reduce.Sum => loss.sum(), _ => loss };
        }
    }

    private sealed class DiceLoss() : Module<Tensor, Tensor, Tensor>(nameof(DiceLoss))
    {
        public override Tensor forward(Tensor input, Tensor target)
        {
            if (input.shape[^2] != target.shape[^2] || input.shape[^1] != target.shape[^1])
                throw new ArgumentException($"sizes differ: {string.Join("x", input.shape)} and {string.Join("x", target.shape)}");
            var (p, t) = (input.sigmoid().flatten(1), target.flatten(1));
            var overlap = (p * t).sum(1);
            return (1 - (2 * overlap + 1) / (p.sum(1) + t.sum(1) + 1)).mean();
        }
    }

    private sealed class GIoULoss() : Module<Tensor, Tensor, Tensor>(nameof(GIoULoss))
    {
        private readonly record struct Box(Tensor X1, Tensor Y1, Tensor X2, Tensor Y2)
        {
            public Tensor Area => (X2 - X1) * (Y2 - Y1);

            public static Box Of(Tensor boxes)
            {
                var parts = boxes.unbind(-1);
                return new(parts[0], parts[1], parts[0] + parts[2], parts[1] + parts[3]);
            }

            public static Box operator &(Box a, Box b) => new(maximum(a.X1, b.X1), maximum(a.Y1, b.Y1), minimum(a.X2, b.X2), minimum(a.Y2, b.Y2));

            public static Box operator |(Box a, Box b) => new(minimum(a.X1, b.X1), minimum(a.Y1, b.Y1), maximum(a.X2, b.X2), maximum(a.Y2, b.Y2));
        }

        public override Tensor forward(Tensor predicted, Tensor target)
        {
            var (a, b) = (Box.Of(predicted), Box.Of(target));
            var shared = a & b;
            var valid = (shared.X2 > shared.X1) & (shared.Y2 > shared.Y1);
            var overlap = where(valid, shared.Area, zeros_like(shared.Area));
            var union = a.Area + b.Area - overlap;
            var hull = (a | b).Area;
            return (1 - (overlap / (union + 1e-7) - (hull - union) / (hull + 1e-7))).mean();
        }
    }

    private sealed class SsimLoss() : Module<Tensor, Tensor, Tensor>(nameof(SsimLoss))
    {
        private const int Size = 5;
        private Tensor? window;
        private long channels = 1;

        public override Tensor forward(Tensor a, Tensor b)
        {
            var c = a.size(1);
            if (window is null || c != channels)
            {
                window = Gaussian(c);
                channels = c;
            }
            else
            {
                window = window.to(a.device);
            }
            Tensor Blur(Tensor x) => functional.conv2d(x, window!, padding: [Size / 2, Size / 2], groups: channels);
            var (ma, mb) = (Blur(a), Blur(b));
            var (va, vb, vab) = (Blur(a * a) - ma * ma, Blur(b * b) - mb * mb, Blur(a * b) - ma * mb);
            const double C1 = 0.01 * 0.01, C2 = 0.03 * 0.03;
            var ssim = (2 * ma * mb + C1) * (2 * vab + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
            return 1 - ssim.mean();
        }

        private static Tensor Gaussian(long channels)
        {
            var line = tensor(Enumerable.Range(0, Size).Select(i => MathF.Exp(-(i - Size / 2) * (i - Size / 2) / (2 * 1.5f * 1.5f))).ToArray());
            line = (line / line.sum()).unsqueeze(1);
            return line.mm(line.t()).unsqueeze(0).unsqueeze(0).expand(channels, 1, Size, Size).contiguous();
        }
    }

    private sealed class PerceptualLoss : Module<Tensor, Tensor, Tensor>
    {
        private readonly Sequential features = Sequential(("conv1", Conv2d(3, 4, 3, padding: 1)), ("relu1", ReLU()), ("pool", MaxPool2d(2)), ("conv2", Conv2d(4, 4, 3, padding: 1)), ("relu2", ReLU()));
        private readonly Dictionary<string, double> weights = new() { ["relu1"] = 0.5, ["relu2"] = 1.0 };

        public PerceptualLoss() : base(nameof(PerceptualLoss)) => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor y)
        {
            Tensor? loss = null;
            foreach (var (name, layer) in features.named_children())
            {
                (x, y) = (((Module<Tensor, Tensor>)layer).call(x), ((Module<Tensor, Tensor>)layer).call(y));
                if (weights.TryGetValue(name, out var weight))
                    loss = loss is null ? weight * functional.l1_loss(x, y.detach()) : loss + weight * functional.l1_loss(x, y.detach());
            }
            return loss ?? throw new InvalidOperationException("No layer has a weight.");
        }
    }

    private sealed class ContrastiveLoss() : Module<Tensor, Tensor, Tensor>(nameof(ContrastiveLoss))
    {
        public override Tensor forward(Tensor a, Tensor b)
        {
            var n = a.shape[0];
            var both = functional.normalize(cat([a, b], 0), dim: 1);
            var similarity = both.mm(both.t()) / 0.5;
            similarity = similarity.masked_fill(eye(2 * n, dtype: ScalarType.Bool, device: a.device), float.NegativeInfinity);
            var targets = cat([arange(n, 2 * n), arange(n)], 0);
            return functional.cross_entropy(similarity, targets);
        }
    }

    private sealed class TotalVariation() : Module<Tensor, Tensor>(nameof(TotalVariation))
    {
        public override Tensor forward(Tensor x)
        {
            Func<Tensor, Tensor> charbonnier = d => (d * d + 1e-6).sqrt().mean();
            return charbonnier(x[.., .., 1.., ..] - x[.., .., ..^1, ..]) + charbonnier(x[TensorIndex.Ellipsis, 1..] - x[TensorIndex.Ellipsis, ..^1]);
        }
    }

    private sealed class OnlineHardMining() : Module<Tensor, Tensor, Tensor>(nameof(OnlineHardMining))
    {
        public override Tensor forward(Tensor prediction, Tensor target)
        {
            var loss = (prediction - target).pow(2).flatten();
            var (hardest, _) = loss.topk((int)(loss.numel() / 4), dim: 0, largest: true, sorted: true);
            return hardest.mean();
        }
    }
}
