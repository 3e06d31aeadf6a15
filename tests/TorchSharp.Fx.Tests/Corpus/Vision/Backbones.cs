using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Blocks of convolutional backbones.</summary>
internal static class Backbones
{
    internal static readonly CorpusRow[] Rows =
    [
        new("ConvNextBlock", "channels last and back, a scale of the model, whole samples dropped", () => new ConvNextBlock(4, 0.5), () => [[randn(1, 4, 6, 6)], [randn(3, 4, 5, 7)]]) { Training = true },
        new("InvertedResidual", "a list of layers made by options, a residual only where shapes allow", () => new InvertedResidual(4, 4, 1, 6), () => [[randn(1, 4, 6, 6)], [randn(2, 4, 5, 5)]]),
        new("SqueezeExcite", "pooled by mean, activation as a delegate", () => new SqueezeExcite(8, functional.relu, x => functional.hardsigmoid(x)), () => [[randn(1, 8, 4, 4)], [randn(2, 8, 3, 5)]]),
        new("ShuffleUnit", "channels shuffled by views, halves by chunk", () => new ShuffleUnit(), () => [[randn(1, 4, 4, 4)], [randn(2, 4, 6, 5)]]),
        new("DenseBlock", "features collected in a list and joined by params", () => new DenseBlock(), () => [[randn(1, 4, 4, 4)], [randn(2, 4, 3, 6)]]),
        new("GhostModule", "cheap features cut to the wanted count", () => new GhostModule(), () => [[randn(1, 4, 4, 4)], [randn(2, 4, 5, 3)]]),
        new("RepVgg", "branches that may be null, different code in training mode", () => new RepVgg(), () => [[randn(2, 4, 4, 4)], [randn(3, 4, 6, 5)]]) { Training = true },
        new("CspStage", "LINQ's Aggregate over modules, a switch expression for the activation", () => new CspStage("silu"), () => [[randn(1, 4, 4, 4)], [randn(2, 4, 5, 6)]]),
    ];

    private sealed class ConvNextBlock : Module<Tensor, Tensor>
    {
        private readonly Conv2d dwconv;
        private readonly LayerNorm norm;
        private readonly Linear pwconv1, pwconv2;
        private readonly Parameter? gamma;
        private readonly double drop;

        public ConvNextBlock(long dim, double drop, double layerScale = 1e-6) : base(nameof(ConvNextBlock))
        {
            this.drop = drop;
            dwconv = Conv2d(dim, dim, 7, padding: 3, groups: dim);
            norm = LayerNorm([dim], eps: 1e-6);
            (pwconv1, pwconv2) = (Linear(dim, 4 * dim), Linear(4 * dim, dim));
            gamma = layerScale > 0 ? Parameter(layerScale * ones(dim)) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var _ = NewDisposeScope();
            var input = x;
            x = dwconv.call(x).permute(0, 2, 3, 1);
            x = pwconv2.call(functional.gelu(pwconv1.call(norm.call(x))));
            if (gamma is not null)
                x = gamma * x;
            return (input + DropPath(x.permute(0, 3, 1, 2))).MoveToOuterDisposeScope();
        }

        private Tensor DropPath(Tensor x)
        {
            if (drop == 0 || !training)
                return x;
            var keep = 1 - drop;
            var mask = x.new_empty([x.shape[0], 1, 1, 1]).bernoulli_(keep);
            return x * mask.div_(keep);
        }
    }

    private sealed class InvertedResidual : Module<Tensor, Tensor>
    {
        private readonly bool residual;
        private readonly Sequential conv;

        public InvertedResidual(long from, long to, int stride, int expand) : base(nameof(InvertedResidual))
        {
            var hidden = from * expand;
            var layers = new List<(string, Module<Tensor, Tensor>)>();
            if (expand != 1)
                layers.AddRange([("pw", Conv2d(from, hidden, 1, bias: false)), ("pw_bn", BatchNorm2d(hidden)), ("pw_act", ReLU6(inplace: true))]);
            layers.AddRange([("dw", Conv2d(hidden, hidden, 3, stride: stride, padding: 1, groups: hidden, bias: false)), ("dw_bn", BatchNorm2d(hidden)), ("dw_act", ReLU6())]);
            layers.Add(("out", Conv2d(hidden, to, 1, bias: false)));
            conv = Sequential(layers);
            residual = stride == 1 && from == to;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => residual ? x + conv.call(x) : conv.call(x);
    }

    private sealed class SqueezeExcite : Module<Tensor, Tensor>
    {
        private readonly Conv2d reduce, expand;
        private readonly Func<Tensor, bool, Tensor> act;
        private readonly Func<Tensor, Tensor> gate;

        public SqueezeExcite(long channels, Func<Tensor, bool, Tensor> act, Func<Tensor, Tensor> gate) : base(nameof(SqueezeExcite))
        {
            (this.act, this.gate) = (act, gate);
            (reduce, expand) = (Conv2d(channels, channels / 4, 1), Conv2d(channels / 4, channels, 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var pooled = x.mean([2, 3], keepdim: true);
            return x * gate(expand.call(act(reduce.call(pooled), false)));
        }
    }

    private sealed class ShuffleUnit : Module<Tensor, Tensor>
    {
        private readonly Conv2d branch = Conv2d(2, 2, 3, padding: 1);

        public ShuffleUnit() : base(nameof(ShuffleUnit)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var halves = x.chunk(2, dim: 1);
            return Shuffle(cat([halves[0], branch.call(halves[1])], 1), 2);
        }

        private static Tensor Shuffle(Tensor x, int groups)
        {
            if (x.shape is not [var n, var c, var h, var w])
                throw new ArgumentException("A map has four dimensions.");
            return x.view(n, groups, c / groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w);
        }
    }

    private sealed class DenseBlock : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Conv2d> layers = new(Conv2d(4, 2, 3, padding: 1), Conv2d(6, 2, 3, padding: 1), Conv2d(8, 2, 3, padding: 1));

        public DenseBlock() : base(nameof(DenseBlock)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            List<Tensor> features = [x];
            foreach (var layer in layers)
                features.Add(functional.relu(layer.call(Join([.. features]))));
            return Join([.. features]);
        }

        private static Tensor Join(params Tensor[] parts) => parts.Length == 1 ? parts[0] : cat(parts, 1);
    }

    private sealed class GhostModule : Module<Tensor, Tensor>
    {
        private readonly Conv2d primary = Conv2d(4, 3, 1);
        private readonly Conv2d cheap = Conv2d(3, 3, 3, padding: 1, groups: 3);
        private const int Wanted = 5;

        public GhostModule() : base(nameof(GhostModule)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var first = primary.forward(x);
            var second = cheap.forward(first);
            return cat(new List<Tensor> { first, second }, 1)[.., ..Wanted, .., ..];
        }
    }

    private sealed class RepVgg : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv3 = Conv2d(4, 4, 3, padding: 1, bias: false);
        private readonly Conv2d conv1 = Conv2d(4, 4, 1, bias: false);
        private readonly BatchNorm2d? identity = BatchNorm2d(4);

        public RepVgg() : base(nameof(RepVgg)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            if (training)
                return functional.relu(conv3.call(x) + conv1.call(x) + (identity?.call(x) ?? 0));
            var kernel = conv3.weight! + functional.pad(conv1.weight!, [1, 1, 1, 1]);
            return functional.relu(functional.conv2d(x, kernel, padding: [1, 1]));
        }
    }

    private sealed class CspStage : Module<Tensor, Tensor>
    {
        private readonly string activation;
        private readonly ModuleList<Conv2d> blocks = new(Conv2d(2, 2, 3, padding: 1), Conv2d(2, 2, 3, padding: 1));

        public CspStage(string activation) : base(nameof(CspStage))
        {
            this.activation = activation;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var split = x.split(2, 1);
            var deep = blocks.Aggregate(split[1], (y, block) => y + Act(block.call(y)));
            return cat([split[0], deep], 1);
        }

        private Tensor Act(Tensor x) => activation switch
        {
            "relu" => x.relu(),
            "silu" => functional.silu(x),
            "leaky" => functional.leaky_relu(x, 0.1),
            _ => throw new NotSupportedException($"There is no activation '{activation}'."),
        };
    }
}
