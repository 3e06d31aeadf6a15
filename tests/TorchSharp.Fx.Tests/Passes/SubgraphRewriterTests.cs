using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_subgraph_rewriter.</summary>
public sealed class SubgraphRewriterTests
{
    private sealed record Case(Func<Tensor, Tensor> Model, Delegate Pattern, Delegate Replacement, Func<Tensor, Tensor> Expected, int Count);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["one operation"] = new(x => x.neg() + x.relu(), (Tensor x) => x.relu(), (Tensor x) => x.sigmoid(), x => x.neg() + x.sigmoid(), 1),
        ["no match"] = new(x => x.neg(), (Tensor x) => x.relu(), (Tensor x) => x.sigmoid(), x => x.neg(), 0),
        ["several matches"] = new(x => x.neg().relu() + x.relu().neg().relu(), (Tensor x) => x.neg().relu(), (Tensor x) => x.abs(), x => x.abs() + x.relu().abs(), 2),
        ["a match that feeds the next"] = new(x => x.neg().neg().neg(), (Tensor x) => x.neg(), (Tensor x) => x.sin(), x => x.sin().sin().sin(), 3),
        ["overlapping matches"] = new(x => x.relu().relu().relu(), (Tensor x) => x.relu().relu(), (Tensor x) => x.sin(), x => x.sin().relu(), 1),
        ["inputs in another order"] = new(x => x.neg().div(x), (Tensor a, Tensor b) => a.div(b), (Tensor a, Tensor b) => b.div(a), x => x.div(x.neg()), 1),
        ["the same input twice"] = new(x => x.mul(x) + x.mul(x.neg()), (Tensor a) => a.mul(a), (Tensor a) => a.square(), x => x.square() + x.mul(x.neg()), 1),
        ["a wildcard for the whole of something"] = new(x => (x.sin() + x.cos()).relu(), (Tensor a) => a.relu(), (Tensor a) => a.abs(), x => (x.sin() + x.cos()).abs(), 1),
        ["a wildcard for a number"] = new(x => x.pow(2) + x.pow(3), (Tensor x, Scalar n) => x.pow(n), (Tensor x, Scalar n) => x.mul(n), x => x.mul(2) + x.mul(3), 2),
        ["the input itself"] = new(x => x.neg().neg().relu(), (Tensor x) => x.neg().neg(), (Tensor x) => x, x => x.relu(), 1),
        ["read on its way"] = new(x => Both(x.neg()), (Tensor x) => x.neg().relu(), (Tensor x) => x.abs(), x => Both(x.neg()), 0),
        ["other constants"] = new(x => x.sum(0) + x.sum(1), (Tensor x) => x.sum(1), (Tensor x) => x.mean([1L]), x => x.sum(0) + x.mean([1L]), 1),
        ["two results"] = new(x => x.sin() * x.cos() + x.tan(), (Tensor x) => (x.sin(), x.cos()), (Tensor x) => (x.abs(), x.neg()), x => x.abs() * x.neg() + x.tan(), 1),
        ["a result and what comes of it"] = new(x => Both(x.sin()), (Tensor x) => (x.sin(), x.sin().relu()), (Tensor x) => (x.abs(), x.neg()), x => Both(x.sin()), 0),
        ["a list of tensors"] = new(x => cat(new[] { x, x.neg() }, 0), (Tensor a, Tensor b) => cat(new[] { a, b }, 0), (Tensor a, Tensor b) => cat(new[] { b, a }, 0), x => cat(new[] { x.neg(), x }, 0), 1),
        ["sizes"] = new(x => x.reshape(x.shape[0], -1).relu(), (Tensor x) => x.reshape(x.shape[0], -1), (Tensor x) => x.flatten(1), x => x.flatten(1).relu(), 1),
        ["written to meanwhile"] = new(Written, (Tensor x) => x.sin().relu(), (Tensor x) => x.sin(), Written, 0),
    };

    private static Tensor Both(Tensor x) => x + x.relu();

    private static Tensor Written(Tensor x)
    {
        x = x.clone();
        var y = x.sin();
        x.add_(1);
        return y.relu() + x;
    }

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_pattern_does_is_replaced_and_only_that(string name)
    {
        using var scope = NewDisposeScope();
        var (model, pattern, replacement, expected, count) = Cases[name];
        using var module = fx.symbolic_trace(model);
        var replaced = subgraph_rewriter.replace_pattern(module, pattern, replacement);
        module.graph.lint();
        Assert.Equal(count, replaced.Count);
        var x = rand(2, 3);
        Assert.True(expected(x).bytes.SequenceEqual(module.call(x).bytes));
        Assert.Equal(fx.symbolic_trace(expected).graph.nodes.Select(node => node.target.name).Order(StringComparer.Ordinal), module.graph.nodes.Select(node => node.target.name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_was_replaced_by_what_is_told()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.sin().neg().relu());
        var replaced = Assert.Single(subgraph_rewriter.replace_pattern(module, (Tensor y) => y.neg().relu(), (Tensor y) => y.abs() + 1));
        Assert.Equal("relu", replaced.anchor.name);
        Assert.Equal(["abs_1", "add"], replaced.replacements.Select(node => node.name));
        Assert.Equal(["neg→neg", "relu→relu", "y→sin"], replaced.nodes_map.Select(pair => $"{pair.Key.name}→{pair.Value.name}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Constants_can_stand_for_any_and_filters_choose()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.sum(2) + x.sum(1));
        Assert.Equal(2, subgraph_rewriter.replace_pattern(module, (Tensor x) => x.sum(7), (Tensor x) => x.mean([0L]), ignore_literals: true).Count);
        using var filtered = fx.symbolic_trace((Tensor x) => x.sin().relu() + x.cos().relu());
        subgraph_rewriter.replace_pattern(filtered, (Tensor x) => x.relu(), (Tensor x) => x.abs(), [match => match.computed[0].all_input_nodes[0].name == "cos"]);
        Assert.Equal(["x", "sin", "relu", "cos", "abs_1", "add", "output"], filtered.graph.nodes.Select(node => node.name));
    }

    private sealed class Layers : Module<Tensor, Tensor>
    {
        public readonly Linear first = Linear(3, 3), second = Linear(3, 3);
        private readonly ReLU relu = ReLU();

        public Layers() : base(nameof(Layers)) => RegisterComponents();

        public override Tensor forward(Tensor x) => relu.call(second.call(relu.call(first.call(x))));
    }

    [Fact]
    public void A_module_in_a_pattern_stands_for_any_of_its_class_and_the_models_own_for_itself()
    {
        using var scope = NewDisposeScope();
        using var model = new Layers();
        Module<Tensor, Tensor> anyLinear = Linear(1, 1), anyRelu = ReLU(), gelu = GELU();
        using var module = fx.symbolic_trace(model);
        Assert.Equal(2, subgraph_rewriter.replace_pattern(module, (Tensor x) => anyRelu.call(anyLinear.call(x)), (Tensor x) => gelu.call(x)).Count);
        Assert.Equal(["x", "gelu", "gelu_1", "output"], module.graph.nodes.Select(node => node.name));
        Assert.Contains(module.modules(), known => ReferenceEquals(known, gelu));
        var x = rand(2, 3);
        Assert.True(gelu.call(gelu.call(x)).bytes.SequenceEqual(module.call(x).bytes));

        using var other = fx.symbolic_trace(model);
        var second = model.second;
        Assert.Equal("second", Assert.Single(subgraph_rewriter.replace_pattern(other, (Tensor t) => second.call(t), (Tensor t) => t.tanh())).anchor.name);
    }

    [Fact]
    public void A_tensor_in_the_replacement_becomes_the_modules()
    {
        using var scope = NewDisposeScope();
        var offset = ones(3);
        using var module = fx.symbolic_trace((Tensor x) => x.relu());
        subgraph_rewriter.replace_pattern(module, (Tensor x) => x.relu(), (Tensor x) => x + offset);
        var x = rand(2, 3);
        Assert.True((x + 1).bytes.SequenceEqual(module.call(x).bytes));
        // It moves with the module, and stays when the captured one goes.
        offset.Dispose();
        module.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, module.call(x.to(ScalarType.Float64)).dtype);
        Assert.Single(module.graph.find_nodes(Opcode.get_attr));
    }

    [Fact]
    public void Matches_are_told_without_replacing()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu().relu().relu());
        using var pattern = fx.symbolic_trace((Tensor y) => y.relu().relu());
        Assert.Equal("relu_1", Assert.Single(new SubgraphMatcher(pattern).match(module)).anchors[0].name);
        var all = new SubgraphMatcher(pattern) { remove_overlapping_matches = false }.match(module);
        Assert.Equal(["relu relu_1", "relu_1 relu_2"], all.Select(match => string.Join(' ', match.computed.Select(node => node.name).Order(StringComparer.Ordinal))));
    }

    [Fact]
    public void Functions_that_do_not_fit_together_are_refused()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu());
        Assert.Equal("The replacement takes 2 and returns 1, but the pattern takes 1 and returns 1: both must have the same inputs and results.",
            Assert.Throws<ArgumentException>(() => subgraph_rewriter.replace_pattern(module, (Tensor x) => x.relu(), (Tensor x, Tensor y) => x + y)).Message);
        Assert.StartsWith("A pattern must compute all that it returns, but this one returns %x.",
            Assert.Throws<ArgumentException>(() => subgraph_rewriter.replace_pattern(module, (Tensor x) => x, (Tensor x) => x.abs())).Message, StringComparison.Ordinal);
    }
}
