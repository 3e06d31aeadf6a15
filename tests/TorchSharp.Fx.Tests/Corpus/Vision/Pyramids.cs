using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Necks and decoders that join levels of several sizes.</summary>
internal static class Pyramids
{
    internal static readonly CorpusRow[] Rows =
    [
        new("FeaturePyramid", "levels joined from the top, each brought to the next one's size", () => new FeaturePyramid(),
            () => [[randn(1, 4, 8, 8), randn(1, 6, 4, 4), randn(1, 8, 2, 2)], [randn(2, 4, 9, 7), randn(2, 6, 5, 4), randn(2, 8, 3, 2)]]),
        new("BiFpnNode", "fast normalised fusion with weights of the model, any number of inputs", () => new BiFpnNode(),
            () => [[new[] { randn(1, 4, 4, 4), randn(1, 4, 4, 4), randn(1, 4, 4, 4) }], [new[] { randn(2, 4, 3, 5), randn(2, 4, 3, 5), randn(2, 4, 3, 5) }]])
            { ByExample = true },
        new("Aspp", "dilated branches in a ModuleList, a pooled one brought back to size", () => new Aspp(), () => [[randn(1, 4, 8, 8)], [randn(2, 4, 10, 6)]]),
        new("NestedUNet", "recursion over the depth, skips cropped or padded to size", () => new NestedUNet(), () => [[randn(1, 2, 8, 8)], [randn(2, 2, 12, 8)]]),
        new("SegFormerHead", "tokens back to maps, all levels to the first one's size", () => new SegFormerHead(),
            () => [[new List<Tensor> { randn(1, 4, 8, 8), randn(1, 8, 4, 4) }], [new List<Tensor> { randn(2, 4, 6, 10), randn(2, 8, 3, 5) }]]) { ByExample = true },
        new("PyramidPooling", "adaptive pools of a list of sizes, LINQ over modules", () => new PyramidPooling(), () => [[randn(1, 4, 6, 6)], [randn(2, 4, 8, 7)]]),
        new("AttentionGate", "a gate resampled to the skip it weighs", () => new AttentionGate(), () => [[randn(1, 4, 8, 8), randn(1, 8, 4, 4)], [randn(2, 4, 7, 9), randn(2, 8, 4, 5)]]),
    ];

    private sealed class FeaturePyramid : Module<Tensor, Tensor, Tensor, Dictionary<string, Tensor>>
    {
        private readonly ModuleList<Conv2d> inner = new(Conv2d(4, 4, 1), Conv2d(6, 4, 1), Conv2d(8, 4, 1));
        private readonly ModuleList<Conv2d> layer = new(Conv2d(4, 4, 3, padding: 1), Conv2d(4, 4, 3, padding: 1), Conv2d(4, 4, 3, padding: 1));

        public FeaturePyramid() : base(nameof(FeaturePyramid)) => RegisterComponents();

        public override Dictionary<string, Tensor> forward(Tensor c3, Tensor c4, Tensor c5)
        {
            Tensor[] levels = [c3, c4, c5];
            var last = inner[^1].call(levels[^1]);
            var results = new List<Tensor> { layer[^1].call(last) };
            for (var i = levels.Length - 2; i >= 0; i--)
            {
                var lateral = inner[i].call(levels[i]);
                last = lateral + functional.interpolate(last, size: [lateral.shape[2], lateral.shape[3]], mode: InterpolationMode.Nearest);
                results.Insert(0, layer[i].call(last));
            }
            results.Add(functional.max_pool2d(results[^1], 1, 2));
            return results.Select((level, i) => (Name: $"p{i + 3}", level)).ToDictionary(pair => pair.Name, pair => pair.level);
        }
    }

    private sealed class BiFpnNode : Module<Tensor[], Tensor>
    {
        private readonly Parameter weights = new(ones(3));
        private readonly Conv2d conv = Conv2d(4, 4, 3, padding: 1, groups: 4);
        private readonly SiLU act = SiLU();

        public BiFpnNode() : base(nameof(BiFpnNode)) => RegisterComponents();

        public override Tensor forward(Tensor[] inputs)
        {
            using var scope = NewDisposeScope();
            var w = functional.relu(weights);
            w = w / (w.sum() + 1e-4);
            var fused = inputs[0] * w[0];
            for (var i = 1; i < inputs.Length; ++i)
                fused += inputs[i] * w[i];
            return conv.forward(act.forward(fused)).MoveToOuterDisposeScope();
        }
    }

    private sealed class Aspp : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> branches = new();
        private readonly Sequential pooling = Sequential(AdaptiveAvgPool2d(1), Conv2d(4, 4, 1, bias: false), ReLU());
        private readonly Sequential project;

        public Aspp() : base(nameof(Aspp))
        {
            branches.Add(Sequential(Conv2d(4, 4, 1, bias: false), BatchNorm2d(4), ReLU()));
            foreach (var rate in new[] { 1, 2, 3 })
                branches.Add(Sequential(Conv2d(4, 4, 3, padding: rate, dilation: rate, bias: false), BatchNorm2d(4), ReLU()));
            project = Sequential(Conv2d(20, 4, 1, bias: false), Dropout(0.5));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var size = x.shape[^2..];
            var outputs = branches.Select(branch => branch.call(x)).ToList();
            outputs.Add(functional.interpolate(pooling.call(x), size, mode: InterpolationMode.Bilinear, align_corners: false));
            return project.call(cat(outputs, dim: 1));
        }
    }

    private sealed class NestedUNet : Module<Tensor, Tensor>
    {
        private readonly ModuleDict<Conv2d> convs = new();

        public NestedUNet() : base(nameof(NestedUNet))
        {
            for (var depth = 0; depth < 3; depth++)
                convs.Add(($"down{depth}", Conv2d(2, 2, 3, padding: 1)));
            for (var depth = 0; depth < 2; depth++)
                convs.Add(($"up{depth}", Conv2d(4, 2, 3, padding: 1)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => Descend(x, 0);

        private Tensor Descend(Tensor x, int depth)
        {
            x = functional.relu(convs[$"down{depth}"].call(x));
            if (depth == 2)
                return x;
            var below = Descend(functional.max_pool2d(x, 2), depth + 1);
            below = functional.interpolate(below, scale_factor: [2.0, 2.0]);
            var (dy, dx) = (x.size(2) - below.size(2), x.size(3) - below.size(3));
            below = functional.pad(below, [dx / 2, dx - dx / 2, dy / 2, dy - dy / 2]);
            return functional.relu(convs[$"up{depth}"].call(cat([x, below], 1)));
        }
    }

    private sealed class SegFormerHead : Module<List<Tensor>, Tensor>
    {
        private readonly ModuleList<Linear> proj = new(Linear(4, 6), Linear(8, 6));
        private readonly Conv2d fuse = Conv2d(12, 6, 1, bias: false);
        private readonly BatchNorm2d bn = BatchNorm2d(6);

        public SegFormerHead() : base(nameof(SegFormerHead)) => RegisterComponents();

        public override Tensor forward(List<Tensor> states)
        {
            var batch = states[^1].shape[0];
            var all = new List<Tensor>();
            foreach (var (state, mlp) in states.Zip(proj))
            {
                var (h, w) = (state.shape[2], state.shape[3]);
                var y = mlp.call(state.flatten(2).transpose(1, 2));
                y = y.permute(0, 2, 1).reshape(batch, -1, h, w);
                all.Add(functional.interpolate(y, size: states[0].shape.Skip(2).ToArray(), mode: InterpolationMode.Bilinear, align_corners: false));
            }
            all.Reverse();
            return functional.relu(bn.call(fuse.call(cat(all, 1))));
        }
    }

    private sealed class PyramidPooling : Module<Tensor, Tensor>
    {
        private readonly Sequential[] stages;
        private readonly Conv2d bottleneck = Conv2d(4 + 3 * 2, 4, 1);

        public PyramidPooling() : base(nameof(PyramidPooling))
        {
            stages = [.. new long[] { 1, 2, 3 }.Select(size => Sequential(("pool", AdaptiveAvgPool2d([size, size])), ("conv", Conv2d(4, 2, 1))))];
            foreach (var (stage, i) in stages.Select((stage, i) => (stage, i)))
                register_module($"stage{i}", stage);
            RegisterComponents();
        }

        public override Tensor forward(Tensor feats)
        {
            var (h, w) = (feats.size(2), feats.size(3));
            var priors = stages.Select(stage => functional.interpolate(stage.forward(feats), size: [h, w], mode: InterpolationMode.Bilinear, align_corners: false)).Append(feats);
            return bottleneck.forward(cat(priors.ToArray(), 1)).relu_();
        }
    }

    private sealed class AttentionGate : Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv2d theta = Conv2d(4, 4, 2, stride: 2, bias: false);
        private readonly Conv2d phi = Conv2d(8, 4, 1);
        private readonly Conv2d psi = Conv2d(4, 1, 1);

        public AttentionGate() : base(nameof(AttentionGate)) => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor gate)
        {
            var input = x.size();
            var theta_x = theta.call(x);
            var phi_g = functional.interpolate(phi.call(gate), theta_x.size()[2..], mode: InterpolationMode.Bilinear, align_corners: false);
            var sigm = psi.call((theta_x + phi_g).relu()).sigmoid();
            return functional.interpolate(sigm, input[2..], mode: InterpolationMode.Bilinear, align_corners: false).expand_as(x) * x;
        }
    }
}
