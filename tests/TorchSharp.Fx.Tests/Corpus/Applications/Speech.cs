using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Parts of Tacotron, wav2vec, HiFi-GAN and their like.</summary>
internal static class SpeechModules
{
    private static readonly long[] Lengths = [4, 6, 9];

    internal static readonly CorpusRow[] Rows =
    [
        Row("Prenet", "layers in a list with dropout", () => new Prenet(), [1, 3, 8], [2, 5, 8], [4, 8]),
        Row("TacotronEncoder", "convolutions, then an LSTM both ways", () => new TacotronEncoder(), [1, 8, 6], [2, 8, 4], [3, 8, 7]),
        new("LocationAttention", "weights so far convolved, energies by a tanh", () => new LocationAttention(), () => [.. Lengths.Select(t => new object?[] { randn(2, 8), randn(2, t, 8), rand(2, 2, t) })]),
        new("DecoderStep", "two cells, their states handed in and out as tuples", () => new DecoderStep(), () => [.. new long[] { 1, 2, 3 }.Select(b => new object?[] { randn(b, 8), (randn(b, 8), randn(b, 8)) })]),
        Row("Postnet", "convolutions with a tanh between, all but the last", () => new Postnet(), [1, 4, 6], [2, 4, 9], [3, 4, 5]),
        Row("WavFeatures", "a stack of strided convolutions, a group norm in the first", () => new WavFeatures(), [1, 64], [2, 80], [1, 100]),
        Row("ConvPositions", "grouped convolution, the surplus step cut off", () => new ConvPositions(), [1, 6, 8], [2, 9, 8], [1, 5, 8]),
        Row("GumbelCodes", "the nearest code by argmax, put back by one_hot", () => new GumbelCodes(), [1, 4, 8], [2, 6, 8], [1, 9, 8]),
        new("HubertMask", "frames replaced by a learnt vector where a mask says", () => new HubertMask(), () => [.. Lengths.Select(t => new object?[] { randn(2, t, 8), randint(2, [2, t]).to(ScalarType.Bool) })]),
        Row("HifiResBlock", "dilated convolutions by pairs from two lists", () => new HifiResBlock(), [1, 4, 12], [2, 4, 9], [1, 4, 16]),
        Row("HifiGenerator", "upsampled, then a mean over blocks of several kernels", () => new HifiGenerator(), [1, 4, 5], [2, 4, 3], [1, 4, 7]),
        Row("FastSpeechVariance", "a predictor of durations and pitch, rounded exponentials", () => new FastSpeechVariance(), [1, 4, 8], [2, 6, 8], [1, 9, 8]),
        Row("SpecNorm", "each frame less its mean, by its deviation", () => new SpecNorm(), [1, 4, 8], [2, 6, 8], [3, 9, 8]),
        Row("GatedTcn", "a tanh and a gate of one convolution, residual and skip", () => new GatedTcn(), [1, 4, 12], [2, 4, 9], [1, 4, 16]),
        Row("Glow", "half of the channels scaled and shifted by the other half", () => new Glow(), [1, 4, 12], [2, 4, 9], [1, 4, 16]),
    ];

    private sealed class Prenet : Block
    {
        private readonly ModuleList<Linear> layers = ModuleList(Linear(8, 6, hasBias: false), Linear(6, 4, hasBias: false));

        public override Tensor forward(Tensor x)
        {
            foreach (var linear in layers)
                x = functional.dropout(linear.call(x).relu(), 0.5, training);
            return x;
        }
    }

    private sealed class TacotronEncoder : Block
    {
        private readonly ModuleList<Sequential> convolutions = ModuleList(Sequential(Conv1d(8, 8, 5, padding: 2), BatchNorm1d(8)), Sequential(Conv1d(8, 8, 5, padding: 2), BatchNorm1d(8)));
        private readonly LSTM lstm = LSTM(8, 4, batchFirst: true, bidirectional: true);

        public override Tensor forward(Tensor x)
        {
            foreach (var conv in convolutions)
                x = functional.dropout(conv.call(x).relu(), 0.5, training);
            return lstm.call(x.transpose(1, 2)).Item1;
        }
    }

    private sealed class LocationAttention : Module<Tensor, Tensor, Tensor, (Tensor, Tensor)>
    {
        private readonly Linear query = Linear(8, 6, hasBias: false), memory = Linear(8, 6, hasBias: false), v = Linear(6, 1, hasBias: false), location = Linear(3, 6, hasBias: false);
        private readonly Conv1d conv = Conv1d(2, 3, 3, padding: 1, bias: false);

        public LocationAttention() : base("LocationAttention") => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor state, Tensor inputs, Tensor weights)
        {
            var processed = location.call(conv.call(weights).transpose(1, 2));
            var energies = v.call((query.call(state.unsqueeze(1)) + processed + memory.call(inputs)).tanh()).squeeze(-1);
            var now = energies.softmax(1);
            return (now.unsqueeze(1).bmm(inputs).squeeze(1), now);
        }
    }

    private sealed class DecoderStep : Block<Tensor, (Tensor H, Tensor C), (Tensor, (Tensor, Tensor))>
    {
        private readonly LSTMCell rnn = LSTMCell(8, 8);
        private readonly Linear projection = Linear(16, 4);

        public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor H, Tensor C) state)
        {
            var (h, c) = rnn.call(x, (state.H, state.C));
            return (projection.call(cat([h, x], 1)), (h, c));
        }
    }

    private sealed class Postnet : Block
    {
        private readonly ModuleList<Conv1d> convolutions = ModuleList(Conv1d(4, 8, 5, padding: 2), Conv1d(8, 8, 5, padding: 2), Conv1d(8, 4, 5, padding: 2));

        public override Tensor forward(Tensor x)
        {
            var y = x;
            for (var i = 0; i < convolutions.Count - 1; i++)
                y = convolutions[i].call(y).tanh();
            return x + convolutions[^1].call(y);
        }
    }

    private sealed class WavFeatures : Block
    {
        private readonly List<(Conv1d Conv, GroupNorm? Norm)> stack = [];

        public WavFeatures()
        {
            foreach (var (i, (from, to, kernel, stride)) in new (long, long, long, long)[] { (1, 4, 5, 3), (4, 4, 3, 2), (4, 8, 3, 2) }.Index())
            {
                stack.Add((Conv1d(from, to, kernel, stride: stride, bias: false), i == 0 ? GroupNorm(4, 4) : null));
                register_module($"conv{i}", stack[i].Conv);
                if (stack[i].Norm is { } norm)
                    register_module($"norm{i}", norm);
            }
        }

        public override Tensor forward(Tensor x)
        {
            x = x.unsqueeze(1);
            foreach (var (conv, norm) in stack)
                x = functional.gelu(norm?.call(conv.call(x)) ?? conv.call(x));
            return x.transpose(1, 2);
        }
    }

    private sealed class ConvPositions : Block
    {
        private readonly Conv1d conv = Conv1d(8, 8, 4, padding: 2, groups: 2);
        private readonly int surplus = 1;

        public override Tensor forward(Tensor x)
        {
            var y = conv.call(x.transpose(1, 2));
            if (surplus > 0)
                y = y[.., .., ..^surplus];
            return x + functional.gelu(y).transpose(1, 2);
        }
    }

    private sealed class GumbelCodes : Block
    {
        private readonly Linear weight_proj = Linear(8, 6);
        private readonly Parameter codebook = Parameter(randn(2, 3, 4));

        public override Tensor forward(Tensor x)
        {
            var (b, t) = (x.shape[0], x.shape[1]);
            var chosen = functional.one_hot(weight_proj.call(x).view(b * t * 2, 3).argmax(-1), 3).to(float32);
            return (chosen.view(b * t, 2, 3, 1) * codebook.unsqueeze(0)).sum(2).view(b, t, -1);
        }
    }

    private sealed class HubertMask : Block<Tensor, Tensor, Tensor>
    {
        private readonly Parameter mask_emb = Parameter(rand(8));

        public override Tensor forward(Tensor x, Tensor mask) => where(mask.unsqueeze(-1), mask_emb, x);
    }

    private sealed class HifiResBlock : Block
    {
        private readonly ModuleList<Conv1d> convs1 = ModuleList(new long[] { 1, 3 }.Select(d => Conv1d(4, 4, 3, dilation: d, padding: d)).ToArray());
        private readonly ModuleList<Conv1d> convs2 = ModuleList(new long[] { 1, 1 }.Select(d => Conv1d(4, 4, 3, dilation: d, padding: d)).ToArray());

        public override Tensor forward(Tensor x)
        {
            foreach (var (c1, c2) in convs1.Zip(convs2))
                x = c2.call(functional.leaky_relu(c1.call(functional.leaky_relu(x, 0.1)), 0.1)) + x;
            return x;
        }
    }

    private sealed class HifiGenerator : Block
    {
        private readonly Conv1d conv_pre = Conv1d(4, 4, 7, padding: 3), conv_post = Conv1d(4, 1, 7, padding: 3);
        private readonly ModuleList<ConvTranspose1d> ups = ModuleList(ConvTranspose1d(4, 4, 4, stride: 2, padding: 1), ConvTranspose1d(4, 4, 4, stride: 2, padding: 1));
        private readonly ModuleList<HifiResBlock> resblocks = ModuleList(new HifiResBlock(), new HifiResBlock(), new HifiResBlock(), new HifiResBlock());

        public override Tensor forward(Tensor x)
        {
            x = conv_pre.call(x);
            for (var i = 0; i < ups.Count; i++)
            {
                x = ups[i].call(functional.leaky_relu(x, 0.1));
                Tensor? sum = null;
                for (var j = 0; j < 2; j++)
                    sum = sum is null ? resblocks[i * 2 + j].call(x) : sum + resblocks[i * 2 + j].call(x);
                x = sum! / 2;
            }
            return conv_post.call(functional.leaky_relu(x)).tanh();
        }
    }

    private sealed class FastSpeechVariance : Block<Tensor, (Tensor Durations, Tensor Pitch)>
    {
        private readonly Conv1d conv = Conv1d(8, 8, 3, padding: 1);
        private readonly Linear duration = Linear(8, 1), pitch = Linear(8, 1);

        public override (Tensor Durations, Tensor Pitch) forward(Tensor x)
        {
            var y = conv.call(x.transpose(1, 2)).relu().transpose(1, 2);
            return ((duration.call(y).squeeze(-1).exp() - 1).round().clamp(min: 0).to(int64), pitch.call(y).squeeze(-1));
        }
    }

    private sealed class SpecNorm : Block
    {
        public override Tensor forward(Tensor x) => (x - x.mean([-1], keepdim: true)) / (x.std(-1, unbiased: false, keepdim: true) + 1e-5);
    }

    private sealed class GatedTcn : Block<Tensor, (Tensor, Tensor)>
    {
        private readonly Conv1d dilated = Conv1d(4, 8, 2, dilation: 2), skip = Conv1d(4, 4, 1), res = Conv1d(4, 4, 1);

        public override (Tensor, Tensor) forward(Tensor x)
        {
            var parts = dilated.call(functional.pad(x, [2, 0])).chunk(2, 1);
            var z = parts[0].tanh() * parts[1].sigmoid();
            return (x + res.call(z), skip.call(z));
        }
    }

    private sealed class Glow : Block<Tensor, (Tensor, Tensor)>
    {
        private readonly Conv1d net = Conv1d(2, 4, 3, padding: 1);

        public override (Tensor, Tensor) forward(Tensor x)
        {
            var halves = x.chunk(2, 1);
            var parts = net.call(halves[0]).chunk(2, 1);
            var log_s = parts[0].tanh();
            return (cat([halves[0], halves[1] * log_s.exp() + parts[1]], 1), log_s.sum([1, 2]));
        }
    }
}
