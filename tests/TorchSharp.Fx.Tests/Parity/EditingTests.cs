using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>The group <i>graph editing</i> of PyTorch's <c>test_fx.py</c>, beside <see cref="Graphs.GraphEditingTests"/>.</summary>
public sealed class EditingTests
{
    private readonly Tensor x = randn(3, 4);

    private static Node Only(Graph graph, string name) => graph.nodes.Single(node => node.name == name);

    [Fact]
    public void A_graph_is_built_by_hand_and_runs_as_a_module()
    {
        var graph = new Graph();
        var a = graph.placeholder("a", typeof(Tensor));
        var linear = graph.call_module("linear", a);
        var bias = graph.get_attr("bias");
        var add = graph.call_function(add_scaled, linear, bias, 2.0);
        graph.Returning(add);
        var (layer, offset) = (Linear(4, 4), rand(4));
        using var module = new GraphModule<Tensor, Tensor>(new Dictionary<string, object> { ["linear"] = layer, ["bias"] = offset }, graph);
        Traced.Same(layer.call(x) + offset * 2.0, module.call(x));
    }

    private static Tensor add_scaled(Tensor a, Tensor b, double factor) => a + b * factor;

    [Fact]
    public void A_copied_graph_goes_on_with_proxies()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => a + b);
        var graph = new Graph();
        var result = new Proxy(((NodeArgument)graph.graph_copy(traced.graph, [])!).Node);
        graph.Returning((result + result).node);
        using var module = new GraphModule<Tensor, Tensor, Tensor>(new Nothing(), graph);
        Traced.Same(x + x + (x + x), module.call(x, x));
        Assert.Equal(["a", "b", "add", "add_1", "output"], graph.nodes.Select(node => node.name));
    }

    [Fact]
    public void Names_stay_unique_where_two_graphs_meet_and_where_one_is_given()
    {
        using var traced = fx.symbolic_trace((Tensor a) => (a + 1).relu());
        var graph = new Graph();
        graph.graph_copy(traced.graph, []);
        graph.graph_copy(traced.graph, []);
        graph.create_node(Opcode.call_method, new MethodTarget(Ops.Method(t => t.relu())), [graph.nodes.First()], typeof(Tensor), "relu_1");
        Assert.Equal(["a", "add", "relu", "a_1", "add_1", "relu_1", "relu_2"], graph.nodes.Select(node => node.name));
    }

    [Fact]
    public void One_input_of_a_node_is_replaced()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => stack([a, b, a + b]));
        var stacked = Only(traced.graph, "stack");
        stacked.replace_input_with(Only(traced.graph, "a"), Only(traced.graph, "b"));
        Assert.Equal("%stack : [num_users=1] = call_function[target=stack]([%b, %b, %add], 0)", stacked.format_node());
        Assert.Equal([Only(traced.graph, "add")], Only(traced.graph, "a").users);
        traced.recompile();
        Traced.Same(stack([x * 2, x * 2, x + x * 2]), traced.call(x, x * 2));
    }

    [Fact]
    public void Uses_inside_lists_and_slices_are_found()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => cat([a, b, a], 0)[(int)a.shape[0]..]);
        var a = Only(traced.graph, "a");
        Assert.Equal(["cat", "getattr_1"], a.users.Select(node => node.name));
        Assert.Equal(["a", "b"], Only(traced.graph, "cat").all_input_nodes.Select(node => node.name));
        Assert.Equal(["cat", "getitem"], Only(traced.graph, "getitem_1").all_input_nodes.Select(node => node.name).Order());
    }

    [Fact]
    public void New_arguments_replace_the_uses_of_the_old_ones()
    {
        var graph = new Graph();
        var (a, b, c) = (graph.Input("a"), graph.Input("b"), graph.Input("c"));
        var sum = graph.Call(Ops.Operator("op_Addition", typeof(Tensor), typeof(Tensor)), a, b);
        sum.args = [c, c];
        Assert.Empty(a.users);
        Assert.Empty(b.users);
        Assert.Equal([sum], c.users);
    }

    [Fact]
    public void A_node_whose_user_is_erased_has_one_less()
    {
        using var traced = fx.symbolic_trace((Tensor a) => a.relu().neg());
        var (relu, neg) = (Only(traced.graph, "relu"), Only(traced.graph, "neg"));
        neg.replace_all_uses_with(relu);
        traced.graph.erase_node(neg);
        Assert.Equal([traced.graph.output_node()], relu.users);
        traced.recompile();
        Traced.Same(x.relu(), traced.call(x));
    }

    [Fact]
    public void A_replacement_that_reads_what_it_replaces_is_left_out_or_refused()
    {
        using var traced = fx.symbolic_trace((Tensor a) => a.relu() + a);
        var graph = traced.graph;
        var a = graph.nodes.First();
        Node doubled;
        using (graph.inserting_after(a))
            doubled = (new Proxy(a) * 2).node;
        Assert.Equal(
            "Node 'mul' can't take the place of 'a' everywhere: it reads 'a' and would read itself. Leave it out: a.replace_all_uses_with(mul, user => user != mul). (Parameter 'replace_with')",
            Assert.Throws<ArgumentException>(() => a.replace_all_uses_with(doubled)).Message);
        Assert.Equal(3, a.users.Count);
        a.replace_all_uses_with(doubled, user => user != doubled);
        graph.lint();
        traced.recompile();
        Traced.Same((x * 2).relu() + x * 2, traced.call(x));
    }

    [Fact]
    public void What_was_erased_can_not_be_read_again()
    {
        var graph = new Graph();
        var a = graph.Input("a");
        var neg = graph.call_function(torch.neg, a);
        graph.erase_node(neg);
        Assert.StartsWith("Node 'exp' can't take 'neg' as an argument: it was erased from the graph. Make a new node with graph.node_copy.", Assert.Throws<ArgumentException>(() => graph.call_function(exp, neg)).Message);
    }

    [Fact]
    public void A_copied_node_needs_its_inputs_mapped()
    {
        using var traced = fx.symbolic_trace((Tensor a) => a.relu());
        var graph = new Graph();
        var input = graph.node_copy(traced.graph.nodes.First());
        Assert.StartsWith("Node 'relu' can't take 'a' as an argument: it belongs to another graph. Copy it over with graph.node_copy first.", Assert.Throws<ArgumentException>(() => graph.node_copy(Only(traced.graph, "relu"))).Message);
        Assert.Equal("%relu_1 : [num_users=0] = call_method[target=relu](%a)", graph.node_copy(Only(traced.graph, "relu"), _ => input).format_node());
    }

    [Theory]
    [InlineData(1, "gives no argument for the parameter 'dim' of Tensor.sum")]
    [InlineData(5, "gives 4 arguments to Tensor.sum, which takes 3")]
    [InlineData(0, "has nothing to call Tensor.sum on")]
    public void A_call_with_other_arguments_than_the_callee_takes_is_not_well_formed(int count, string what)
    {
        var graph = new Graph();
        var a = graph.Input("a");
        var sum = graph.Call(typeof(Tensor).GetMethod(nameof(Tensor.sum), [typeof(long), typeof(bool), typeof(ScalarType?)])!, a, 1L, false);
        graph.lint();
        Argument[] arguments = [a, 1L, false, Ops.Value(null), 1L];
        sum.args = [.. arguments[..count]];
        Assert.Equal($"The graph is not well-formed: node 'sum_1' {what}.", Assert.Throws<InvalidOperationException>(graph.lint).Message);
    }

    [Fact]
    public void What_a_graph_names_must_be_in_its_module()
    {
        var graph = new Graph();
        graph.Returning(graph.Module("block.conv", graph.Input()));
        Assert.Equal(
            "The graph is not well-formed: node 'block_conv' names what is not there. The graph calls the module 'block.conv', but Small has no module there, neither registered nor in a field.",
            Assert.Throws<InvalidOperationException>(() => graph.lint(new Small())).Message);
        Small.Graph().lint(new Small());
    }

    [Fact]
    public void Reading_and_writing_a_graph_leaves_the_module_as_it_is()
    {
        var model = new Small();
        var before = model.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        using var traced = fx.symbolic_trace(model);
        traced.graph.output_node().args = [traced.graph.nodes.First()];
        traced.graph.eliminate_dead_code(model);
        traced.recompile();
        traced.delete_all_unused_submodules();
        Assert.All(model.state_dict(), entry => Traced.Same(before[entry.Key], entry.Value));
    }

    [Fact]
    public void An_operation_may_stand_before_an_input()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => a * 2 + b);
        Only(traced.graph, "mul").append(Only(traced.graph, "b"));
        traced.graph.lint();
        Assert.False(traced.fold_constants());
        traced.recompile();
        Traced.Same(x * 2 + x, traced.call(x, x));
        Traced.Same(x * 2 + x, new GraphInterpreter(traced).run(x, x));
    }

    [Fact]
    public void An_empty_graph_is_text_and_code()
    {
        var graph = new Graph();
        Assert.Equal("graph():\n", graph.ToString());
        Assert.Contains("public void forward()", graph.csharp_code());
        graph.lint();
    }
}
