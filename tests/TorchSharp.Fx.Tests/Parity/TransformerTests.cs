using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>The transformer's half of the group <i>interpreter and transformer</i> of PyTorch's <c>test_fx.py</c>.</summary>
public sealed class TransformerTests
{
    private readonly Tensor x = randn(4, 6);

    [Fact]
    public void As_it_stands_it_makes_a_copy()
    {
        var model = new Small();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        var graph = new GraphTransformer(traced).transform();
        Assert.NotSame(traced.graph, graph);
        Assert.Equal(traced.graph.ToString(), graph.ToString());
        Assert.Equal(traced.graph.nodes.Select(node => node.origin), graph.nodes.Select(node => node.origin));
        traced.graph = graph;
        Traced.Same(model.call(x), traced.call(x));
    }

    private sealed class Swapping(IGraphModule module) : GraphTransformer(module)
    {
        protected override object? call_method(Node node) => node.target.name switch
        {
            "neg" => ((Proxy)fetch_args(node)[0]!).apply(value => value.sigmoid()),
            "sigmoid" => new_graph.call_function(neg, (Proxy)fetch_args(node)[0]!),
            _ => base.call_method(node),
        };

        protected override object? call_function(Node node)
            => node.target.name == "add" ? (Proxy)fetch_args(node)[0]! - (Argument)(Proxy)fetch_args(node)[1]! : base.call_function(node);
    }

    [Fact]
    public void Operations_are_swapped()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.neg() + x.sigmoid());
        traced.graph = new Swapping(traced).transform();
        Assert.Equal(["x", "sigmoid", "neg", "sub", "output"], traced.graph.nodes.Select(node => node.name));
        Traced.Same(x.sigmoid() - x.neg(), traced.call(x));
    }

    [Fact]
    public void What_takes_a_nodes_place_came_from_where_that_did()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.neg());
        var origin = traced.graph.find_nodes(Opcode.call_method).Single().origin;
        Assert.Same(origin, new Swapping(traced).transform().find_nodes(Opcode.call_method, "sigmoid").Single().origin);
    }

    [Fact]
    public void Several_outputs_stay_several()
    {
        using var traced = fx.symbolic_trace((Tensor x) => (x.neg(), new[] { x.sigmoid(), x }));
        traced.graph = new Swapping(traced).transform();
        var (first, rest) = traced.call(x);
        Traced.Same(x.sigmoid(), first);
        Traced.Same(new[] { x.neg(), x }, rest);
    }

    private sealed class Constant(IGraphModule module) : GraphTransformer(module)
    {
        protected override object? placeholder(Node node) => node.name == "factor" ? new Literal(2.5) : base.placeholder(node);

        protected override object? call_method(Node node) => node.target.name == "neg" ? 3 : base.call_method(node);
    }

    [Fact]
    public void A_constant_can_stand_for_a_node_and_nothing_else_can()
    {
        using var traced = fx.symbolic_trace((Tensor x, double factor) => x * factor);
        var graph = new Constant(traced).transform();
        using var fixedFactor = new GraphModule<Tensor, Tensor>(new Nothing(), graph);
        Traced.Same(x * 2.5, fixedFactor.call(x));
        using var negating = fx.symbolic_trace((Tensor x) => x.neg());
        Assert.Equal("'neg' was replaced by Int32, which can't stand in a graph. Return a Proxy, a Node of new_graph or an Argument.", Assert.Throws<InvalidOperationException>(() => new Constant(negating).transform()).Message);
    }
}
