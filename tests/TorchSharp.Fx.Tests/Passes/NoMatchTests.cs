using System.Text.RegularExpressions;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Where a pattern is nowhere found, it is said which place comes nearest and what is different there.</summary>
[Collection(nameof(FeatureExtraction.Alone))]
public sealed class NoMatchTests : IDisposable
{
    private readonly Action<string> before = fx.warn;
    private readonly List<string> warnings = [];

    public NoMatchTests() => fx.warn = warnings.Add;

    public void Dispose() => fx.warn = before;

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Model, Delegate Pattern, string Why)> Cases = new()
    {
        ["another operation"] = (x => x.abs().exp().relu(), (Tensor x) => x.neg().exp().relu(), "The nearest place is 'relu' (NoMatchTests.cs): the pattern has neg where the graph has abs ('abs_1')."),
        ["another constant"] = (x => x.neg().sum(1), (Tensor x) => x.neg().sum(2), "The nearest place is 'sum_1' (NoMatchTests.cs): 'sum_1' takes 1 where the pattern has 2."),
        ["an input where something is computed"] = (x => x.relu(), (Tensor x) => x.neg().relu(), "The nearest place is 'relu' (NoMatchTests.cs): the pattern has neg where the graph has the input 'x' ('x')."),
        ["two values for one input"] = (x => x.mul(x.neg()), (Tensor x) => x.mul(x), "The nearest place is 'mul' (NoMatchTests.cs): the pattern's 'x' would be both %x and %neg."),
        ["one value where the pattern has two"] = (x => Twice(x.relu()), (Tensor x) => x.relu() + x.relu(),
            "The nearest place is 'add' (NoMatchTests.cs): 'relu' would stand for two nodes of the pattern."),
        ["read elsewhere"] = (x => Both(x.neg()), (Tensor x) => x.neg().relu(), "The nearest place is 'relu' (NoMatchTests.cs): 'neg' is read by 'add' as well, which is not part of the match."),
    };

    private static Tensor Twice(Tensor x) => x + x;

    private static Tensor Both(Tensor x) => x.relu() + x;

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_nearest_place_and_what_differs_are_told(string name)
    {
        var (model, pattern, why) = Cases[name];
        using var module = fx.symbolic_trace(model);
        Delegate replacement = (Tensor x) => x.sigmoid();
        Assert.Empty(subgraph_rewriter.replace_pattern(module, pattern, replacement));
        Assert.Equal($"replace_pattern replaced nothing (suppress_match_warning: true hides this warning). {why}", Regex.Replace(Assert.Single(warnings), @"\.cs:\d+", ".cs"));

        Assert.Empty(subgraph_rewriter.replace_pattern(module, pattern, replacement, suppress_match_warning: true));
        Assert.Single(warnings);
        using var sought = fx.symbolic_trace(pattern);
        Assert.Equal(why, Regex.Replace(new SubgraphMatcher(sought).explain(module)!, @"\.cs:\d+", ".cs"));
    }

    private sealed class Layer : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(3, 3);

        public Layer() : base(nameof(Layer)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(x).relu();
    }

    [Fact]
    public void Modules_are_told_by_their_classes()
    {
        using var model = new Layer();
        using var module = fx.symbolic_trace(model);
        var conv = Conv1d(3, 3, 1);
        using var sought = fx.symbolic_trace((Tensor x) => conv.call(x).relu());
        Assert.Equal("The nearest place is 'relu' (NoMatchTests.cs): the pattern has a Conv1d where the graph has a Linear ('fc').", Regex.Replace(new SubgraphMatcher(sought).explain(module)!, @"\.cs:\d+", ".cs"));
    }

    [Fact]
    public void A_match_that_a_filter_leaves_out_is_told_and_one_that_is_replaced_is_not()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu());
        Delegate pattern = (Tensor x) => x.relu(), replacement = (Tensor x) => x.sigmoid();
        subgraph_rewriter.replace_pattern(module, pattern, replacement, [_ => false]);
        Assert.EndsWith(" The filters left out each of 1 matches.", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Single(subgraph_rewriter.replace_pattern(module, pattern, replacement));
        Assert.Single(warnings);
        using var sought = fx.symbolic_trace((Tensor x) => x.sigmoid());
        Assert.Null(new SubgraphMatcher(sought).explain(module));
    }
}
