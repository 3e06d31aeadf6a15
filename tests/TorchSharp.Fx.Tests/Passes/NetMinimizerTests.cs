using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_net_min_base.</summary>
[Collection("Tensor counts")]
public sealed class NetMinimizerTests
{
    /// <summary>The second way gets some operations wrong.</summary>
    private sealed class Broken(IGraphModule module, string[] wrong, params object?[] sample_input) : NetMinimizer(module, sample_input)
    {
        internal List<string> Ran { get; } = [];

        protected override IReadOnlyList<Tensor> run_b(GraphModule part, IReadOnlyList<object?> inputs)
        {
            Ran.Add(string.Join(' ', part.graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)).Select(node => node.name)));
            return Outputs(new WrongInterpreter(part, wrong).run([.. inputs]));
        }

        protected override bool compare(Tensor a, Tensor b) => a.allclose(b);
    }

    private sealed class WrongInterpreter(GraphModule part, string[] wrong) : GraphInterpreter(part, part.graph)
    {
        public override object? run_node(Node node) => node.op != Opcode.placeholder && wrong.Contains(node.name) ? (Tensor)base.run_node(node)! + 1 : base.run_node(node);
    }

    private static GraphModule<Tensor, Tensor> Traced() => fx.symbolic_trace((Tensor x) => x.sin().cos().tanh().relu() + x.clone().add_(1));

    [Theory]
    [InlineData(traverse_method.sequential)]
    [InlineData(traverse_method.binary)]
    [InlineData(traverse_method.accumulate)]
    public void The_one_node_that_differs_is_found(traverse_method method)
    {
        using var module = Traced();
        using var x = rand(3);
        Assert.Equal("tanh", Assert.Single(new Broken(module, ["tanh"], x) { traverse = method }.minimize()).name);
        Assert.Empty(new Broken(module, [], x) { traverse = method }.minimize());
    }

    [Theory]
    [InlineData(traverse_method.sequential)]
    [InlineData(traverse_method.binary)]
    public void All_that_differ_are_found_when_asked_for(traverse_method method)
    {
        using var module = Traced();
        using var x = rand(3);
        Assert.Equal(["sin", "relu"], new Broken(module, ["sin", "relu"], x) { traverse = method, find_all = true }.minimize().Select(node => node.name));
        Assert.Equal(["sin"], new Broken(module, ["sin", "relu"], x) { traverse = method }.minimize().Select(node => node.name));
    }

    [Fact]
    public void A_search_can_start_and_end_at_a_node()
    {
        using var module = Traced();
        using var x = rand(3);
        var minimizer = new Broken(module, ["sin", "relu"], x);
        Assert.Equal(["relu"], minimizer.minimize("cos", "relu").Select(node => node.name));
        Assert.Equal(["cos", "tanh", "relu"], minimizer.Ran);
        Assert.StartsWith("There is no node 'tan' that computes something. The nearest names are tanh, ", Assert.Throws<ArgumentException>(() => minimizer.minimize("tan")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Halves_are_run_as_wholes()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.sin().cos().tanh().relu());
        using var x = rand(3);
        var minimizer = new Broken(module, ["relu"], x) { traverse = traverse_method.binary };
        minimizer.minimize();
        Assert.Equal(["sin cos tanh relu", "sin cos", "tanh relu", "tanh", "relu"], minimizer.Ran);
    }

    /// <summary>The second way is ten times off at each step.</summary>
    private sealed class Drifting(IGraphModule module, params object?[] sample_input) : NetMinimizer(module, sample_input)
    {
        internal List<float> Seen { get; } = [];

        protected override IReadOnlyList<Tensor> run_b(GraphModule part, IReadOnlyList<object?> inputs)
        {
            Seen.Add(((Tensor)inputs[0]!).item<float>());
            return [.. Outputs(part.call([.. inputs])).Select(tensor => tensor * 10)];
        }

        protected override bool compare(Tensor a, Tensor b) => true;
    }

    [Fact]
    public void Errors_add_up_where_they_are_to()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.add(1).add(1).add(1));
        using var x = ones(1);
        var (each, sum) = (new Drifting(module, x), new Drifting(module, x) { accumulate_error = true });
        each.minimize();
        sum.minimize();
        Assert.Equal([1, 2, 3], each.Seen);
        Assert.Equal([1, 20, 210], sum.Seen);
    }

    [Fact]
    public void Nothing_is_left()
    {
        using var module = Traced();
        using var x = rand(3);
        LiveTensors.AssertStay(() => new Broken(module, ["tanh"], x) { traverse = traverse_method.binary }.minimize(), 20);
    }
}
