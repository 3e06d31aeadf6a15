using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Verification;

/// <summary>A graph that does what the module does is said to, and one that was made wrong is told with its first wrong node.</summary>
[Collection(nameof(FeatureExtraction.Alone))]
public sealed class VerifyTests
{
    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(3, 4, 3);
        private readonly BatchNorm2d norm = BatchNorm2d(4);
        private readonly ReLU relu = ReLU(inplace: true);
        private readonly Dropout dropout = Dropout(0.5);
        private readonly Linear fc = Linear(4, 2);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            x = relu.call(norm.call(conv.call(x)));
            x = x.mean([2, 3]);
            return (fc.call(dropout.call(x)) * 2).MoveToOuterDisposeScope();
        }
    }

    private static readonly long[] Size = [2, 3, 8, 8];

    [Fact]
    public void All_ways_of_a_right_graph_are_the_same_in_both_modes_and_at_other_sizes()
    {
        using var scope = NewDisposeScope();
        using var model = new Net();
        using var traced = fx.symbolic_trace(model);
        var report = fx.verify(traced, model, rand(Size));
        Assert.True(report.agrees, report.ToString());
        Assert.Equal(
            from training in new[] { false, true }
            from inputs in new[] { "2x3x8x8", "3x3x8x8", "2x3x16x16" }
            from way in training ? new[] { "graph", "evaluator" } : ["graph", "evaluator", "optimised"]
            select (way, training, inputs),
            report.runs.Select(run => (run.way, run.training, run.inputs)));
        Assert.StartsWith("Net in eval mode on 2x3x8x8\n  graph: the same\n  evaluator: the same\n  optimised: the same", report.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("0 of 15 comparisons differ, 0 are refused\n", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_is_afterwards_as_it_was()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        using var model = new Net();
        var norm = model.named_modules().Single(entry => entry.name == "norm").module;
        norm.eval();
        using var traced = fx.symbolic_trace(model);
        var (state, generator) = (model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone()), get_rng_state());
        using var input = rand(Size);
        using var copy = input.clone();
        set_rng_state(generator);
        fx.verify(traced, model, input);
        Assert.All(model.state_dict(), entry => Assert.True(Same(entry.Value, state[entry.Key]), entry.Key));
        Assert.True(Same(get_rng_state(), generator));
        Assert.True(Same(input, copy));
        Assert.Equal((true, false), (model.training, norm.training));
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        using var model = new Net();
        using var traced = fx.symbolic_trace(model);
        using var input = rand(Size);
        LiveTensors.AssertStay(() => fx.verify(traced, model, input), times: 3);
    }

    [Fact]
    public void The_first_wrong_node_between_modules_is_told_with_its_place()
    {
        using var scope = NewDisposeScope();
        using var model = new Net();
        using var traced = fx.symbolic_trace(Evaluated(model));
        var mean = traced.graph.nodes.Single(node => node.name == "mean");
        using var here = traced.graph.inserting_after(mean);
        var wrong = traced.graph.call_method(typeof(Tensor).GetMethod(nameof(Tensor.neg), [])!, mean);
        mean.replace_all_uses_with(wrong, user => user != wrong);
        traced.recompile();
        var report = fx.verify_mode(traced, model, training: false, rand(Size));
        Assert.False(report.agrees);
        Assert.All(report.runs.Where(run => run.way != "optimised"), run => Assert.Equal((Agreement.different, wrong.name), (run.agreement, run.first_node)));
        Assert.StartsWith("the result differs by up to ", report.runs[0].detail, StringComparison.Ordinal);
        Assert.Contains($"; first at the node '{wrong.name}'\n", report.ToString(), StringComparison.Ordinal);
    }

    private sealed class Twice : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 4);

        internal Twice() : base(nameof(Twice)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(fc.call(x).relu()).tanh();
    }

    [Fact]
    public void What_goes_wrong_between_two_calls_of_one_module_is_told()
    {
        using var scope = NewDisposeScope();
        using var model = new Twice();
        // What is given to the relu is above zero, so that its sign tells.
        foreach (var parameter in model.parameters())
            parameter.detach().abs_().add_(0.1);
        using var traced = fx.symbolic_trace(Evaluated(model));
        var relu = traced.graph.nodes.Single(node => node.name == "relu");
        using var here = traced.graph.inserting_after(relu);
        var wrong = traced.graph.call_method(typeof(Tensor).GetMethod(nameof(Tensor.neg), [])!, relu);
        relu.replace_all_uses_with(wrong, user => user != wrong);
        traced.recompile();
        var report = fx.verify_mode(traced, model, training: false, rand(2, 4));
        Assert.Equal(wrong.name, report.runs.First(run => run.way == "graph").first_node);
    }

    [Fact]
    public void A_wrong_module_is_told_by_its_node()
    {
        using var scope = NewDisposeScope();
        using var model = new Net();
        using var traced = fx.symbolic_trace(Evaluated(model));
        traced.add_submodule("other", Conv2d(3, 4, 3));
        var conv = traced.graph.nodes.Single(node => node.name == "conv");
        using (traced.graph.inserting_after(conv))
            conv.replace_all_uses_with(traced.graph.call_module("other", conv.args[0]));
        traced.graph.erase_node(conv);
        traced.recompile();
        var report = fx.verify_mode(traced, model, training: false, rand(Size));
        // What the wrong module gives is first seen where a module of the original reads it.
        Assert.Equal("other", report.runs[0].first_node);
    }

    [Fact]
    public void A_pass_that_is_wrong_in_the_optimised_copy_alone_is_told_of_it_alone()
    {
        using var scope = NewDisposeScope();
        using var model = new Net();
        using var traced = fx.symbolic_trace(Evaluated(model));
        using var optimised = traced.optimize_for_inference();
        // A stand-in for an optimised copy of the model: the weights of another.
        using var other = new Net();
        var report = fx.verify_mode(optimised, other, training: false, rand(Size));
        Assert.False(report.agrees);
        Assert.All(report.runs, run => Assert.Equal(Agreement.different, run.agreement));
    }

    private sealed class Stepping() : Module<Tensor, Tensor>(nameof(Stepping))
    {
        private int calls;

        public override Tensor forward(Tensor x) => x + calls++;
    }

    [Fact]
    public void State_that_the_graph_leaves_out_is_a_difference_from_the_second_call_on()
    {
        using var scope = NewDisposeScope();
        using var model = new Stepping();
        using var traced = fx.symbolic_trace(Evaluated(model), suppress_trace_warning: true, state: TracedState.dropped);
        var report = fx.verify_mode(traced, model, training: false, zeros(2, 2));
        // Traced with 0 calls before: right at the first call, and one less than the module at the second.
        Assert.Equal([Agreement.same, Agreement.different], report.runs.Where(run => run is { way: "graph", training: false }).Select(run => run.agreement));
        Assert.Equal("the result differs by up to 1, 100.00 % of its largest number", report.differences[0].detail);
    }

    [Fact]
    public void State_that_the_graph_keeps_is_put_back_between_the_calls()
    {
        using var scope = NewDisposeScope();
        using var model = new Stepping();
        using var traced = fx.symbolic_trace(Evaluated(model));
        Assert.All(fx.verify_mode(traced, model, training: false, zeros(2, 2)).runs, run => Assert.Equal(Agreement.same, run.agreement));
    }

    private sealed class Branching() : Module<Tensor, Tensor>(nameof(Branching))
    {
        public override Tensor forward(Tensor x) => x.shape[0] > 2 ? x * 2 : x;
    }

    private sealed class Checking() : Module<Tensor, Tensor>(nameof(Checking))
    {
        public override Tensor forward(Tensor x) => x.shape[0] > 2 ? throw new ArgumentException("at most two rows") : x * 2;
    }

    [Fact]
    public void What_the_graph_refuses_is_no_difference_and_what_the_module_refuses_is_refused_by_both()
    {
        using var scope = NewDisposeScope();
        using var branching = new Branching();
        using var byExample = fx.symbolic_trace(branching, example_inputs: [ones(2, 3)]);
        var held = fx.verify(byExample, branching, ones(2, 3));
        Assert.True(held.agrees);
        Assert.Equal([Agreement.same, Agreement.refused], held.runs.Where(run => run is { way: "graph", training: false }).Select(run => run.agreement));
        Assert.Contains("  graph: refused: traced with getitem <= 2", held.ToString(), StringComparison.Ordinal);

        using var checking = new Checking();
        using var traced = fx.symbolic_trace(checking);
        var both = fx.verify(traced, checking, ones(2, 3));
        Assert.True(both.agrees);
        Assert.Contains("on 3x3\n  graph: refuses as the module does: at most two rows\n", both.ToString(), StringComparison.Ordinal);
        Assert.All([.. held.runs, .. both.runs], run => Assert.Equal(0, run.largest_difference));
    }

    private sealed class Moded() : Module<Tensor, Tensor>(nameof(Moded))
    {
        public override Tensor forward(Tensor x) => training ? x.relu() : x.tanh();
    }

    [Fact]
    public void The_other_mode_of_a_graph_of_one_mode_is_a_difference_that_says_so()
    {
        using var scope = NewDisposeScope();
        using var model = new Moded();
        using var traced = fx.symbolic_trace(Evaluated(model), suppress_trace_warning: true);
        var report = fx.verify(traced, model, randn(4));
        Assert.All(report.runs, run => Assert.Equal(run.training ? Agreement.different : Agreement.same, run.agreement));
        Assert.EndsWith("(the graph stands for the mode that it was traced in)", report.differences[0].detail, StringComparison.Ordinal);
    }

    private sealed class Several() : Module<Tensor, Tensor, (Tensor, Dictionary<string, Tensor[]>)>(nameof(Several))
    {
        public override (Tensor, Dictionary<string, Tensor[]>) forward(Tensor x, Tensor index) => (x[index], new() { ["parts"] = [x, -x] });
    }

    [Fact]
    public void Structures_are_compared_leaf_by_leaf_and_indices_stay_indices()
    {
        using var scope = NewDisposeScope();
        using var model = new Several();
        using var traced = fx.symbolic_trace(model);
        Assert.True(fx.verify(traced, model, randn(3, 2), tensor([0L, 2L])).agrees);

        var negated = traced.graph.nodes.Single(node => node.name == "neg");
        negated.replace_all_uses_with(traced.graph.nodes.First());
        traced.recompile();
        Assert.StartsWith("the result[1]['parts'][1] differs by up to ", fx.verify(traced, model, randn(3, 2), tensor([0L, 2L])).differences[0].detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Letters_of_declared_inputs_are_varied()
    {
        using var model = new Net();
        using var traced = fx.symbolic_trace(model);
        var report = fx.verify(traced, model, InputShape.Parse("Nx3x8xW=9"));
        Assert.Equal(["2x3x8x9", "3x3x8x9", "2x3x8x18"], report.runs.Select(run => run.inputs).Distinct());
        Assert.True(report.agrees, report.ToString());
    }

    [Fact]
    public void Too_few_inputs_are_refused()
    {
        using var model = new Net();
        using var traced = fx.symbolic_trace(model);
        var error = Assert.Throws<ArgumentException>(() => fx.verify(traced, model));
        Assert.StartsWith("The graph takes 1 input (input), but 0 were given.", error.Message.Replace("(x)", "(input)", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static T Evaluated<T>(T module) where T : Module
    {
        module.eval();
        return module;
    }

    private static bool Same(Tensor one, Tensor other) => one.eq(other).all().ToBoolean();
}
