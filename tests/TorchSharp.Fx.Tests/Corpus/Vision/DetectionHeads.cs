using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Heads of detectors: anchors and grids that depend on the size of a level.</summary>
internal static class DetectionHeads
{
    internal static readonly CorpusRow[] Rows =
    [
        new("AnchorGenerator", "anchors kept in a dictionary by the size of the level", () => new AnchorGenerator(),
            () => [[randn(1, 4, 4, 6)], [randn(3, 4, 4, 6)]])
            { ByExample = true, Breaks = () => [randn(1, 4, 5, 6)], Drops = ["a Dictionary<(long, long), Tensor>"] },
        new("RetinaHead", "towers shared by a list of levels, outputs permuted and joined", () => new RetinaHead(),
            () => [[new List<Tensor> { randn(1, 4, 8, 8), randn(1, 4, 4, 4) }], [new List<Tensor> { randn(2, 4, 6, 8), randn(2, 4, 3, 4) }]])
            { ByExample = true },
        new("FcosHead", "a static cache of centre points by text key, a learnt scale a level", () => new FcosHead(),
            () => [[randn(1, 4, 4, 6), randn(1, 4, 2, 3)], [randn(2, 4, 4, 6), randn(2, 4, 2, 3)]])
            { ByExample = true, Drops = ["a Dictionary<String, Tensor>"], Breaks = () => [randn(2, 4, 6, 6), randn(2, 4, 3, 3)] },
        new("YoloDetect", "convolutions in a List<Module> that is not registered, grids made again when a level's size changes, decoding with strides", () => new YoloDetect(),
            () => [[randn(1, 4, 4, 4), randn(1, 8, 2, 2)], [randn(2, 4, 6, 4), randn(2, 8, 3, 2)]])
            { ByExample = true, Drops = ["a Tensor[]", "a (int, int)[]"], Unregistered = ["heads.0 (Conv2d)", "heads.1 (Conv2d)"] },
        new("SsdPriors", "prior boxes by a double loop over a level's cells", () => new SsdPriors(), () => [[randn(1, 4, 2, 3)], [randn(2, 4, 2, 3)]])
            { ByExample = true, Breaks = () => [randn(1, 4, 3, 3)] },
        new("DetrHead", "a record with the results of every layer in a nested list", () => new DetrHead(), () => [[randn(3, 1, 5, 8)], [randn(3, 2, 7, 8)]]) { ByExample = true },
        new("RoiPooler", "the level of each box by its size, chosen by masks", () => new RoiPooler(), () => [[randn(1, 4, 8, 8), rand(5, 4)], [randn(1, 4, 6, 6), rand(3, 4)]]),
    ];

    private sealed class FcosHead : Module<Tensor, Tensor, (Tensor Boxes, Tensor Centerness)>
    {
        private static readonly Dictionary<string, Tensor> Points = [];
        private static readonly int[] Strides = [8, 16];
        private readonly Conv2d reg = Conv2d(4, 4, 1);
        private readonly Conv2d centre = Conv2d(4, 1, 1);
        private readonly Parameter scales = new(ones(2));

        public FcosHead() : base(nameof(FcosHead))
        {
            RegisterComponents();
            // As in a new process: what earlier runs put there would not be written again.
            Points.Clear();
        }

        public override (Tensor Boxes, Tensor Centerness) forward(Tensor p3, Tensor p4)
        {
            using var scope = NewDisposeScope();
            var boxes = new List<Tensor>();
            var centers = new List<Tensor>();
            foreach (var (level, i) in new[] { p3, p4 }.Select((level, i) => (level, i)))
            {
                var distance = (reg.call(level) * scales[i]).relu() * Strides[i];
                var points = PointsOf(level, Strides[i]).t().unsqueeze(0);
                var flat = distance.flatten(2);
                boxes.Add(cat([points - flat[.., ..2], points + flat[.., 2..]], 1));
                centers.Add(centre.call(level).flatten(2));
            }
            return (cat(boxes, -1).MoveToOuterDisposeScope(), cat(centers, -1).MoveToOuterDisposeScope());
        }

        private static Tensor PointsOf(Tensor level, int stride)
        {
            var (h, w) = ((int)level.shape[^2], (int)level.shape[^1]);
            var key = $"{h}x{w}@{stride}:{level.device}";
            if (!Points.TryGetValue(key, out var points))
            {
                var y = arange(0, h * stride, stride, dtype: ScalarType.Float32, device: level.device);
                var x = arange(0, w * stride, stride, dtype: ScalarType.Float32, device: level.device);
                var grid = meshgrid([y, x], indexing: "ij");
                points = stack([grid[1].reshape(-1), grid[0].reshape(-1)], dim: 1).add(stride / 2).DetachFromDisposeScope();
                Points[key] = points;
            }
            return points;
        }
    }

    private sealed class YoloDetect : Module<Tensor, Tensor, Tensor>
    {
        private const int Classes = 2, Outputs = Classes + 5;
        private readonly List<Module<Tensor, Tensor>> heads = [Conv2d(4, 2 * Outputs, 1), Conv2d(8, 2 * Outputs, 1)];
        private readonly List<int> strides = [8, 16];
        private readonly Tensor[] grids = [zeros(1), zeros(1)];
        private readonly (int, int)[] sizes = new (int, int)[2];
        private readonly Tensor anchors;

        public YoloDetect() : base(nameof(YoloDetect))
        {
            anchors = tensor(new float[] { 10, 13, 16, 30, 30, 61, 62, 45 }).reshape(2, 1, 2, 1, 1, 2);
            register_buffer("anchors", anchors);
            RegisterComponents();
        }

        public override Tensor forward(Tensor small, Tensor large)
        {
            Tensor[] levels = [small, large];
            var decoded = new List<Tensor>(levels.Length);
            for (var i = 0; i < levels.Length; i++)
            {
                var x = heads[i].call(levels[i]);
                var (n, ny, nx) = (x.shape[0], (int)x.shape[2], (int)x.shape[3]);
                x = x.view(n, 2, Outputs, ny, nx).permute(0, 1, 3, 4, 2).contiguous();
                if (sizes[i] != (ny, nx))
                {
                    var mesh = meshgrid([arange(ny), arange(nx)], indexing: "ij");
                    grids[i] = stack([mesh[1], mesh[0]], 2).view(1, 1, ny, nx, 2).to(ScalarType.Float32);
                    sizes[i] = (ny, nx);
                }
                var y = x.sigmoid();
                var centre = (y[TensorIndex.Ellipsis, ..2] * 2 - 0.5 + grids[i]) * strides[i];
                var size = (y[TensorIndex.Ellipsis, 2..4] * 2).pow(2) * anchors[i];
                decoded.Add(cat([centre, size, y[TensorIndex.Ellipsis, 4..]], -1).view(n, -1, Outputs));
            }
            return cat(decoded, 1);
        }
    }

    private sealed class SsdPriors : Module<Tensor, Tensor>
    {
        private readonly float[] ratios = [1f, 2f, 0.5f];
        private readonly Conv2d loc = Conv2d(4, 12, 1);

        public SsdPriors() : base(nameof(SsdPriors)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var boxes = new List<float>();
            for (var i = 0; i < x.shape[2]; i++)
                for (var j = 0; j < x.shape[3]; j++)
                    foreach (var ratio in ratios)
                        boxes.AddRange([(j + 0.5f) / x.shape[3], (i + 0.5f) / x.shape[2], MathF.Sqrt(ratio), 1 / MathF.Sqrt(ratio)]);
            var priors = tensor(boxes.ToArray()).view(-1, 4);
            return loc.call(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4) + priors;
        }
    }

    private sealed record DetrResult(Tensor Logits, Tensor Boxes, IReadOnlyList<(Tensor Logits, Tensor Boxes)> Auxiliary);

    private sealed class DetrHead : Module<Tensor, DetrResult>
    {
        private readonly Linear classes = Linear(8, 3);
        private readonly ModuleList<Linear> boxes = new(Linear(8, 8), Linear(8, 8), Linear(8, 4));

        public DetrHead() : base(nameof(DetrHead)) => RegisterComponents();

        public override DetrResult forward(Tensor hidden)
        {
            var logits = classes.call(hidden);
            var coords = hidden;
            for (var i = 0; i < boxes.Count; i++)
                coords = i < boxes.Count - 1 ? functional.relu(boxes[i].call(coords)) : boxes[i].call(coords).sigmoid();
            var auxiliary = new List<(Tensor, Tensor)>();
            for (var i = 0; i < hidden.size(0) - 1; i++)
                auxiliary.Add((logits[i], coords[i]));
            return new DetrResult(logits[-1], coords[-1], auxiliary);
        }
    }

    private sealed class RoiPooler : Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 8);

        public RoiPooler() : base(nameof(RoiPooler)) => RegisterComponents();

        public override Tensor forward(Tensor features, Tensor boxes)
        {
            var pyramid = new Dictionary<int, Tensor> { [0] = features, [1] = functional.avg_pool2d(features, 2) };
            var area = (boxes[.., 2] * boxes[.., 3]).abs().sqrt();
            var level = floor(4 + log2(area + 1e-6)).clamp(2, 3).to_type(ScalarType.Int64) - 2;
            var pooled = zeros_like(boxes);
            foreach (var (index, map) in pyramid)
            {
                var mask = (level == index).unsqueeze(-1).to_type(pooled.dtype);
                pooled = pooled + mask * map.mean([0, 2, 3]).unsqueeze(0);
            }
            return fc.call(pooled);
        }
    }

    private sealed class AnchorGenerator : Module<Tensor, Tensor>
    {
        private readonly Dictionary<(long, long), Tensor> anchors = [];
        private readonly Conv2d box = Conv2d(4, 4, 1);

        public AnchorGenerator() : base(nameof(AnchorGenerator)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (h, w) = (x.shape[2], x.shape[3]);
            if (!anchors.TryGetValue((h, w), out var grid))
            {
                var ys = arange(h, dtype: ScalarType.Float32) + 0.5f;
                var xs = arange(w, dtype: ScalarType.Float32) + 0.5f;
                var mesh = meshgrid([ys, xs], indexing: "ij");
                grid = stack([mesh[1], mesh[0]], dim: -1).reshape(-1, 2) * 8;
                anchors[(h, w)] = grid;
            }
            var deltas = box.forward(x).flatten(2).transpose(1, 2);
            return cat([grid + deltas[.., .., ..2], deltas[.., .., 2..].exp()], dim: -1);
        }
    }

    private sealed class RetinaHead : Module<List<Tensor>, (Tensor, Tensor)>
    {
        private readonly Sequential tower = Sequential(Conv2d(4, 4, 3, padding: 1), ReLU());
        private readonly Conv2d logits = Conv2d(4, 9 * 2, 3, padding: 1);
        private readonly Conv2d boxes = Conv2d(4, 9 * 4, 3, padding: 1);

        public RetinaHead() : base(nameof(RetinaHead)) => RegisterComponents();

        public override (Tensor, Tensor) forward(List<Tensor> levels)
        {
            var scores = new List<Tensor>();
            var deltas = new List<Tensor>();
            foreach (var level in levels)
            {
                var features = tower.forward(level);
                scores.Add(Flat(logits.call(features), 2));
                deltas.Add(Flat(boxes.call(features), 4));
            }
            return (cat(scores, 1), cat(deltas, 1));
        }

        private static Tensor Flat(Tensor x, long columns)
        {
            var (n, _, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            return x.view(n, -1, columns, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, columns);
        }
    }
}
