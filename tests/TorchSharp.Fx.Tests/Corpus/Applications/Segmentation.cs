using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>The encoder and decoder of Segment Anything, and blocks of other image models.</summary>
internal static class SegmentationModules
{
    internal static readonly CorpusRow[] Rows =
    [
        Row("SamPatches", "patches, a table of positions added, channels last", () => new SamPatches(), [1, 3, 8, 8], [2, 3, 8, 8], [3, 3, 8, 8]),
        Row("SamRelative", "relative positions of rows and columns added by einsum", () => new SamRelative(), [1, 3, 3, 8], [2, 3, 3, 8], [4, 3, 3, 8]),
        new("TwoWayBlock", "queries see the image, then the image the queries", () => new TwoWayBlock(), () => [.. new long[] { 1, 2, 3 }.Select(b => new object?[] { randn(b, 4, 8), randn(b, 9, 8) })]),
        new("MaskDecoder", "tokens to weights by small networks, masks by a product", () => new MaskDecoder(), () => [.. new long[] { 1, 2, 3 }.Select(b => new object?[] { randn(b, 8, 3, 3), randn(b, 2, 8) })]),
        Row("RandomPositions", "coordinates through a random matrix, sines and cosines", () => new RandomPositions(), [1, 5, 2], [2, 3, 2], [3, 4, 2]),
        Row("Norm2d", "a norm over channels written out", () => new Norm2d(8), [1, 8, 3, 3], [2, 8, 4, 2], [1, 8, 5, 5]),
        Row("MaskResize", "masks brought to another size and cut", () => new MaskResize(), [1, 2, 4, 4], [2, 2, 4, 4], [3, 2, 4, 4]),
        Row("Cbam", "weights for channels, then for places, by means and maxima", () => new Cbam(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("CoordAttention", "means along each side, joined, split by the height again", () => new CoordAttention(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("NonLocal", "each place sees every other", () => new NonLocal(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("MixerBlock", "layers over places and over channels by turns", () => new MixerBlock(), [1, 6, 8], [2, 6, 8], [3, 6, 8]),
        Row("PoolFormer", "a mean of neighbours in the place of attention, scales of the model", () => new PoolFormer(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("EcaLayer", "a convolution over channels that are a sequence", () => new EcaLayer(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("PointNet", "a transform of points that a small network gives, a maximum over all", () => new PointNet(), [1, 3, 9], [2, 3, 5], [1, 3, 12]),
        Row("NerfEncoding", "frequencies in a loop over a list of functions", () => new NerfEncoding(), [5, 3], [2, 4, 3], [9, 3]),
    ];

    private sealed class SamPatches : Block
    {
        private readonly Conv2d proj = Conv2d(3, 8, 4, stride: 4);
        private readonly Parameter pos_embed = Parameter(randn(1, 2, 2, 8));

        public override Tensor forward(Tensor x) => proj.call(x).permute(0, 2, 3, 1) + pos_embed;
    }

    private sealed class SamRelative : Block
    {
        private readonly Linear qkv = Linear(8, 24), proj = Linear(8, 8);
        private readonly Parameter rel_h = Parameter(randn(5, 4)), rel_w = Parameter(randn(5, 4));

        public override Tensor forward(Tensor x)
        {
            var (b, h, w) = (x.shape[0], x.shape[1], x.shape[2]);
            var parts = qkv.call(x).reshape(b, h * w, 3, 2, 4).permute(2, 0, 3, 1, 4).reshape(3, b * 2, h * w, 4).unbind(0);
            var scores = parts[0].matmul(parts[1].transpose(-2, -1)) * 0.5;
            var q = parts[0].reshape(b * 2, h, w, 4);
            var places = arange(3).unsqueeze(1) - arange(3).unsqueeze(0) + 2;
            var rows = einsum("bhwc,hkc->bhwk", q, rel_h[places]);
            var columns = einsum("bhwc,wkc->bhwk", q, rel_w[places]);
            scores = (scores.view(b * 2, h, w, h, w) + rows.unsqueeze(-1) + columns.unsqueeze(-2)).view(b * 2, h * w, h * w);
            return proj.call(scores.softmax(-1).matmul(parts[2]).view(b, 2, h, w, 4).permute(0, 2, 3, 1, 4).reshape(b, h, w, 8));
        }
    }

    private static Tensor Attend(Tensor q, Tensor k, Tensor v) => (q.matmul(k.transpose(1, 2)) / Math.Sqrt(q.shape[^1])).softmax(-1).matmul(v);

    internal sealed class TwoWayBlock : Block<Tensor, Tensor, (Tensor Queries, Tensor Keys)>
    {
        private readonly Linear self_attn = Linear(8, 8), to_image = Linear(8, 8), from_image = Linear(8, 8);
        private readonly Sequential mlp = Sequential(Linear(8, 16), ReLU(), Linear(16, 8));
        private readonly LayerNorm norm1 = LayerNorm(8), norm2 = LayerNorm(8), norm3 = LayerNorm(8), norm4 = LayerNorm(8);

        public override (Tensor Queries, Tensor Keys) forward(Tensor queries, Tensor keys)
        {
            var q = self_attn.call(queries);
            queries = norm1.call(queries + Attend(q, q, queries));
            queries = norm2.call(queries + Attend(to_image.call(queries), keys, keys));
            queries = norm3.call(queries + mlp.call(queries));
            keys = norm4.call(keys + Attend(from_image.call(keys), queries, queries));
            return (queries, keys);
        }
    }

    private sealed class MaskDecoder : Block<Tensor, Tensor, (Tensor Masks, Tensor Scores)>
    {
        private readonly Embedding iou_token = Embedding(1, 8), mask_tokens = Embedding(3, 8);
        private readonly TwoWayBlock transformer = new();
        private readonly Sequential output_upscaling = Sequential(ConvTranspose2d(8, 4, 2, stride: 2), GELU());
        private readonly ModuleList<Sequential> output_hypernetworks_mlps = ModuleList(Enumerable.Range(0, 3).Select(_ => Sequential(Linear(8, 8), ReLU(), Linear(8, 4))).ToArray());
        private readonly Linear iou_prediction_head = Linear(8, 3);

        public override (Tensor Masks, Tensor Scores) forward(Tensor image, Tensor prompts)
        {
            var tokens = cat([iou_token.weight!, mask_tokens.weight!], 0).unsqueeze(0).expand(prompts.size(0), -1, -1);
            var (b, c, h, w) = (image.shape[0], image.shape[1], image.shape[2], image.shape[3]);
            var (hs, src) = transformer.call(cat([tokens, prompts], 1), image.flatten(2).permute(0, 2, 1));
            var upscaled = output_upscaling.call(src.transpose(1, 2).view(b, c, h, w));
            var hyper = stack([.. Enumerable.Range(0, 3).Select(i => output_hypernetworks_mlps[i].call(hs[.., 1 + i, ..]))], 1);
            var (b2, c2, h2, w2) = (upscaled.shape[0], upscaled.shape[1], upscaled.shape[2], upscaled.shape[3]);
            return (hyper.matmul(upscaled.view(b2, c2, h2 * w2)).view(b2, -1, h2, w2), iou_prediction_head.call(hs[.., 0, ..]));
        }
    }

    private sealed class RandomPositions : Block
    {
        private readonly Tensor matrix = randn(2, 4);

        public override Tensor forward(Tensor coordinates)
        {
            var turned = (2 * coordinates - 1).matmul(matrix) * (2 * Math.PI);
            return cat([turned.sin(), turned.cos()], -1);
        }
    }

    private sealed class Norm2d(long width) : Block
    {
        private readonly Parameter weight = Parameter(ones(width)), bias = Parameter(zeros(width));

        public override Tensor forward(Tensor x)
        {
            var u = x.mean([1], keepdim: true);
            var s = (x - u).pow(2).mean([1], keepdim: true);
            return weight[.., TensorIndex.None, TensorIndex.None] * ((x - u) / (s + 1e-6).sqrt()) + bias[.., TensorIndex.None, TensorIndex.None];
        }
    }

    private sealed class MaskResize : Block
    {
        private readonly (long H, long W) original = (6, 5), input = (7, 8);

        public override Tensor forward(Tensor masks)
        {
            masks = functional.interpolate(masks, [8, 8], mode: InterpolationMode.Bilinear, align_corners: false)[.., .., ..(int)input.H, ..(int)input.W];
            return functional.interpolate(masks, [original.H, original.W], mode: InterpolationMode.Bilinear, align_corners: false) > 0;
        }
    }

    private sealed class Cbam : Block
    {
        private readonly Sequential mlp = Sequential(Linear(8, 2), ReLU(), Linear(2, 8));
        private readonly Conv2d conv = Conv2d(2, 1, 3, padding: 1);

        public override Tensor forward(Tensor x)
        {
            x = x * (mlp.call(x.mean([2, 3])) + mlp.call(x.amax([2, 3]))).sigmoid().unsqueeze(-1).unsqueeze(-1);
            return x * conv.call(cat([x.mean([1], keepdim: true), x.max(1, keepdim: true).values], 1)).sigmoid();
        }
    }

    private sealed class CoordAttention : Block
    {
        private readonly Conv2d conv1 = Conv2d(8, 4, 1), conv_h = Conv2d(4, 8, 1), conv_w = Conv2d(4, 8, 1);

        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.shape[2], x.shape[3]);
            var y = functional.hardswish(conv1.call(cat([x.mean([3], keepdim: true), x.mean([2], keepdim: true).permute(0, 1, 3, 2)], 2)));
            var parts = y.split([h, w], 2);
            return x * conv_h.call(parts[0]).sigmoid() * conv_w.call(parts[1].permute(0, 1, 3, 2)).sigmoid();
        }
    }

    private sealed class NonLocal : Block
    {
        private readonly Conv2d theta = Conv2d(8, 4, 1), phi = Conv2d(8, 4, 1), g = Conv2d(8, 4, 1), w = Conv2d(4, 8, 1);

        public override Tensor forward(Tensor x)
        {
            var (q, k, v) = (theta.call(x).flatten(2).transpose(1, 2), phi.call(x).flatten(2), g.call(x).flatten(2).transpose(1, 2));
            var y = q.matmul(k).softmax(-1).matmul(v).transpose(1, 2).contiguous();
            return x + w.call(y.view(x.shape[0], 4, x.shape[2], x.shape[3]));
        }
    }

    private sealed class MixerBlock : Block
    {
        private readonly LayerNorm norm1 = LayerNorm(8), norm2 = LayerNorm(8);
        private readonly Sequential tokens = Sequential(Linear(6, 12), GELU(), Linear(12, 6)), channels = Sequential(Linear(8, 16), GELU(), Linear(16, 8));

        public override Tensor forward(Tensor x)
        {
            x = x + tokens.call(norm1.call(x).transpose(1, 2)).transpose(1, 2);
            return x + channels.call(norm2.call(x));
        }
    }

    private sealed class PoolFormer : Block
    {
        private readonly GroupNorm norm = GroupNorm(1, 8);
        private readonly AvgPool2d pool = AvgPool2d(3, stride: 1, padding: 1, count_include_pad: false);
        private readonly Parameter scale = Parameter(full(8, 1e-1));

        public override Tensor forward(Tensor x)
        {
            var y = norm.call(x);
            return x + scale.view(1, -1, 1, 1) * (pool.call(y) - y);
        }
    }

    private sealed class EcaLayer : Block
    {
        private readonly AdaptiveAvgPool2d avg_pool = AdaptiveAvgPool2d(1);
        private readonly Conv1d conv = Conv1d(1, 1, 3, padding: 1, bias: false);

        public override Tensor forward(Tensor x)
        {
            var y = conv.call(avg_pool.call(x).squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1);
            return x * y.sigmoid().expand_as(x);
        }
    }

    private sealed class PointNet : Block
    {
        private readonly Conv1d conv1 = Conv1d(3, 8, 1), conv2 = Conv1d(3, 8, 1);
        private readonly Linear fc = Linear(8, 9);

        public override Tensor forward(Tensor x)
        {
            var turn = fc.call(conv1.call(x).relu().max(2).values).view(-1, 3, 3) + eye(3);
            return conv2.call(turn.bmm(x)).relu().max(2).values;
        }
    }

    private sealed class NerfEncoding : Block
    {
        private readonly List<Func<Tensor, Tensor>> functions = [];

        public NerfEncoding()
        {
            functions.Add(x => x);
            foreach (var frequency in new[] { 1.0, 2.0, 4.0 })
            {
                functions.Add(x => (x * frequency).sin());
                functions.Add(x => (x * frequency).cos());
            }
        }

        public override Tensor forward(Tensor x) => cat([.. functions.Select(function => function(x))], -1);
    }
}
