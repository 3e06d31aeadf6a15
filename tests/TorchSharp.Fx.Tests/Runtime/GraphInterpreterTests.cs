using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

public sealed class GraphInterpreterTests
{
    private readonly Graph graph = new();

    [Fact]
    public void An_override_can_swap_an_operation()
    {
        graph.Returning(graph.call(t => t.exp(), graph.call(t => t.relu(), graph.Input())));
        var x = randn(2, 3);
        Assert.Equal(EvaluatorTests.Flatten(x.neg().exp()), EvaluatorTests.Flatten(new NegForRelu(graph).run(x)));
    }

    private sealed class NegForRelu(Graph graph) : GraphInterpreter(new Nothing(), graph)
    {
        protected override object? call_method(Node node)
            => node.target.name == "relu" ? ((Tensor)fetch_args(node)[0]!).neg() : base.call_method(node);
    }

    [Fact]
    public void An_override_sees_each_node_in_order()
    {
        graph.Returning(graph.call(t => t.exp(), graph.call(t => t.relu(), graph.Input())));
        var recorder = new Recorder(graph);
        recorder.run(randn(2, 3));
        Assert.Equal(["x", "relu", "exp", "output"], recorder.Seen);
    }

    private sealed class Recorder(Graph graph) : GraphInterpreter(new Nothing(), graph)
    {
        internal List<string> Seen { get; } = [];

        public override object? run_node(Node node)
        {
            Seen.Add(node.name);
            return base.run_node(node);
        }
    }

    [Fact]
    public void Too_few_inputs_are_refused_by_name()
    {
        graph.Input();
        graph.Returning(graph.Input("mask"));
        var error = Assert.Throws<ArgumentException>(() => new GraphInterpreter(new Nothing(), graph).run(randn(2)));
        Assert.Equal("The graph takes 2 inputs (x, mask), but 1 was given. (Parameter 'given')", error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_node_that_throws_names_itself_and_its_module(bool compiled)
    {
        graph.Returning(graph.Module("block.fc", graph.Input()));
        var (model, x) = (new Small(), randn(2, 3));
        using var module = new GraphModule<Tensor, Tensor>(model, graph);
        var error = Assert.Throws<NodeExecutionException>(() => compiled ? module.call(x) : new GraphInterpreter(model, graph).run(x));
        Assert.StartsWith("Node 'block_fc' (module block.fc) failed: mat1 and mat2 shapes cannot be multiplied (2x3 and 6x6)", error.Message);
        Assert.StartsWith("mat1 and mat2 shapes", error.InnerException!.Message);
    }

    [Fact]
    public void A_module_or_tensor_that_is_not_there_is_named()
    {
        graph.Returning(graph.Module("block.conv", graph.get_attr("bias")));
        var error = Assert.Throws<NodeExecutionException>(() => new GraphInterpreter(new Small(), graph).run());
        Assert.Equal("Node 'bias' failed: The graph reads the tensor 'bias', but Small has no tensor there, neither registered nor in a field.", error.Message);
        var missing = Assert.Throws<InvalidOperationException>(() => new CompiledGraph(graph, new ModuleHierarchy(new Small())));
        Assert.Equal("The graph calls the module 'block.conv', but Small has no module there, neither registered nor in a field.", missing.Message);
    }
}
