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
    ];

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
