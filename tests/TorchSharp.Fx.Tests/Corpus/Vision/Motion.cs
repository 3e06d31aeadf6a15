using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Flow, warping and sampling at computed places.</summary>
internal static class Motion
{
    internal static readonly CorpusRow[] Rows =
    [
        new("RaftRefiner", "flow refined a fixed number of times, a convolutional GRU, all steps returned", () => new RaftRefiner(), () => [[randn(1, 4, 4, 4), randn(1, 4, 4, 4)], [randn(2, 4, 3, 5), randn(2, 4, 3, 5)]]) { ByExample = true },
        new("CostVolume", "a displacement loop over padded maps", () => new CostVolume(1), () => [[randn(1, 4, 4, 4), randn(1, 4, 4, 4)], [randn(2, 4, 5, 3), randn(2, 4, 5, 3)]]),
        new("SpatialTransformerNet", "an affine grid of the input's own size", () => new SpatialTransformerNet(), () => [[randn(1, 2, 6, 6)], [randn(2, 2, 5, 7)]]),
        new("DeformableConv", "offsets added to a grid made of the sizes, bilinear samples", () => new DeformableConv(), () => [[randn(1, 2, 4, 4)], [randn(2, 2, 5, 6)]]),
        new("DeformableAttention", "a list of spatial shapes made while flattening the levels", () => new DeformableAttention(), () => [[new List<Tensor> { randn(1, 4, 4, 4), randn(1, 4, 2, 2) }], [new List<Tensor> { randn(2, 4, 6, 4), randn(2, 4, 3, 2) }]])
            { ByExample = true },
    ];

    private sealed class RaftRefiner : Module<Tensor, Tensor, List<Tensor>>
    {
        private const int Iterations = 3;
        private readonly Conv2d convz = Conv2d(10, 4, 3, padding: 1), convq = Conv2d(10, 4, 3, padding: 1);
        private readonly Conv2d head = Conv2d(4, 2, 3, padding: 1);

        public RaftRefiner() : base(nameof(RaftRefiner)) => RegisterComponents();

        public override List<Tensor> forward(Tensor left, Tensor right)
        {
            var (n, h, w) = (left.shape[0], left.shape[2], left.shape[3]);
            var start = Grid(n, h, w, left.device);
            var current = start.clone();
            var hidden = left.tanh();
            var predictions = new List<Tensor>();
            for (var i = 0; i < Iterations; i++)
            {
                current = current.detach();
                var correlation = (left * Sample(right, current)).sum(1, keepdim: true) / Math.Sqrt(4);
                var input = cat([hidden, right, current - start], 1) * correlation;
                var z = convz.call(input).sigmoid();
                hidden = (1 - z) * hidden + z * convq.call(input).tanh();
                current = current + head.call(hidden);
                predictions.Add(2 * functional.interpolate(current - start, size: [2 * h, 2 * w], mode: InterpolationMode.Bilinear, align_corners: true));
            }
            return predictions;
        }

        private static Tensor Grid(long n, long h, long w, Device device)
        {
            var mesh = meshgrid([arange(h, device: device), arange(w, device: device)], indexing: "ij");
            return stack(mesh.Reverse().ToArray(), 0).to(float32).unsqueeze(0).repeat(n, 1, 1, 1);
        }

        private static Tensor Sample(Tensor image, Tensor coords)
        {
            var (h, w) = (image.shape[^2], image.shape[^1]);
            var places = coords.permute(0, 2, 3, 1).split(1, -1);
            var grid = cat([2 * places[0] / (w - 1) - 1, 2 * places[1] / (h - 1) - 1], -1);
            return functional.grid_sample(image, grid, align_corners: true);
        }
    }

    private sealed class CostVolume : Module<Tensor, Tensor, Tensor>
    {
        private readonly int radius;

        public CostVolume(int radius) : base(nameof(CostVolume)) => this.radius = radius;

        public override Tensor forward(Tensor a, Tensor b)
        {
            var (h, w) = ((int)a.shape[2], (int)a.shape[3]);
            using var padded = functional.pad(b, [radius, radius, radius, radius]);
            var costs = new Tensor[(2 * radius + 1) * (2 * radius + 1)];
            var k = 0;
            for (var dy = 0; dy <= 2 * radius; dy++)
                for (var dx = 0; dx <= 2 * radius; dx++, k++)
                    costs[k] = (a * padded[.., .., dy..(dy + h), dx..(dx + w)]).mean([1], keepdim: true);
            return functional.leaky_relu(cat(costs, 1), 0.1);
        }
    }

    private sealed class SpatialTransformerNet : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(2, 6);

        public SpatialTransformerNet() : base(nameof(SpatialTransformerNet)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var theta = fc.forward(x.mean([2, 3])).view(-1, 2, 3);
            var grid = functional.affine_grid(theta, x.size(), align_corners: false);
            return functional.grid_sample(x, grid, mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Border, align_corners: false);
        }
    }

    private sealed class DeformableConv : Module<Tensor, Tensor>
    {
        private readonly Conv2d offset = Conv2d(2, 18, 3, padding: 1), mask = Conv2d(2, 9, 3, padding: 1);
        private readonly Parameter weight = Parameter(randn(3, 18));

        public DeformableConv() : base(nameof(DeformableConv)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var offsets = offset.call(x).view(n, 9, 2, h, w);
            var masks = mask.call(x).sigmoid();
            var ys = linspace(-1, 1, h, device: x.device).view(1, h, 1).expand(n, h, w);
            var xs = linspace(-1, 1, w, device: x.device).view(1, 1, w).expand(n, h, w);
            var samples = new List<Tensor>(9);
            for (var k = 0; k < 9; k++)
            {
                var (dy, dx) = (k / 3 - 1, k % 3 - 1);
                var grid = stack([xs + (dx + offsets[.., k, 1]) * 2.0 / w, ys + (dy + offsets[.., k, 0]) * 2.0 / h], -1);
                samples.Add(functional.grid_sample(x, grid, align_corners: true) * masks[.., k].unsqueeze(1));
            }
            return weight.matmul(cat(samples, 1).flatten(2)).view(n, -1, h, w);
        }
    }

    private sealed class DeformableAttention : Module<List<Tensor>, Tensor>
    {
        private readonly Linear offsets = Linear(4, 2), weights = Linear(4, 1);

        public DeformableAttention() : base(nameof(DeformableAttention)) => RegisterComponents();

        public override Tensor forward(List<Tensor> levels)
        {
            var shapes = new List<(long Height, long Width)>();
            var flat = new List<Tensor>();
            foreach (var level in levels)
            {
                shapes.Add((level.shape[2], level.shape[3]));
                flat.Add(level.flatten(2).transpose(1, 2));
            }
            var values = cat(flat, 1);
            var result = zeros_like(values);
            foreach (var (value, (h, w)) in values.split(shapes.Select(shape => shape.Height * shape.Width).ToArray(), 1).Zip(shapes))
            {
                var map = value.transpose(1, 2).reshape(value.shape[0], -1, h, w);
                var sampled = functional.grid_sample(map, offsets.call(values).tanh().unsqueeze(1), align_corners: false);
                result = result + sampled.squeeze(2).transpose(1, 2) * weights.call(values).sigmoid();
            }
            return result;
        }
    }
}
