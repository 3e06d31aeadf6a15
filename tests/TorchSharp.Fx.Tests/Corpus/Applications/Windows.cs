using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Series and windows: Autoformer, AutoFormer's windows, state space models.</summary>
internal static class WindowModules
{
    internal static readonly CorpusRow[] Rows =
    [
        Row("SeriesDecomposition", "ends repeated, a moving mean taken off", () => new SeriesDecomposition(), [1, 9, 4], [2, 12, 4], [1, 7, 4]),
        Row("AutoCorrelation", "delays by a Fourier transform, values rolled by gather", () => new AutoCorrelation(), [1, 8, 4], [2, 12, 4], [1, 10, 4]),
        Row("WindowBlock", "maps cut into windows and joined again", () => new WindowBlock(), [1, 4, 4, 8], [2, 8, 4, 8], [1, 4, 8, 8]),
        Row("RelativeSuper", "a table of two dimensions cut by the distances of places", () => new RelativeSuper(), [1, 10, 8], [2, 10, 8], [3, 10, 8]),
        Row("SuperLinear", "a part of a weight, as large as a sampled width says", () => new SuperLinear(), [1, 6], [2, 3, 6], [5, 6]),
        Row("Neighbourhood", "each place with its neighbours by unfold", () => new Neighbourhood(), [1, 4, 4, 4], [2, 4, 3, 5], [1, 4, 6, 2]),
        Row("ReversibleNorm", "statistics taken off before a layer and put back after it", () => new ReversibleNorm(), [1, 8, 3], [2, 8, 3], [3, 8, 3]) with { State = ["mean", "deviation"] },
        Row("PatchSeries", "a series unfolded into overlapping patches", () => new PatchSeries(), [1, 3, 12], [2, 3, 16], [1, 3, 20]),
        Row("SelectiveScan", "a recurrence over the steps, sizes by example", () => new SelectiveScan(), [1, 5, 4], [2, 5, 4], [3, 5, 4]) with { ByExample = true, Breaks = () => [randn(1, 6, 4)] },
        Row("FourierMixer", "real parts of a transform over both sides", () => new FourierMixer(), [1, 5, 4], [2, 6, 4], [1, 8, 4]),
    ];

    private static Tensor MovingMean(Tensor x)
    {
        var (front, end) = (x[.., ..1, ..].repeat(1, 2, 1), x[.., ^1.., ..].repeat(1, 2, 1));
        return functional.avg_pool1d(cat([front, x, end], 1).permute(0, 2, 1), 5, stride: 1).permute(0, 2, 1);
    }

    private sealed class SeriesDecomposition : Block<Tensor, (Tensor, Tensor)>
    {
        public override (Tensor, Tensor) forward(Tensor x)
        {
            var mean = MovingMean(x);
            return (x - mean, mean);
        }
    }

    private sealed class AutoCorrelation : Block
    {
        public override Tensor forward(Tensor x)
        {
            var length = x.shape[1];
            var spectrum = fft.rfft(x, dim: 1);
            var correlation = fft.irfft(spectrum * spectrum.conj(), length, 1).mean([-1]);
            var (weights, delay) = correlation.topk(2, -1);
            weights = weights.softmax(-1);
            var places = arange(length).view(1, -1, 1).expand(x.shape[0], -1, x.shape[2]);
            var twice = x.repeat(1, 2, 1);
            var sum = zeros_like(x);
            for (var i = 0; i < 2; i++)
                sum = sum + twice.gather(1, places + delay[.., i].view(-1, 1, 1)) * weights[.., i].view(-1, 1, 1);
            return sum;
        }
    }

    private sealed class WindowBlock : Block
    {
        private readonly Linear qkv = Linear(8, 24);

        public override Tensor forward(Tensor x)
        {
            var (b, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var windows = x.view(b, h / 2, 2, w / 2, 2, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, 4, c);
            var parts = qkv.call(windows).chunk(3, -1);
            windows = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
            return windows.view(b, h / 2, w / 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c);
        }
    }

    private sealed class RelativeSuper : Block
    {
        private readonly Parameter table_v = Parameter(randn(8, 8)), table_h = Parameter(randn(8, 8));

        public override Tensor forward(Tensor x)
        {
            var n = x.shape[1] - 1;
            var range = arange(n);
            var side = (int)Math.Sqrt(9);
            var vertical = (range.unsqueeze(0) / side).floor() - (range.unsqueeze(1) / side).floor();
            var horizontal = range.unsqueeze(0) % side - range.unsqueeze(1) % side;
            var (v, h) = (functional.pad(vertical.clamp(-3, 3) + 4, [1, 0, 1, 0]).to(int64), functional.pad(horizontal.clamp(-3, 3) + 4, [1, 0, 1, 0]).to(int64));
            var relative = table_v[v] + table_h[h];
            return x + einsum("bqc,qkc->bqk", x, relative).softmax(-1).matmul(x);
        }
    }

    private sealed class SuperLinear : Block
    {
        private readonly Parameter weight = Parameter(randn(12, 12)), bias = Parameter(randn(12));
        private int sampled_in, sampled_out;

        public SuperLinear() => (sampled_in, sampled_out) = (6, 8);

        public override Tensor forward(Tensor x) => functional.linear(x, weight[..sampled_out, ..sampled_in], bias[..sampled_out]);
    }

    private sealed class Neighbourhood : Block
    {
        private readonly Unfold unfold = Unfold(3, padding: 1);

        public override Tensor forward(Tensor x)
        {
            var (b, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var around = unfold.call(x).view(b, c, 9, h * w);
            var weights = (x.view(b, c, 1, h * w) * around).sum(1, keepdim: true).softmax(2);
            return (weights * around).sum(2).view(b, c, h, w);
        }
    }

    private sealed class ReversibleNorm : Block
    {
        private readonly Linear layer = Linear(8, 4);
        private Tensor? mean, deviation;

        public override Tensor forward(Tensor x)
        {
            mean = x.mean([1], keepdim: true);
            deviation = (x.var(1, unbiased: false, keepdim: true) + 1e-5).sqrt();
            var y = layer.call(((x - mean) / deviation).transpose(1, 2)).transpose(1, 2);
            return y * deviation + mean;
        }
    }

    private sealed class PatchSeries : Block
    {
        private readonly Linear embed = Linear(8, 6);

        public override Tensor forward(Tensor x) => embed.call(functional.pad(x, [0, 4], mode: PaddingModes.Replicate).unfold(-1, 8, 4)).flatten(0, 1);
    }

    private sealed class SelectiveScan : Block
    {
        private readonly Parameter decay = Parameter(rand(4));
        private readonly Linear step = Linear(4, 4), inside = Linear(4, 4);

        public override Tensor forward(Tensor x)
        {
            var delta = functional.softplus(step.call(x));
            var (state, all) = (zeros_like(x[.., 0]), new List<Tensor>());
            for (var t = 0; t < x.shape[1]; t++)
            {
                state = (-delta[.., t] * decay).exp() * state + delta[.., t] * inside.call(x[.., t]);
                all.Add(state);
            }
            return stack(all, 1);
        }
    }

    private sealed class FourierMixer : Block
    {
        public override Tensor forward(Tensor x) => fft.fft2(x, dim: [-2, -1]).real;
    }
}
