using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Blocks of vision models as real repositories write them: they trace, and give what eager gives, on two shapes.</summary>
[Collection("Tensor counts")]
public class VisionBlockTests
{
    private sealed class DoubleConv : Module<Tensor, Tensor>
    {
        private readonly Sequential conv;

        public DoubleConv(long from, long to) : base("DoubleConv")
        {
            conv = Sequential(Conv2d(from, to, 3, padding: 1), BatchNorm2d(to), ReLU(inplace: true), Conv2d(to, to, 3, padding: 1), BatchNorm2d(to), ReLU(inplace: true));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => conv.forward(input);
    }

    private sealed class UNet : Module<Tensor, Tensor>
    {
        private readonly ModuleList<DoubleConv> downs = new();
        private readonly ModuleList<DoubleConv> ups = new();
        private readonly MaxPool2d pool = MaxPool2d(2);
        private readonly DoubleConv bottom = new(8, 16);
        private readonly Conv2d head = Conv2d(4, 1, 1);

        public UNet() : base("UNet")
        {
            downs.Add(new DoubleConv(3, 4));
            downs.Add(new DoubleConv(4, 8));
            ups.Add(new DoubleConv(24, 8));
            ups.Add(new DoubleConv(12, 4));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var skips = new Stack<Tensor>();
            foreach (var down in downs)
            {
                x = down.forward(x);
                skips.Push(x);
                x = pool.forward(x);
            }
            x = bottom.forward(x);
            foreach (var up in ups)
            {
                var skip = skips.Pop();
                x = functional.interpolate(x, size: skip.shape[2..], mode: InterpolationMode.Bilinear, align_corners: true);
                x = up.forward(cat(new[] { skip, x }, dim: 1));
            }
            return functional.interpolate(head.forward(x), new[] { x.shape[2] * 2, x.shape[^1] * 2 });
        }
    }

    [Fact]
    public void UNet_with_skips()
    {
        var module = new UNet();
        module.eval();
        Traced.Runs(module, [rand(1, 3, 16, 24)], [rand(2, 3, 18, 20)]);
    }

    private sealed class WindowAttention : Module<Tensor, Tensor>
    {
        private const int Window = 2;
        private readonly Linear qkv = Linear(4, 12);
        private readonly Parameter table = Parameter(rand((2 * Window - 1) * (2 * Window - 1), 2));
        private readonly Tensor index;

        public WindowAttention() : base("WindowAttention")
        {
            var coords = stack(meshgrid([arange(Window), arange(Window)], indexing: "ij")).flatten(1);
            var relative = (coords[.., .., TensorIndex.None] - coords[.., TensorIndex.None, ..]).permute(1, 2, 0).contiguous();
            relative[.., .., 0] += Window - 1;
            relative[.., .., 1] += Window - 1;
            relative[.., .., 0] *= 2 * Window - 1;
            index = relative.sum(-1);
            register_buffer("index", index);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var (b, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            var shifted = roll(x, new long[] { -1, -1 }, new long[] { 1, 2 });
            var windows = Partition(shifted, Window);
            var n = windows.shape[1];
            var parts = qkv.forward(windows).reshape(-1, n, 3, 2, c / 2).permute(2, 0, 3, 1, 4).unbind(0);
            var scores = (parts[0] * Math.Pow(2, -0.5)).matmul(parts[1].mT);
            var bias = table[index.view(-1)].view(Window * Window, Window * Window, -1).permute(2, 0, 1).contiguous();
            scores = (scores + bias.unsqueeze(0)).softmax(-1);
            var merged = Merge(scores.matmul(parts[2]).transpose(1, 2).reshape(-1, n, c), Window, h, w);
            return roll(merged, new long[] { 1, 1 }, new long[] { 1, 2 });
        }

        private static Tensor Partition(Tensor x, int window)
        {
            var shape = x.shape;
            return x.view(shape[0], shape[1] / window, window, shape[2] / window, window, shape[3]).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, window * window, shape[3]);
        }

        private static Tensor Merge(Tensor windows, int window, long h, long w)
        {
            var b = (int)(windows.shape[0] / (h * w / window / window));
            return windows.view(b, h / window, w / window, window, window, -1).permute(0, 1, 3, 2, 4, 5).contiguous().view(b, h, w, -1);
        }
    }

    [Fact]
    public void Window_attention_with_relative_bias() => Traced.Runs(new WindowAttention(), [rand(2, 4, 6, 4)], [rand(1, 2, 4, 4)]);

    private sealed class SqueezeExcite : Module<Tensor, Tensor>
    {
        private readonly AdaptiveAvgPool2d pool = AdaptiveAvgPool2d(1);
        private readonly Conv2d fc1 = Conv2d(4, 2, 1);
        private readonly Conv2d fc2 = Conv2d(2, 4, 1);
        private readonly Func<Tensor, Tensor> activation = x => functional.relu(x);

        public SqueezeExcite() : base("SqueezeExcite") => RegisterComponents();

        private Tensor Scale(Tensor input)
        {
            using var pooled = pool.call(input);
            using var reduced = activation(fc1.call(pooled));
            return functional.hardsigmoid(fc2.call(reduced));
        }

        public override Tensor forward(Tensor input)
        {
            using var scale = Scale(input);
            return scale * input;
        }
    }

    [Fact]
    public void Squeeze_and_excite() => Traced.Runs(new SqueezeExcite(), [rand(2, 4, 3, 3)], [rand(1, 4, 5, 2)]);

    private sealed class Head : Module<List<Tensor>, Dictionary<string, Tensor>>
    {
        private readonly Conv2d logits = Conv2d(4, 6, 1);
        private readonly Conv2d boxes = Conv2d(4, 12, 1);

        public Head() : base("Head") => RegisterComponents();

        public override Dictionary<string, Tensor> forward(List<Tensor> features)
        {
            var classes = new List<Tensor>();
            var regressions = new List<Tensor>();
            for (var level = 0; level < 2; level++)
            {
                var feature = features[level];
                classes.Add(Flatten(logits.call(feature), 2));
                regressions.Add(Flatten(boxes.call(feature), 4));
            }
            return new() { ["cls"] = cat(classes, 1), ["reg"] = cat(regressions, dim: 1) };
        }

        private static Tensor Flatten(Tensor x, int columns)
        {
            long n = x.shape[0], h = x.shape[2], w = x.shape[3];
            return x.view(n, -1, columns, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, columns);
        }
    }

    [Fact]
    public void Detection_head_over_levels()
        => Traced.Runs(new Head(), [new List<Tensor> { rand(1, 4, 4, 4), rand(1, 4, 2, 2) }], [new List<Tensor> { rand(2, 4, 6, 4), rand(2, 4, 3, 2) }]);

    private sealed class PositionalGrid : Module<Tensor, Tensor>
    {
        private readonly Tensor gaussian = randn(2, 3);

        public PositionalGrid() : base("PositionalGrid")
        {
            register_buffer("gaussian", gaussian);
            RegisterComponents();
        }

        private Tensor Encode(Tensor coords)
        {
            coords = 2 * coords - 1;
            coords = coords.matmul(gaussian);
            coords = 2 * Math.PI * coords;
            return cat([coords.sin(), coords.cos()], dim: -1);
        }

        public override Tensor forward(Tensor image)
        {
            var (h, w) = (image.shape[^2], image.shape[^1]);
            var grid = ones(h, w, device: image.device, dtype: ScalarType.Float32);
            var y = (grid.cumsum(0) - 0.5) / h;
            var x = (grid.cumsum(1) - 0.5) / w;
            return Encode(stack([x, y], dim: -1)).permute(2, 0, 1).unsqueeze(0).expand(image.shape[0], -1, -1, -1);
        }
    }

    [Fact]
    public void Positional_grid_from_a_shape() => Traced.Runs(new PositionalGrid(), [rand(1, 3, 4, 5)], [rand(2, 3, 2, 7)]);

    private sealed class PatchEmbedding : Module<Tensor, Tensor>
    {
        private readonly Conv2d proj = Conv2d(3, 8, 4, stride: 4);
        private readonly Parameter cls = Parameter(zeros(1, 1, 8));
        private readonly Parameter positions = Parameter(rand(1, 17, 8));

        public PatchEmbedding() : base("PatchEmbedding") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (b, _, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
            if (h % 4 != 0 || w % 4 != 0)
                throw new ArgumentException($"The image is {h}x{w}, not a multiple of 4.");
            x = proj.forward(x).flatten(2).transpose(1, 2);
            x = cat([cls.expand(b, -1, -1), x], dim: 1);
            return x + positions[.., ..(int)x.size(1)];
        }
    }

    [Fact]
    public void Patch_embedding_with_a_class_token() => Traced.Runs(new PatchEmbedding(), [rand(2, 3, 16, 16)], [rand(1, 3, 8, 16)]);
}
