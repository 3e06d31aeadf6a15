using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Random numbers: a graph draws what the program draws, in its order, from generators in the same state, before and after the passes.</summary>
[Collection("Tensor counts")] // they seed the generator that all share
public sealed class RandomnessTests
{
    private sealed class Program(Func<Tensor, Tensor> body) : Module<Tensor, Tensor>(nameof(Program))
    {
        public override Tensor forward(Tensor x) => body(x);
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Programs = new()
    {
        ["two samples"] = x =>
        {
            var dist = distributions.Normal(x, x.exp());
            return dist.sample() - dist.sample();
        },
        ["two reparametrised samples"] = x =>
        {
            var dist = distributions.Uniform(x, x + 1);
            return dist.rsample() - dist.rsample();
        },
        ["a draw that nobody reads"] = x =>
        {
            rand_like(x);
            return x + rand_like(x);
        },
        ["a draw in place that nobody reads"] = x =>
        {
            zeros_like(x).uniform_(0, 1);
            return x + rand(2, 2);
        },
        ["a seed"] = x =>
        {
            manual_seed(7);
            return x + randn_like(x);
        },
        ["a seed of torch.random"] = x =>
        {
            random.manual_seed(7);
            return x + randn_like(x);
        },
        ["a generator of its own"] = x =>
        {
            using var generator = new Generator(5);
            return x + randn([2, 2], generator: generator) - randn([2, 2], generator: generator);
        },
        ["two generators alike"] = x =>
        {
            using var one = new Generator(5);
            using var other = new Generator(5);
            return x + randn([2, 2], generator: one) - 2 * randn([2, 2], generator: other);
        },
        ["a generator that is seeded again"] = x =>
        {
            using var generator = new Generator();
            generator.manual_seed(11);
            return x + rand([2, 2], generator: generator);
        },
        ["a state that is kept and set"] = x =>
        {
            var state = get_rng_state();
            var a = randn_like(x);
            set_rng_state(state);
            return x + a - 2 * randn_like(x);
        },
        ["binomial of constants"] = x => x + binomial(full(2, 2, 10.0f), full(2, 2, 0.5f)),
        ["an initialisation"] = x =>
        {
            var w = empty(2, 2);
            init.kaiming_uniform_(w);
            return x.mm(w);
        },
        ["an initialisation by Xavier"] = x => x.mm(init.xavier_normal_(empty(2, 2))),
        ["an orthogonal initialisation"] = x => x.mm(init.orthogonal_(empty(2, 2))),
        ["attention of constants with dropout"] = x => x + functional.scaled_dot_product_attention(ones(1, 2, 2), ones(1, 2, 2), ones(1, 2, 2), p: 0.5)[0],
        ["dropout of constants"] = x => x + functional.dropout(ones(2, 2), 0.5, true),
        ["poisson of constants"] = x => x + poisson(full(2, 2, 4.0f)),
        ["a permutation"] = x => x[randperm(2, int64)],
    };

    public static TheoryData<string> Names => [.. Programs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_graph_draws_what_the_program_draws(string name)
    {
        using var model = new Program(Programs[name]);
        using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
        Compare(model, traced);
        PassManager.standard.call(traced);
        Compare(model, traced);
    }

    private static void Compare(Module<Tensor, Tensor> model, Module<Tensor, Tensor> traced)
    {
        using var x = full(2, 2, 0.5f);
        for (var seed = 1; seed < 4; seed++)
        {
            var (expected, left) = Run(model, x, seed);
            var (actual, after) = Run(traced, x, seed);
            Traced.Same(expected, actual);
            Traced.Same(left, after);
        }
    }

    /// <summary>The result, and the next number of the generator afterwards.</summary>
    private static (Tensor Result, Tensor Next) Run(Module<Tensor, Tensor> module, Tensor x, int seed)
    {
        manual_seed(seed);
        return (module.call(x), rand(1));
    }
}
