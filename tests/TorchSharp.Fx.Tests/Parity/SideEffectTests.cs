using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>The group <i>dead code</i> of PyTorch's <c>test_fx.py</c> and <c>test_dce_pass.py</c>, beside <see cref="Passes.DeadCodeTests"/>.</summary>
public sealed class SideEffectTests
{
    private static readonly List<string> Log = [];
    private readonly Graph graph = new();
    private readonly Node x;

    public SideEffectTests() => x = graph.Input();

    private static Tensor Logged(Tensor value)
    {
        Log.Add(value.shape[0].ToString());
        return value;
    }

    [Fact]
    public void What_does_more_than_compute_its_value_is_impure()
    {
        Node[] impure =
        [
            x,
            graph.call(t => t.add_(1), x, 1),
            graph.Call(typeof(Tensor).GetMethod("set_TensorItems", [typeof(TensorIndex[]), typeof(Tensor)])!, x, new ListArgument([0], typeof(TensorIndex)), 7f),
            graph.call_function(nn.functional.relu, x, true),
            graph.Builtin(Builtin._assert, typeof(bool), typeof(void), true, "never"),
            graph.output(x, typeof(Tensor)),
        ];
        Assert.All(impure, node => Assert.True(node.is_impure(), node.name));
        using (graph.inserting_after(x))
            Assert.All([graph.call_function(nn.functional.relu, x), graph.call(t => t.add(1), x, 1), graph.get_attr("weight"), graph.Shape(x)], node => Assert.False(node.is_impure(), node.name));
    }

    [Fact]
    public void A_leaf_function_may_have_an_effect_and_stays()
    {
        graph.call_function(Logged, x);
        graph.call(t => t.exp(), x);
        graph.Returning(graph.call(t => t.neg(), x));
        Assert.True(graph.eliminate_dead_code());
        Assert.Equal(["x", "logged", "neg", "output"], graph.nodes.Select(node => node.name));
        Log.Clear();
        var value = rand(3, 2);
        using var module = new GraphModule<Tensor, Tensor>(new Nothing(), graph);
        Traced.Same(value.neg(), module.call(value));
        Assert.Equal(["3"], Log);
        Assert.False(graph.eliminate_dead_code());
    }

    [Fact]
    public void Every_impure_node_stays_where_the_caller_says_so()
    {
        graph.call(t => t.relu_(), graph.call(t => t.clone(), x));
        graph.Returning(graph.call(t => t.neg(), x));
        Assert.False(graph.eliminate_dead_code(is_impure_node: node => node.is_impure()));
        Assert.True(graph.eliminate_dead_code());
        Assert.Equal(["x", "neg", "output"], graph.nodes.Select(node => node.name));
    }

    [Fact]
    public void A_chain_a_tensor_and_a_module_that_nobody_reads_go()
    {
        graph.call(t => t.exp(), graph.call(t => t.neg(), x));
        graph.call(t => t.sin(), graph.get_attr("scale"));
        graph.Module("head", x);
        graph.Returning(graph.call(t => t.cos(), x));
        graph.eliminate_dead_code(new Small());
        Assert.Equal(["x", "cos", "output"], graph.nodes.Select(node => node.name));
    }
}
