using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.Fx.Tests.Corpus.Applications.ApplicationCorpus;

namespace TorchSharp.Fx.Tests.Corpus.Applications;

/// <summary>Models whose parts are set after the constructor: by loaders, factories and options.</summary>
internal static class LoaderModules
{
    internal static readonly CorpusRow[] Rows =
    [
        Row("LateFields", "layers made by a method that is called later, and registered then", () => new LateFields().Initialised(), [1, 4], [2, 4], [3, 4]),
        Row("ByConfiguration", "layers by name from a table of factories", () => new ByConfiguration("linear gelu linear"), [1, 4], [2, 4], [3, 4]),
        Row("LateList", "items added to a list that is registered already", () => new LateList().Grown(), [1, 4], [2, 4], [3, 4]) with { Unregistered = ["layers.0 (Linear)", "layers.1 (Linear)"] },
        Row("Unregistered", "a head assigned to a field after registration", () => new LateHead().WithHead(), [1, 4], [2, 4], [3, 4]) with { Unregistered = ["head (Linear)"] },
        Row("DottedNames", "parameters under names with dots, a weight made of direction and length", () => new DottedNames(), [1, 4], [2, 4], [3, 4]),
        Row("TupleParts", "layers in tuples and records", () => new TupleParts(), [1, 4], [2, 4], [3, 4]) with { Unregistered = ["parts.0.Item1 (Linear)", "parts.0.Item2 (LayerNorm)", "pair.First (Linear)"] },
        Row("FrozenBackbone", "a backbone without gradients, a head with", () => new FrozenBackbone(), [1, 4], [2, 4], [3, 4]),
        Row("SharedPieces", "one layer in two fields and a list", () => new SharedPieces(), [1, 4], [2, 4], [3, 4]),
        Row("OptionsObject", "an options record that decides the ways", () => new OptionsObject(new(true, 2, "relu")), [1, 4], [2, 4], [3, 4]),
        Row("ModuleByType", "what a module is decides what is done with it", () => new ModuleByType(), [1, 4], [2, 4], [3, 4]),
    ];

    private sealed class LateFields() : Module<Tensor, Tensor>("LateFields")
    {
        private Linear fc1 = null!;
        private LayerNorm? norm;

        internal LateFields Initialised()
        {
            (fc1, norm) = (Linear(4, 6), LayerNorm(6));
            RegisterComponents();
            return this;
        }

        public override Tensor forward(Tensor x) => norm is null ? fc1.call(x) : norm.call(fc1.call(x));
    }

    private sealed class ByConfiguration : Module<Tensor, Tensor>
    {
        private static readonly Dictionary<string, Func<Module<Tensor, Tensor>>> Factories = new() { ["linear"] = () => Linear(4, 4), ["gelu"] = () => GELU() };
        private readonly ModuleList<Module<Tensor, Tensor>> layers = [];

        public ByConfiguration(string names) : base("ByConfiguration")
        {
            foreach (var name in names.Split(' '))
                layers.Add(Factories[name]());
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => layers.Aggregate(x, (y, layer) => layer.call(y));
    }

    private sealed class LateList : Block
    {
        private readonly ModuleList<Linear> layers = [];

        internal LateList Grown()
        {
            layers.Add(Linear(4, 4));
            layers.Add(Linear(4, 2));
            return this;
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer.call(x);
            return x;
        }
    }

    private sealed class LateHead : Block
    {
        private readonly Linear body = Linear(4, 4);
        private Linear? head;

        internal LateHead WithHead()
        {
            head = Linear(4, 2);
            return this;
        }

        public override Tensor forward(Tensor x) => head?.call(body.call(x)) ?? body.call(x);
    }

    private sealed class DottedNames : Module<Tensor, Tensor>
    {
        private readonly ParameterDict parametrizations = new();

        public DottedNames() : base("DottedNames")
        {
            parametrizations.Add("weight.original0", Parameter(rand(6, 1)));
            parametrizations.Add("weight.original1", Parameter(randn(6, 4)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var (length, direction) = (parametrizations["weight.original0"], parametrizations["weight.original1"]);
            return functional.linear(x, length * direction / direction.norm(1, keepdim: true));
        }
    }

    private sealed record Pair(Linear First, string Name);

    private sealed class TupleParts() : Module<Tensor, Tensor>("TupleParts")
    {
        private readonly (Linear, LayerNorm)[] parts = [(Linear(4, 4), LayerNorm(4))];
        private readonly Pair pair = new(Linear(4, 2), "last");

        public override Tensor forward(Tensor x)
        {
            foreach (var (linear, norm) in parts)
                x = norm.call(linear.call(x));
            return pair.First.call(x);
        }
    }

    private sealed class FrozenBackbone : Block
    {
        private readonly Sequential backbone = Sequential(Linear(4, 4), ReLU());
        private readonly Linear head = Linear(4, 2);

        public override Tensor forward(Tensor x)
        {
            Tensor features;
            using (no_grad())
                features = backbone.call(x);
            return head.call(features);
        }
    }

    private sealed class SharedPieces : Module<Tensor, Tensor>
    {
        private readonly Linear first, second;
        private readonly ModuleList<Linear> all;

        public SharedPieces() : base("SharedPieces")
        {
            first = second = Linear(4, 4);
            all = ModuleList(first, second);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => all.Aggregate(second.call(first.call(x)), (y, layer) => layer.call(y).tanh());
    }

    private sealed record Options(bool Residual, int Depth, string Activation);

    private sealed class OptionsObject(Options options) : Block
    {
        private readonly ModuleList<Linear> layers = ModuleList(Enumerable.Range(0, options.Depth).Select(_ => Linear(4, 4)).ToArray());

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
            {
                var y = options.Activation switch { "relu" => layer.call(x).relu(), "gelu" => functional.gelu(layer.call(x)), _ => layer.call(x) };
                x = options.Residual ? x + y : y;
            }
            return x;
        }
    }

    private sealed class ModuleByType : Block
    {
        private readonly ModuleList<Module> layers = ModuleList<Module>(Linear(4, 4), Dropout(0.0), LSTM(4, 4, batchFirst: true));

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers)
                x = layer switch
                {
                    LSTM lstm => lstm.call(x.unsqueeze(1)).Item1.squeeze(1),
                    Module<Tensor, Tensor> plain => plain.call(x),
                    _ => throw new NotSupportedException(layer.GetType().Name),
                };
            return x;
        }
    }
}
