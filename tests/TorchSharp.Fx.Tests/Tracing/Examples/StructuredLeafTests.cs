using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>Leaf modules that give and take structures, traced by example: their tensors live as long as the trace.</summary>
public sealed class StructuredLeafTests
{
    private sealed record Pair(Tensor Sum, Tensor Product);

    private sealed class Output(Tensor a, List<Tensor> rest)
    {
        public Tensor A { get; } = a;

        public readonly List<Tensor> Rest = rest;
    }

    private sealed class Dictionaries() : Module<Tensor, Dictionary<string, Tensor>>(nameof(Dictionaries))
    {
        public override Dictionary<string, Tensor> forward(Tensor x) => new() { ["twice"] = x * 2, ["more"] = x + 1 };
    }

    private sealed class Lists() : Module<Tensor, List<(Tensor, Tensor)>>(nameof(Lists))
    {
        public override List<(Tensor, Tensor)> forward(Tensor x) => [(x * 2, x + 1), (x - 1, x / 2)];
    }

    private sealed class Records() : Module<Tensor, Pair>(nameof(Records))
    {
        public override Pair forward(Tensor x) => new(x + 1, x * 2);
    }

    private sealed class Classes() : Module<Tensor, Output>(nameof(Classes))
    {
        public override Output forward(Tensor x) => new(x + 1, [x * 2, x * 3]);
    }

    private sealed class Arrays() : Module<Tensor, Tensor[][]>(nameof(Arrays))
    {
        public override Tensor[][] forward(Tensor x) => [[x * 2], [x + 1, x - 1]];
    }

    private sealed class Long() : Module<Tensor, (Tensor, int, Tensor, int, Tensor, int, Tensor, int, Tensor)>(nameof(Long))
    {
        public override (Tensor, int, Tensor, int, Tensor, int, Tensor, int, Tensor) forward(Tensor x) => (x, 1, x + 1, 2, x + 2, 3, x + 3, 4, x * 4);
    }

    /// <summary>Reads what a leaf gave; what goes wrong on the way would be hidden by the catch.</summary>
    private sealed class Reading<T> : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, T> inner;
        private readonly Func<T, Tensor> read;

        internal Reading(Module<Tensor, T> inner, Func<T, Tensor> read) : base("Reading")
        {
            (this.inner, this.read) = (inner, read);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            try
            {
                var given = inner.call(x.relu());
                return x.shape[0] > 1 ? read(given) : x;
            }
            catch (Exception)
            {
                return x;
            }
        }
    }

    [Fact]
    public void A_dictionary() => Check(new Dictionaries(), given => given["twice"] * given["more"].sum());

    [Fact]
    public void A_dictionary_that_is_gone_through() => Check(new Dictionaries(), given =>
    {
        var sum = zeros(3);
        foreach (var (name, value) in given)
            sum = name == "more" ? sum + value : sum - value;
        return sum;
    });

    [Fact]
    public void A_list_of_tuples() => Check(new Lists(), given => given[0].Item1 * given[1].Item2.relu() + given[^1].Item1);

    [Fact]
    public void A_list_of_tuples_that_is_gone_through() => Check(new Lists(), given =>
    {
        var sum = zeros(3);
        foreach (var (a, b) in given)
            sum = sum * a + b;
        return sum;
    });

    [Fact]
    public void A_record() => Check(new Records(), given => given.Sum.exp() / given.Product);

    [Fact]
    public void A_class_with_fields_properties_and_a_list() => Check(new Classes(), given => given.A - given.Rest[0] * given.Rest[1].abs());

    [Fact]
    public void Arrays_of_arrays() => Check(new Arrays(), given => given[0][0] - given[1][1] * given[1][0]);

    [Fact]
    public void A_long_tuple() => Check(new Long(), given => given.Item9 - given.Item3 * given.Item2);

    private static void Check<T>(Module<Tensor, T> leaf, Func<T, Tensor> read)
    {
        using var model = new Reading<T>(leaf, read);
        using var example = rand(4, 3) - 0.5;
        var tracer = new LeafTracer(leaf);
        var graph = tracer.trace(model, example_inputs: [example]);
        using var module = new GraphModule<Tensor, Tensor>(model, graph, tracer.tensor_constants);
        foreach (var rows in new[] { 4, 2 })
        {
            using var x = rand(rows, 3) - 0.5;
            using var expected = model.call(x);
            using var compiled = module.call(x);
            using var compiledAgain = module.call(x);
            using var evaluated = (Tensor)new GraphInterpreter(module).run(x)!;
            Assert.All(new[] { compiled, compiledAgain, evaluated }, result => Assert.True(result.equal(expected).all().item<bool>()));
            Assert.False(x.equal(expected).all().item<bool>());
        }
    }

    private sealed class LeafTracer(Module leaf) : Tracer
    {
        public override bool is_leaf_module(Module m, string module_qualified_name) => m == leaf || base.is_leaf_module(m, module_qualified_name);
    }
}
