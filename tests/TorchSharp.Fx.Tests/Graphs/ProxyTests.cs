using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Tests.Graphs;

/// <summary>Editing a graph in C#: functions by name, lambdas that are written into it, and operators on proxies.</summary>
public sealed class ProxyTests
{
    private readonly Graph graph = new();
    private readonly Tensor value = randn(2, 3);
    private readonly Node x;

    public ProxyTests() => x = graph.Input();

    private Tensor Run(Node result)
    {
        graph.Returning(result);
        return (Tensor)new GraphInterpreter(new Nothing(), graph).run(value)!;
    }

    private string[] Lines() => [.. graph.nodes.Skip(1).Select(node => node.format_node())];

    [Fact]
    public void A_function_is_called_by_its_name_and_defaults_are_filled_in()
    {
        var result = Run(graph.call_function(torch.softmax, graph.call_function(maximum, graph.call_function(relu, x), x), 1));
        Assert.Equal(
            [
                "%relu : [num_users=1] = call_function[target=relu](%x, False)",
                "%maximum : [num_users=1] = call_function[target=maximum](%relu, %x)",
                "%softmax : [num_users=1] = call_function[target=softmax](%maximum, 1, None)",
                "return %softmax",
            ], Lines());
        Traced.Same(softmax(value.relu(), 1), result);
    }

    [Fact]
    public void What_is_no_static_method_is_refused_with_the_way_to_add_it()
    {
        Assert.Equal(
            "A node can call a static method, such as torch.exp, but '<lambda>' is none. Add what a lambda does with graph.inline(function, …), and call an instance method with graph.call_method(method, receiver, …). (Parameter 'function')",
            Assert.Throws<ArgumentException>(() => graph.call_function(t => t.relu(), x)).Message);
        Assert.Equal("torch.softmax takes (input, dim, [dtype]), but 1 argument is given. (Parameter 'args')", Assert.Throws<ArgumentException>(() => graph.call_function(torch.softmax, [x])).Message);
        Assert.Equal("Tensor.relu takes (self), but 2 arguments are given. (Parameter 'args')", Assert.Throws<ArgumentException>(() => graph.call_method(Ops.Method(t => t.relu()), x, x)).Message);
    }

    [Fact]
    public void Operators_on_proxies_add_nodes()
    {
        var p = new Proxy(x);
        var q = -(p + p) * 2.5 - 1 / (p * p + 3);
        Assert.Equal(["x", "add", "neg", "mul", "mul_1", "add_1", "truediv", "sub"], graph.nodes.Select(node => node.name));
        Assert.Equal("%truediv : [num_users=1] = call_function[target=truediv](1, %add_1)", graph.find_nodes(Opcode.call_function, "truediv").Single().format_node());
        Traced.Same(-(value + value) * 2.5 - 1 / (value * value + 3), Run(q.node));
    }

    [Fact]
    public void Every_other_operation_is_applied_by_a_lambda()
    {
        var p = new Proxy(x);
        var q = p[.., 1..] + p.apply(t => t.sum(1, keepdim: true).exp());
        Assert.Equal(["%x : [num_users=2] = placeholder[target=x]", "%getitem : [num_users=1] = call_function[target=getitem](%x, [slice(0, None, None), slice(1, None, None)])"], graph.nodes.Take(2).Select(node => node.format_node()));
        Traced.Same(value[.., 1..] + value.sum(1, keepdim: true).exp(), Run(q.node));
    }

    [Fact]
    public void Nodes_go_where_the_graph_inserts()
    {
        var last = graph.call_function(neg, x);
        using (graph.inserting_before(last))
            last.args = [new Proxy(x) + 1];
        Assert.Equal(["x", "add", "neg"], graph.nodes.Select(node => node.name));
        Traced.Same((value + 1).neg(), Run(last));
    }

    [Fact]
    public void An_operator_without_a_tensor_is_refused()
    {
        var rows = new Proxy(graph.Shape(x));
        Assert.Equal("An operator can't take %getattr_1: it is neither a tensor nor a number.", Assert.Throws<InvalidOperationException>(() => rows + 1).Message);
        var size = new Proxy(graph.call(t => t.size(0), x, 0));
        Assert.Equal("The operators of a proxy are those of tensors, but neither %size nor 1 is one. Add a function of numbers with graph.inline((long n) => …, …).", Assert.Throws<InvalidOperationException>(() => size + 1).Message);
    }

    [Fact]
    public void A_lambda_is_written_into_the_graph()
    {
        var y = graph.call_function(neg, x);
        var sum = graph.inline((a, b) => relu(a) + b, x, y);
        var rows = graph.inline((Tensor t, long n) => t.reshape(t.shape[0] / n, -1), sum, 2L);
        Assert.Equal(["x", "neg", "relu", "add", "getattr_1", "getitem", "floordiv", "reshape"], graph.nodes.Select(node => node.name));
        Assert.Equal("%floordiv : [num_users=1] = call_function[target=floordiv](%getitem, 2)", graph.find_nodes(Opcode.call_function, "floordiv").Single().format_node());
        Assert.StartsWith("ProxyTests.cs:", sum.origin!.ToString());
        Traced.Same((value.relu() - value).reshape(1, 6), Run(rows));
    }

    [Fact]
    public void A_lambda_that_a_graph_can_not_hold_is_refused_with_what_to_do()
    {
        var (weight, layer) = (rand(3), nn.Linear(3, 3));
        Assert.Equal(
            "The function uses the tensor '_tensor_constant0' of its own, which a graph can't hold. Let it take the tensor as an argument, and give it graph.get_attr(name) of a parameter or buffer of the root module.",
            Assert.Throws<ArgumentException>(() => graph.inline(t => t * weight, x)).Message);
        Assert.Equal(
            "The function uses the module 'layer' of its own, which a graph can't hold. Add the module to the root module (add_submodule) and call it with graph.call_module(name, …).",
            Assert.Throws<ArgumentException>(() => graph.inline(t => layer.call(t), x)).Message);
        Assert.StartsWith("The function takes 1 (t), but 2 are given.", Assert.Throws<ArgumentException>(() => graph.inline((Delegate)((Tensor t) => t.relu()), x, x)).Message);
        Assert.StartsWith("The function returns (%amin, %amax), which is no node. Let it return one value.", Assert.Throws<ArgumentException>(() => graph.inline((Tensor t) => (t.amin([0]), t.amax([0])), x)).Message);
        Assert.Single(graph.nodes);
    }
}
