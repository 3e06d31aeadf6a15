using TorchSharp.Fx.Tests.FeatureExtraction;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Distribution = TorchSharp.torch.distributions.Distribution;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Distributions, made of constants or of inputs, in forward or before: each sample is drawn in each run, in the program's order.</summary>
[Collection(nameof(Alone))] // they seed the generator that all share
public sealed class DistributionTests : IDisposable
{
    private readonly RandomState random = new();

    public void Dispose() => random.Dispose();

    private sealed class Samples(Func<Tensor, Distribution> make, bool reparametrised) : Module<Tensor, Tensor>(nameof(Samples))
    {
        public override Tensor forward(Tensor x)
        {
            var distribution = make(x);
            var one = reparametrised ? distribution.rsample() : distribution.sample();
            var other = reparametrised ? distribution.rsample() : distribution.sample();
            return x.sum() + one - 2 * other;
        }
    }

    private sealed class Prior(Distribution prior, bool reparametrised) : Module<Tensor, Tensor>(nameof(Prior))
    {
        private readonly Distribution prior = prior;

        public override Tensor forward(Tensor x)
        {
            var one = reparametrised ? prior.rsample(2) : prior.sample(2);
            var other = reparametrised ? prior.rsample(2) : prior.sample(2);
            return x.sum() + one - 2 * other;
        }
    }

    private static readonly Dictionary<string, Func<Tensor, Distribution>> Kinds = new()
    {
        ["Normal"] = p => distributions.Normal(p, p + 1),
        ["Uniform"] = p => distributions.Uniform(p, p + 1),
        ["Bernoulli"] = p => distributions.Bernoulli(probs: p),
        ["Binomial"] = p => distributions.Binomial(tensor(10.0f), probs: p),
        ["Categorical"] = p => distributions.Categorical(probs: p),
        ["Exponential"] = p => distributions.Exponential(p),
        ["Gamma"] = p => distributions.Gamma(p, p + 1),
        ["Beta"] = p => distributions.Beta(p, p + 1),
        ["Laplace"] = p => distributions.Laplace(p, p + 1),
        ["Poisson"] = p => distributions.Poisson(p + 3),
        ["Dirichlet"] = p => distributions.Dirichlet(p),
        ["Cauchy"] = p => distributions.Cauchy(p, p + 1),
        ["Geometric"] = p => distributions.Geometric(probs: p),
        ["Gumbel"] = p => distributions.Gumbel(p, p + 1),
        ["HalfNormal"] = p => distributions.HalfNormal(p),
        ["LogNormal"] = p => distributions.LogNormal(p, p + 1),
        ["Chi2"] = p => distributions.Chi2(p),
        ["Weibull"] = p => distributions.Weibull(p, p + 1),
        ["Pareto"] = p => distributions.Pareto(p, p + 1),
        ["OneHotCategorical"] = p => distributions.OneHotCategorical(probs: p),
    };

    /// <summary>Held by the model, they compute in closures of TorchSharp's own, which aren't followed.</summary>
    private static readonly string[] InClosures = ["Gumbel", "Weibull", "Pareto"];

    public static TheoryData<string> Names => [.. Kinds.Keys];

    public static TheoryData<string> Held => [.. Kinds.Keys.Except(InClosures)];

    public static TheoryData<string> Refused => [.. InClosures];

    [Theory, MemberData(nameof(Names))]
    public void Samples_of_a_distribution_of_inputs_are_drawn_in_order(string name) => Alike(name, x => Kinds[name](x), made: null);

    [Theory, MemberData(nameof(Names))]
    public void Samples_of_a_distribution_of_constants_are_drawn_in_order(string name) => Alike(name, _ => Kinds[name](full(3, 0.25f)), made: null);

    [Theory, MemberData(nameof(Held))]
    public void Samples_of_a_distribution_that_the_model_holds_are_drawn_in_order(string name) => Alike(name, make: null, Kinds[name](full(3, 0.25f)));

    [Theory, MemberData(nameof(Refused))]
    public void Samples_that_closures_of_TorchSharp_draw_are_refused(string name)
    {
        using var model = new Prior(Kinds[name](full(3, 0.25f)), reparametrised: false);
        var refusal = Assert.Throws<TraceException>(() => fx.symbolic_trace(model));
        Assert.StartsWith("FX026: ", refusal.Message, StringComparison.Ordinal);
    }

    private static void Alike(string name, Func<Tensor, Distribution>? make, Distribution? made)
    {
        _ = name;
        foreach (var reparametrised in new[] { false, true })
        {
            using Module<Tensor, Tensor> model = make is null ? new Prior(made!, reparametrised) : new Samples(make, reparametrised);
            using var x = full(3, 0.25f);
            if (Run(model, x) is not { } expected)
                continue;
            using var traced = (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);
            Same(expected, Run(traced, x)!.Value);
            PassManager.standard.call(traced);
            Same(expected, Run(traced, x)!.Value);
        }
    }

    private static void Same((Tensor Result, Tensor Next) expected, (Tensor Result, Tensor Next) actual)
    {
        Traced.Same(expected.Result, actual.Result);
        Traced.Same(expected.Next, actual.Next);
    }

    /// <summary>The result, and the next number of the generator afterwards; null where the distribution has no reparametrised sample.</summary>
    private static (Tensor Result, Tensor Next)? Run(Module<Tensor, Tensor> module, Tensor x)
    {
        try
        {
            manual_seed(5);
            return (module.call(x), rand(1));
        }
        catch (NotImplementedException)
        {
            return null;
        }
    }
}
