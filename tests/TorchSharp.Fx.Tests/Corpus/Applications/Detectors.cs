using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Detectors of the YOLO kind: blocks, necks, heads, decoding, suppression.</summary>
internal static class DetectorModules
{
    internal static readonly CorpusRow[] Rows =
    [
        Row("ConvBnAct", "padding worked out of the kernel, an activation that may be left out", () => new Conv(4, 8, 3, 2), [1, 4, 8, 8], [2, 4, 8, 6], [3, 4, 5, 7]),
        Row("C2f", "chunk to a list that grows by each bottleneck", () => new C2f(8, 2), [1, 8, 6, 6], [2, 8, 4, 6], [1, 8, 5, 3]),
        Row("C3", "two ways joined, a Sequential of bottlenecks", () => new C3(8), [1, 8, 6, 6], [2, 8, 4, 6], [1, 8, 5, 3]),
        Row("Sppf", "one pool applied three times, all results joined", () => new Sppf(), [1, 8, 6, 6], [2, 8, 4, 6], [1, 8, 5, 3]),
        Row("Dfl", "a distribution over distances, its mean by a frozen convolution", () => new Dfl(), [1, 32, 6], [2, 32, 4], [3, 32, 9]),
        Row("DecoupledHead", "a stem, then classes, boxes and objectness by ways of their own", () => new DecoupledHead(), [1, 8, 4, 4], [2, 8, 3, 5], [1, 8, 6, 2]),
        Row("PanNeck", "levels up and down again, in place joined lists", () => new PanNeck(), [1, 4, 8, 8], [2, 4, 16, 8], [1, 4, 24, 8]),
        new("YoloV8Detect", "anchors from grids of each level, distances to boxes", () => new YoloV8Detect(), () => [Levels(1), Levels(2), Levels(3)]) { ByExample = true },
        new("YoloV5Detect", "grids and anchor boxes in lists that are made again for other sizes", () => new YoloV5Detect(), () => [Levels(1), Levels(2), Levels(3)])
            { ByExample = true, Drops = ["a Tensor[]"] },
        Row("BoxDecode", "centre and size to corners by unbind and stack", () => new BoxDecode(), [5, 4], [2, 7, 4], [9, 4]),
        Row("MatrixNms", "scores decayed by overlaps, no loop", () => new MatrixNms(), [6, 5], [9, 5], [7, 5]),
        Row("TopBoxes", "the best class of each box, the best boxes by topk and gather", () => new TopBoxes(), [1, 9, 7], [2, 12, 7], [3, 8, 7]),
        Row("Letterbox", "an image brought into a square by padding that its sizes decide", () => new Letterbox(), [1, 3, 4, 8], [2, 3, 4, 8], [3, 3, 4, 8]) with { ByExample = true, Breaks = () => [randn(1, 3, 8, 4)] },
        Row("AnchorFree", "points of a grid added to offsets, strides by level", () => new AnchorFree(), [1, 4, 3, 5], [2, 4, 4, 4], [1, 4, 6, 2]),
    ];

    private static object?[] Levels(long batch) => [new List<Tensor> { randn(batch, 4, 4, 4), randn(batch, 4, 2, 2) }];

    internal sealed class Conv(long from, long to, long kernel, long stride = 1, bool acts = true) : Block
    {
        private readonly Conv2d conv = Conv2d(from, to, kernel, stride: stride, padding: kernel / 2, bias: false);
        private readonly BatchNorm2d bn = BatchNorm2d(to);
        private readonly Module<Tensor, Tensor> act = acts ? SiLU() : Identity();

        public override Tensor forward(Tensor x) => act.call(bn.call(conv.call(x)));
    }

    internal sealed class Bottleneck(long width) : Block
    {
        private readonly Conv cv1 = new(width, width, 3), cv2 = new(width, width, 3);

        public override Tensor forward(Tensor x) => x + cv2.call(cv1.call(x));
    }

    private sealed class C2f(long width, int depth) : Block
    {
        private readonly Conv cv1 = new(width, width, 1), cv2 = new((2 + depth) * (width / 2), width, 1);
        private readonly ModuleList<Bottleneck> m = ModuleList(Enumerable.Range(0, depth).Select(_ => new Bottleneck(width / 2)).ToArray());

        public override Tensor forward(Tensor x)
        {
            var y = cv1.call(x).chunk(2, 1).ToList();
            foreach (var block in m)
                y.Add(block.call(y[^1]));
            return cv2.call(cat(y, 1));
        }
    }

    private sealed class C3(long width) : Block
    {
        private readonly Conv cv1 = new(width, width / 2, 1), cv2 = new(width, width / 2, 1), cv3 = new(width, width, 1);
        private readonly Sequential m = Sequential(new Bottleneck(width / 2), new Bottleneck(width / 2));

        public override Tensor forward(Tensor x) => cv3.call(cat([m.call(cv1.call(x)), cv2.call(x)], 1));
    }

    private sealed class Sppf : Block
    {
        private readonly Conv cv1 = new(8, 4, 1), cv2 = new(16, 8, 1);
        private readonly MaxPool2d m = MaxPool2d(5, stride: 1, padding: 2);

        public override Tensor forward(Tensor x)
        {
            var y = new List<Tensor> { cv1.call(x) };
            y.AddRange(Enumerable.Range(0, 3).Select(_ => { y.Add(m.call(y[^1])); return y[^1]; }).ToArray()[3..]);
            return cv2.call(cat(y, 1));
        }
    }

    private sealed class Dfl : Block
    {
        private readonly Conv2d conv = Conv2d(8, 1, 1, bias: false);

        public Dfl()
        {
            using var no = no_grad();
            conv.weight.copy_(arange(8, dtype: float32).view(1, 8, 1, 1));
            conv.weight.requires_grad = false;
        }

        public override Tensor forward(Tensor x)
        {
            var (b, a) = (x.shape[0], x.shape[2]);
            return conv.call(x.view(b, 4, 8, a).transpose(2, 1).softmax(1)).view(b, 4, a);
        }
    }

    private sealed class DecoupledHead : Block<Tensor, (Tensor Boxes, Tensor Objects, Tensor Classes)>
    {
        private readonly Conv stem = new(8, 8, 1), cls = new(8, 8, 3), reg = new(8, 8, 3);
        private readonly Conv2d cls_pred = Conv2d(8, 3, 1), reg_pred = Conv2d(8, 4, 1), obj_pred = Conv2d(8, 1, 1);

        public override (Tensor Boxes, Tensor Objects, Tensor Classes) forward(Tensor x)
        {
            x = stem.call(x);
            var (c, r) = (cls.call(x), reg.call(x));
            return (Flat(reg_pred.call(r)), Flat(obj_pred.call(r)).sigmoid(), Flat(cls_pred.call(c)).sigmoid());
        }

        private static Tensor Flat(Tensor x) => x.flatten(2).permute(0, 2, 1);
    }

    private sealed class PanNeck : Block
    {
        private readonly Conv down1 = new(4, 4, 3, 2), down2 = new(4, 4, 3, 2), up1 = new(8, 4, 3), up2 = new(8, 4, 3), again = new(4, 4, 3, 2), last = new(8, 4, 3);
        private readonly Upsample upsample = Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Nearest);

        public override Tensor forward(Tensor x)
        {
            var p4 = down1.call(x);
            var p5 = down2.call(p4);
            var n4 = up1.call(cat([upsample.call(p5), p4], 1));
            var n3 = up2.call(cat([upsample.call(n4), x], 1));
            return last.call(cat([again.call(n3), n4], 1));
        }
    }

    private sealed class YoloV8Detect : Block<List<Tensor>, Tensor>
    {
        private readonly ModuleList<Conv2d> cv2 = ModuleList(Conv2d(4, 4, 1), Conv2d(4, 4, 1)), cv3 = ModuleList(Conv2d(4, 3, 1), Conv2d(4, 3, 1));
        private readonly int[] strides = [8, 16];

        public override Tensor forward(List<Tensor> x)
        {
            var (anchors, scales) = Anchors(x);
            var joined = cat([.. x.Select((level, i) => cat([cv2[i].call(level), cv3[i].call(level)], 1).flatten(2))], 2);
            var parts = joined.split([4, 3], 1);
            var (near, far) = (parts[0].narrow(1, 0, 2), parts[0].narrow(1, 2, 2));
            var (low, high) = (anchors.unsqueeze(0) - near, anchors.unsqueeze(0) + far);
            return cat([cat([(low + high) / 2, high - low], 1) * scales, parts[1].sigmoid()], 1);
        }

        private (Tensor, Tensor) Anchors(List<Tensor> features)
        {
            var (points, scales) = (new List<Tensor>(), new List<Tensor>());
            for (var i = 0; i < features.Count; i++)
            {
                var (h, w) = (features[i].shape[2], features[i].shape[3]);
                var grid = meshgrid([arange(h, dtype: float32) + 0.5f, arange(w, dtype: float32) + 0.5f], indexing: "ij");
                points.Add(stack([grid[1], grid[0]], -1).view(-1, 2));
                scales.Add(full([h * w, 1], strides[i], dtype: float32));
            }
            return (cat(points).transpose(0, 1), cat(scales).transpose(0, 1));
        }
    }

    private sealed class YoloV5Detect : Block<List<Tensor>, Tensor>
    {
        private readonly ModuleList<Conv2d> m = ModuleList(Conv2d(4, 14, 1), Conv2d(4, 14, 1));
        private readonly Tensor[] grid = [zeros(1), zeros(1)];
        private readonly Tensor anchors = tensor(new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }).view(2, 2, 2);

        public override Tensor forward(List<Tensor> x)
        {
            var z = new List<Tensor>();
            for (var i = 0; i < x.Count; i++)
            {
                var level = m[i].call(x[i]);
                var (bs, ny, nx) = (level.shape[0], level.shape[2], level.shape[3]);
                level = level.view(bs, 2, 7, ny, nx).permute(0, 1, 3, 4, 2).contiguous();
                if (grid[i].dim() < 4 || grid[i].shape[2] != ny)
                    grid[i] = stack([.. meshgrid([arange(ny), arange(nx)], indexing: "ij").Reverse()], 2).view(1, 1, ny, nx, 2).to(float32);
                var y = level.sigmoid();
                var xy = (y[.., .., .., .., ..2] * 2 - 0.5 + grid[i]) * (8 << i);
                var wh = (y[.., .., .., .., 2..4] * 2).pow(2) * anchors[i].view(1, 2, 1, 1, 2);
                z.Add(cat([xy, wh, y[.., .., .., .., 4..]], -1).view(bs, -1, 7));
            }
            return cat(z, 1);
        }
    }

    private sealed class BoxDecode : Block
    {
        public override Tensor forward(Tensor boxes)
        {
            var c = boxes.unbind(-1);
            return stack([c[0] - c[2] / 2, c[1] - c[3] / 2, c[0] + c[2] / 2, c[1] + c[3] / 2], -1);
        }
    }

    private sealed class MatrixNms : Block
    {
        public override Tensor forward(Tensor x)
        {
            var (boxes, scores) = (x[.., ..4].abs(), x[.., 4].sigmoid());
            boxes = cat([boxes[.., ..2], boxes[.., ..2] + boxes[.., 2..]], 1);
            var order = scores.argsort(0, descending: true);
            (boxes, scores) = (boxes[order], scores[order]);
            var area = (boxes[.., 2] - boxes[.., 0]) * (boxes[.., 3] - boxes[.., 1]);
            var size = (minimum(boxes.unsqueeze(1)[.., .., 2..], boxes.unsqueeze(0)[.., .., 2..]) - maximum(boxes.unsqueeze(1)[.., .., ..2], boxes.unsqueeze(0)[.., .., ..2])).clamp(min: 0);
            var overlap = size.prod(-1);
            var iou = (overlap / (area.unsqueeze(1) + area.unsqueeze(0) - overlap + 1e-6)).triu(1);
            var (most, _) = iou.max(0);
            var decay = ((1 - iou) / (1 - most.unsqueeze(1) + 1e-6)).amin([0]);
            return scores * decay;
        }
    }

    private sealed class TopBoxes : Block<Tensor, Dictionary<string, Tensor>>
    {
        public override Dictionary<string, Tensor> forward(Tensor x)
        {
            var (score, label) = x[.., .., 4..].softmax(-1).max(-1);
            var (top, index) = score.topk(5, 1);
            return new() { ["scores"] = top, ["labels"] = label.gather(1, index), ["boxes"] = x[.., .., ..4].gather(1, index.unsqueeze(-1).expand(-1, -1, 4)) };
        }
    }

    private sealed class Letterbox : Block
    {
        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.shape[2], x.shape[3]);
            if (h == w)
                return x;
            var gap = Math.Abs(h - w);
            return functional.pad(x, h < w ? [0, 0, gap / 2, gap - gap / 2] : [gap / 2, gap - gap / 2, 0, 0], value: 0.5);
        }
    }

    private sealed class AnchorFree : Block
    {
        private readonly Conv2d offsets = Conv2d(4, 4, 1);

        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.size(2), x.size(3));
            var ys = arange(h, dtype: float32, device: x.device).view(1, 1, -1, 1).expand(1, 1, h, w);
            var xs = arange(w, dtype: float32, device: x.device).view(1, 1, 1, -1).expand(1, 1, h, w);
            var points = cat([xs, ys], 1);
            var distance = offsets.call(x).exp();
            return cat([points - distance[.., ..2], points + distance[.., 2..]], 1) * 8;
        }
    }
}
