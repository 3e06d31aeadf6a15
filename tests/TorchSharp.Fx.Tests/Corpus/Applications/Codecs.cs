using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Neural codecs: streaming convolutions, residual quantisers and other ways to codes.</summary>
internal static class CodecModules
{
    internal static readonly CorpusRow[] Rows =
    [
        Row("SConv", "padding that the length and the stride decide, by arithmetic on sizes", () => new SConv(2, 4, 5, 3), [1, 2, 12], [2, 2, 13], [1, 2, 20]),
        Row("STransposed", "what a transposed convolution has too much cut off on the right", () => new STransposed(), [1, 4, 5], [2, 4, 3], [1, 4, 8]),
        Row("SeanetBlock", "a shortcut beside convolutions with ELU", () => new SeanetBlock(), [1, 4, 12], [2, 4, 9], [1, 4, 16]),
        new("ResidualVq", "a codebook each for what the ones before left, all codes stacked", () => new ResidualVq(), () => [[randn(1, 6, 4)], [randn(2, 9, 4)], [randn(1, 3, 4)]]),
        Row("FiniteScalar", "numbers squeezed to levels and rounded, the gradient straight through", () => new FiniteScalar(), [1, 6, 3], [2, 9, 3], [4, 3]),
        Row("LookupFree", "signs as bits of a code", () => new LookupFree(), [1, 6, 4], [2, 9, 4], [5, 4]),
        Row("Snake", "a periodic activation with a frequency for each channel", () => new Snake(), [1, 4, 6], [2, 4, 9], [3, 4, 5]),
        Row("GroupedVq", "channels by groups, a codebook for each", () => new GroupedVq(), [1, 6, 8], [2, 9, 8], [1, 3, 8]),
        Row("CodecModel", "encoder, quantiser and decoder in one", () => new CodecModel(), [1, 2, 12], [2, 2, 18], [1, 2, 24]),
        Row("LstmSkip", "an LSTM over time with a way around it", () => new LstmSkip(), [1, 4, 6], [2, 4, 9], [3, 4, 5]),
    ];

    private sealed class SConv(long from, long to, long kernel, long stride) : Block
    {
        private readonly Conv1d conv = Conv1d(from, to, kernel, stride: stride);

        public override Tensor forward(Tensor x)
        {
            var length = x.shape[^1];
            var padding = kernel - stride;
            var frames = (length - kernel + padding + stride - 1) / stride + 1;
            var ideal = (frames - 1) * stride + (kernel - padding);
            return conv.call(functional.pad(x, [padding, ideal - length]));
        }
    }

    private sealed class STransposed : Block
    {
        private readonly ConvTranspose1d conv = ConvTranspose1d(4, 2, 4, stride: 2);

        public override Tensor forward(Tensor x)
        {
            var y = conv.call(x);
            const int surplus = 2;
            var right = (int)Math.Ceiling(surplus * 0.5);
            return y[.., .., (surplus - right)..^right];
        }
    }

    private sealed class SeanetBlock : Block
    {
        private readonly Sequential block = Sequential(ELU(), Conv1d(4, 2, 3, padding: 1), ELU(), Conv1d(2, 4, 1));
        private readonly Module<Tensor, Tensor> shortcut = Conv1d(4, 4, 1);

        public override Tensor forward(Tensor x) => shortcut.call(x) + block.call(x);
    }

    private sealed class Codebook(long size, long width) : Block<Tensor, (Tensor Quantised, Tensor Codes)>
    {
        private readonly Parameter embed = Parameter(randn(size, width), requires_grad: false);

        public override (Tensor Quantised, Tensor Codes) forward(Tensor x)
        {
            var flat = x.reshape(-1, x.shape[^1]);
            var distances = -(flat.pow(2).sum(1, keepdim: true) - 2 * flat.matmul(embed.t()) + embed.t().pow(2).sum(0, keepdim: true));
            var codes = distances.max(-1).indexes.view([.. x.shape[..^1]]);
            return (embed[codes], codes);
        }
    }

    private sealed class ResidualVq : Block<Tensor, (Tensor, Tensor, Tensor)>
    {
        private readonly ModuleList<Codebook> layers = ModuleList(new Codebook(8, 4), new Codebook(8, 4), new Codebook(8, 4));

        public override (Tensor, Tensor, Tensor) forward(Tensor x)
        {
            var (sum, rest) = (zeros_like(x), x);
            var (codes, losses) = (new List<Tensor>(), new List<Tensor>());
            foreach (var layer in layers)
            {
                var (quantised, indices) = layer.call(rest);
                rest = rest - quantised.detach();
                sum = sum + quantised;
                codes.Add(indices);
                losses.Add(functional.mse_loss(quantised.detach(), rest));
            }
            return (x + (sum - x).detach(), stack(codes), stack(losses).mean());
        }
    }

    private sealed class FiniteScalar : Block<Tensor, (Tensor, Tensor)>
    {
        private readonly int[] levels = [8, 5, 5];

        public override (Tensor, Tensor) forward(Tensor x)
        {
            var count = tensor(levels, dtype: float32);
            var half = (count - 1) * (1 - 1e-3f) / 2;
            var offset = where(count % 2 == 0, tensor(0.5f), tensor(0f));
            var bounded = (x + (offset / half).tan()).tanh() * half - offset;
            var rounded = bounded + (bounded.round() - bounded).detach();
            var basis = tensor(levels.Select((_, i) => levels[..i].Aggregate(1, (a, b) => a * b)).ToArray());
            return (rounded / (count / 2).floor(), ((rounded + (count / 2).floor()) * basis).sum(-1).to(int64));
        }
    }

    private sealed class LookupFree : Block<Tensor, (Tensor, Tensor)>
    {
        public override (Tensor, Tensor) forward(Tensor x)
        {
            var bits = x > 0;
            var codes = (bits.to(int64) * pow(2, arange(x.shape[^1])).to(int64)).sum(-1);
            return (where(bits, ones_like(x), -ones_like(x)), codes);
        }
    }

    private sealed class Snake : Block
    {
        private readonly Parameter alpha = Parameter(rand(1, 4, 1) + 0.5);

        public override Tensor forward(Tensor x) => x + (alpha + 1e-9).reciprocal() * (alpha * x).sin().pow(2);
    }

    private sealed class GroupedVq : Block
    {
        private readonly ModuleList<Codebook> groups = ModuleList(new Codebook(6, 4), new Codebook(6, 4));

        public override Tensor forward(Tensor x) => cat([.. groups.Zip(x.chunk(2, -1), (group, part) => group.call(part).Item1)], -1);
    }

    private sealed class CodecModel : Block<Tensor, (Tensor Audio, Tensor Codes)>
    {
        private readonly SConv encoder = new(2, 4, 5, 3);
        private readonly ResidualVq quantizer = new();
        private readonly ConvTranspose1d decoder = ConvTranspose1d(4, 2, 3, stride: 3);

        public override (Tensor Audio, Tensor Codes) forward(Tensor x)
        {
            var (quantised, codes, _) = quantizer.call(encoder.call(x).transpose(1, 2));
            return (decoder.call(quantised.transpose(1, 2))[.., .., ..(int)x.shape[2]], codes);
        }
    }

    private sealed class LstmSkip : Block
    {
        private readonly LSTM lstm = LSTM(4, 4, numLayers: 2);

        public override Tensor forward(Tensor x)
        {
            x = x.permute(2, 0, 1);
            var (y, _, _) = lstm.call(x);
            return (y + x).permute(1, 2, 0);
        }
    }
}
