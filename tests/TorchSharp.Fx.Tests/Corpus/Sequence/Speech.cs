using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Sequence;

/// <summary>Two strided convolutions, and what they make of the lengths.</summary>
internal sealed class ConvSubsampling : Module<Tensor, Tensor, (Tensor, Tensor)>
{
    private readonly Conv2d conv1, conv2;
    private readonly Linear output;

    public ConvSubsampling(long features, long width) : base(nameof(ConvSubsampling))
    {
        conv1 = Conv2d(1, 4, 3, stride: 2);
        conv2 = Conv2d(4, 4, 3, stride: 2);
        output = Linear(4 * Length(Length(features)), width);
        RegisterComponents();
    }

    private static long Length(long n) => ((n - 3) / 2) + 1;

    public override (Tensor, Tensor) forward(Tensor x, Tensor lengths)
    {
        x = functional.relu(conv2.call(functional.relu(conv1.call(x.unsqueeze(1)))));
        var (b, c, t, f) = (x.size(0), x.size(1), x.size(2), x.size(3));
        x = output.call(x.transpose(1, 2).contiguous().view(b, t, c * f));
        for (var i = 0; i < 2; i++)
            lengths = lengths.sub(3).div(2, RoundingMode.floor).to(ScalarType.Int64) + 1;
        var valid = arange(t) < lengths[.., TensorIndex.None];
        return (x.masked_fill(~valid.unsqueeze(-1), 0), lengths);
    }
}

internal sealed class CausalConv1d : Module<Tensor, Tensor>
{
    private readonly Conv1d conv;
    private readonly long padding;

    public CausalConv1d(long channels, long outputs, long kernel, long dilation) : base(nameof(CausalConv1d))
    {
        padding = (kernel - 1) * dilation;
        conv = Conv1d(channels, outputs, kernel, padding: padding, dilation: dilation);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = conv.forward(x);
        return padding == 0 ? y : y[.., .., ..^(int)padding];
    }
}

/// <summary>Dilated gated convolutions; the skips add up.</summary>
internal sealed class WaveNet : Module<Tensor, Tensor>
{
    private readonly List<(CausalConv1d Gate, Conv1d Residual, Conv1d Skip)> layers = [];
    private readonly Conv1d front;

    public WaveNet(long channels, int blocks, int depth) : base(nameof(WaveNet))
    {
        front = Conv1d(1, channels, 1);
        for (var b = 0; b < blocks; b++)
            for (var i = 0; i < depth; i++)
            {
                var layer = (Gate: new CausalConv1d(channels, 2 * channels, 2, 1L << i), Residual: Conv1d(channels, channels, 1), Skip: Conv1d(channels, channels, 1));
                register_module($"gate{layers.Count}", layer.Gate);
                register_module($"residual{layers.Count}", layer.Residual);
                register_module($"skip{layers.Count}", layer.Skip);
                layers.Add(layer);
            }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = front.call(x);
        Tensor? skips = null;
        foreach (var (gate, residual, skip) in layers)
        {
            var parts = gate.call(x).split(x.size(1), 1);
            var z = tanh(parts[0]) * sigmoid(parts[1]);
            var s = skip.call(z);
            skips = skips is null ? s : skips + s;
            x += residual.call(z);
        }
        return functional.relu(skips!);
    }
}

internal sealed class TemporalBlock : Module<Tensor, Tensor>
{
    private readonly Sequential net;
    private readonly Conv1d? downsample;

    public TemporalBlock(long inputs, long outputs, long dilation) : base(nameof(TemporalBlock))
    {
        net = Sequential(new CausalConv1d(inputs, outputs, 3, dilation), ReLU(), Dropout(0.2), new CausalConv1d(outputs, outputs, 3, dilation), ReLU(), Dropout(0.2));
        downsample = inputs != outputs ? Conv1d(inputs, outputs, 1) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => functional.relu(net.call(x) + (downsample?.call(x) ?? x));
}

/// <summary>The end of the last chunk is the beginning of this one, kept in a field.</summary>
internal sealed class StreamingConv : Module<Tensor, Tensor>
{
    private readonly Conv1d conv;
    private readonly Dictionary<string, Tensor> state = [];

    public StreamingConv(long channels) : base(nameof(StreamingConv))
    {
        conv = Conv1d(channels, channels, 3);
        RegisterComponents();
    }

    private Tensor Push(Tensor chunk)
    {
        if (!state.TryGetValue("left", out var left))
            left = zeros(chunk.shape[0], chunk.shape[1], 2, dtype: chunk.dtype);
        var x = cat([left, chunk], -1);
        state["left"] = x[.., .., ^2..];
        return conv.call(x);
    }

    public override Tensor forward(Tensor x) => cat(x.chunk(2, -1).Select(Push).ToArray(), -1);
}

/// <summary>State goes in and out: a GRU over chunks with a hidden state that may be missing.</summary>
internal sealed class StreamingEncoder : Module<Tensor, Tensor?, (Tensor Output, Tensor Hidden)>
{
    private readonly GRU gru;
    private readonly LayerNorm norm;

    public StreamingEncoder(long features, long hidden) : base(nameof(StreamingEncoder))
    {
        gru = GRU(features, hidden, batchFirst: true);
        norm = LayerNorm(hidden);
        RegisterComponents();
    }

    public override (Tensor Output, Tensor Hidden) forward(Tensor x, Tensor? h0 = null)
    {
        h0 ??= zeros(1, x.shape[0], 6);
        var (y, h) = gru.call(x, h0);
        return (norm.call(y), h.detach());
    }
}

/// <summary>Layers of a Conformer's convolution module: GLU, depthwise, swish.</summary>
internal sealed class ConformerConv : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public ConformerConv(long width) : base(nameof(ConformerConv))
    {
        layers = Sequential(
            ("pointwise", Conv1d(width, 2 * width, 1)), ("glu", GLU(dim: 1)), ("depthwise", Conv1d(width, width, 3, padding: 1, groups: width)),
            ("bn", BatchNorm1d(width)), ("swish", SiLU()), ("out", Conv1d(width, width, 1)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var residual = x;
        x = layers.forward(x.mT);
        return x.mT.add_(residual);
    }
}

/// <summary>Residual vector quantisation: each codebook codes what the ones before left over.</summary>
internal sealed class ResidualQuantizer : Module<Tensor, (Tensor Quantized, Tensor Codes, Tensor Loss)>
{
    private readonly Embedding[] codebooks;

    public ResidualQuantizer(int count, long size, long dim) : base(nameof(ResidualQuantizer))
    {
        codebooks = Enumerable.Range(0, count).Select(_ => Embedding(size, dim)).ToArray();
        for (var i = 0; i < codebooks.Length; i++)
            register_module($"codebook_{i}", codebooks[i]);
    }

    public override (Tensor Quantized, Tensor Codes, Tensor Loss) forward(Tensor x)
    {
        var residual = x;
        var quantized = zeros_like(x);
        List<Tensor> codes = [], losses = [];
        foreach (var codebook in codebooks)
        {
            var distance = residual.pow(2).sum(-1, keepdim: true) - (2 * residual.matmul(codebook.weight!.t())) + codebook.weight!.pow(2).sum(-1);
            var index = distance.argmin(-1);
            var nearest = codebook.call(index);
            losses.Add(functional.mse_loss(residual, nearest.detach()));
            residual -= nearest;
            quantized += nearest;
            codes.Add(index);
        }
        return (x + (quantized - x).detach(), stack(codes, 0), stack(losses).sum());
    }
}

internal static class SpeechModules
{
    internal static readonly CorpusRow[] Rows =
    [
        new("ConvSubsampling", "arithmetic on lengths, a mask by arange(t) < lengths[:, None]", () => new ConvSubsampling(16, 8), () => [[randn(1, 12, 16), tensor([12L])], [randn(2, 20, 16), tensor([20L, 13])]]),
        new("WaveNet", "a list of tuples of modules, registered one by one; a sum that starts with null", () => new WaveNet(4, 2, 3), () => [[randn(1, 1, 8)], [randn(2, 1, 13)]]),
        new("TemporalBlock", "padding cut off at the end, a nullable downsampling", () => new TemporalBlock(2, 4, 2), () => [[randn(1, 2, 9)], [randn(3, 2, 12)]]),
        new("TemporalBlockIdentity", "the same without downsampling", () => new TemporalBlock(4, 4, 1), () => [[randn(1, 4, 9)], [randn(3, 4, 12)]]),
        new("StreamingConv", "left context in a dictionary by name, a method group in Select", () => new StreamingConv(2), () => [[randn(1, 2, 8)], [randn(3, 2, 10)]])
            { State = ["state"] },
        new("StreamingEncoder", "a hidden state that may be missing, ??=", () => new StreamingEncoder(4, 6), () => [[randn(2, 3, 4), randn(1, 2, 6)], [randn(1, 5, 4), randn(1, 1, 6)]]),
        new("FirstChunk", "the same without a state", () => new StreamingEncoder(4, 6), () => [[randn(2, 3, 4), null], [randn(1, 5, 4), null]])
            { ByExample = true, Breaks = () => [randn(2, 3, 4), randn(1, 2, 6)] },
        new("ConformerConv", "a Sequential with names, an addition in place of a transposed result", () => new ConformerConv(4), () => [[randn(1, 5, 4)], [randn(2, 7, 4)]]),
        new("ResidualQuantizer", "an array of codebooks, lists of codes and losses, -= and += on locals", () => new ResidualQuantizer(3, 8, 4), () => [[randn(2, 5, 4)], [randn(1, 3, 4)]]),
    ];
}
