using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Corpus.Vision;

/// <summary>Modules that are kept, made and called in every way but the registered one.</summary>
internal static class ModuleShapes
{
    internal static readonly CorpusRow[] Rows =
    [
        new("InlineSoftmax", "parameterless modules made in forward and called at once", () => new InlineSoftmax(), () => [[randn(2, 4)], [randn(3, 6)]])
            { Unregistered = ["softmax (Softmax)", "relu (ReLU)", "adaptiveavgpool1d (AdaptiveAvgPool1d)"] },
        new("InlineBlock", "a module of one's own made in forward, with children", () => new InlineBlock(), () => [[randn(2, 4)], [randn(3, 6)]])
            { Unregistered = ["scaled (Scaled)", "scaled.tanh (Tanh)"] },
        new("HeadsByName", "modules in an unregistered dictionary of arrays", () => new HeadsByName(), () => [[randn(2, 4)], [randn(3, 4)]])
            { Unregistered = ["heads.box.0 (Linear)", "heads.box.1 (Linear)", "heads.mask.0 (Linear)"] },
        new("LazyProjection", "a module made at its first use and kept in a field", () => new LazyProjection(), () => [[randn(2, 4)], [randn(3, 4)]])
            { ByExample = true, Breaks = () => [randn(2, 5)], Drops = ["LazyProjection.projection"], Unregistered = ["linear (Linear)"] },
        new("Holder", "modules inside an object that is no module", () => new Holder(), () => [[randn(2, 4)], [randn(3, 4)]])
            { Unregistered = ["parts.Items.0 (Linear)", "parts.Last (ReLU)"] },
        new("PickedBlock", "a block picked by an index of the configuration, a generic method", () => new PickedBlock(1), () => [[randn(2, 4)], [randn(3, 4)]]),
    ];

    private sealed class InlineSoftmax() : Module<Tensor, Tensor>(nameof(InlineSoftmax))
    {
        public override Tensor forward(Tensor x)
        {
            x = Softmax(-1).forward(x);
            x = ReLU().call(x - 0.1);
            return AdaptiveAvgPool1d(2).call(x.unsqueeze(0));
        }
    }

    private sealed class Scaled : Module<Tensor, Tensor>
    {
        private readonly double scale;
        private readonly Tanh tanh = Tanh();

        public Scaled(double scale) : base(nameof(Scaled))
        {
            this.scale = scale;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => tanh.call(x) * scale;
    }

    private sealed class InlineBlock() : Module<Tensor, Tensor>(nameof(InlineBlock))
    {
        public override Tensor forward(Tensor x)
        {
            using var block = new Scaled(0.5);
            return block.call(x) + block.call(-x).abs();
        }
    }

    private sealed class HeadsByName() : Module<Tensor, Dictionary<string, Tensor>>(nameof(HeadsByName))
    {
        private readonly Dictionary<string, Linear[]> heads = new() { ["box"] = [Linear(4, 4), Linear(4, 2)], ["mask"] = [Linear(4, 3)] };

        public override Dictionary<string, Tensor> forward(Tensor x)
        {
            var results = new Dictionary<string, Tensor>();
            foreach (var (name, layers) in heads)
            {
                var y = x;
                foreach (var layer in layers)
                    y = layer.call(y).relu();
                results.Add(name, y);
            }
            return results;
        }
    }

    private sealed class LazyProjection() : Module<Tensor, Tensor>(nameof(LazyProjection))
    {
        private Linear? projection;

        public override Tensor forward(Tensor x)
        {
            if (projection is null)
            {
                projection = Linear(x.shape[1], 2);
                init.constant_(projection.weight!, 0.5);
                init.zeros_(projection.bias!);
            }
            return projection.call(x);
        }
    }

    private sealed class Parts
    {
        public List<Linear> Items { get; } = [Linear(4, 4)];
        public readonly ReLU Last = ReLU();
    }

    private sealed class Holder() : Module<Tensor, Tensor>(nameof(Holder))
    {
        private readonly Parts parts = new();

        public override Tensor forward(Tensor x) => parts.Last.call(parts.Items.First().call(x));
    }

    private sealed class PickedBlock : Module<Tensor, Tensor>
    {
        private readonly ModuleList<Module<Tensor, Tensor>> blocks = new(Linear(4, 4), Sequential(Linear(4, 2), ReLU()));
        private readonly int index;

        public PickedBlock(int index) : base(nameof(PickedBlock))
        {
            this.index = index;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => Pick<Sequential>(blocks).call(x) + (blocks[index] is Sequential s ? s.Count : 0);

        private T Pick<T>(IEnumerable<Module> among) where T : Module => (T)among.ElementAt(index);
    }
}
