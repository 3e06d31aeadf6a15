using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Graphs;

/// <summary>Graphs made and changed by hand.</summary>
public sealed class GraphEditingTests
{
    private static readonly MethodInfo Relu = typeof(Tensor).GetMethod(nameof(Tensor.relu), Type.EmptyTypes)!;
    private static readonly MethodInfo Neg = typeof(Tensor).GetMethod(nameof(Tensor.neg), Type.EmptyTypes)!;
    private static readonly MethodInfo Add = typeof(Tensor).GetMethod("op_Addition", [typeof(Tensor), typeof(Tensor)])!;
    private static readonly MethodInfo Sum = typeof(Tensor).GetMethod(nameof(Tensor.sum), [typeof(long), typeof(bool), typeof(ScalarType?)])!;

    /// <summary>x, relu(x), neg(x), relu(x) + neg(x)</summary>
    private static (Graph Graph, Node X, Node Relu, Node Neg, Node Add) Sample()
    {
        var graph = new Graph();
        var x = graph.placeholder("x", typeof(Tensor));
        var relu = graph.call_method(Relu, x);
        var neg = graph.call_method(Neg, x);
        var add = graph.call_function(Add, relu, neg);
        graph.output(add, typeof(Tensor));
        return (graph, x, relu, neg, add);
    }

    private static readonly Tensor Scale = tensor(3f).DetachFromDisposeScope();

    [Fact]
    public void What_needs_no_input_may_come_first()
    {
        using var module = fx.symbolic_trace((Tensor x) => x * Scale);
        var input = module.graph.nodes.First();
        input.prepend(module.graph.find_nodes(Opcode.get_attr).Single());
        module.graph.lint();
        module.recompile();
        Assert.Equal(Opcode.get_attr, module.graph.nodes.First().op);
        using var x = ones(2);
        using var product = module.call(x);
        Assert.Equal([3f, 3f], product.data<float>().ToArray());
    }

    private static string[] Names(Graph graph) => [.. graph.nodes.Select(node => node.name)];

    [Fact]
    public void A_graphs_text_is_one_line_a_node()
        => Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %neg : [num_users=1] = call_method[target=neg](%x)
                %add : [num_users=1] = call_function[target=add](%relu, %neg)
                return %add

            """.ReplaceLineEndings("\n"), Sample().Graph.ToString());

    [Fact]
    public void A_graphs_table_lines_up()
    {
        var table = new StringWriter();
        Sample().Graph.print_tabular(table);
        Assert.Equal("""
            opcode         name    target  args
            -------------  ------  ------  -------------
            placeholder    x       x       ()
            call_method    relu    relu    (%x)
            call_method    neg     neg     (%x)
            call_function  add     add     (%relu, %neg)
            output         output  output  (%add)

            """.ReplaceLineEndings("\n"), table.ToString());
    }

    [Fact]
    public void Names_are_unique_and_never_Pythons_own_words()
    {
        var graph = new Graph();
        // The rules are those of torch.fx.graph._Namespace.
        foreach (var (candidate, expected) in new[]
        {
            ("relu", "relu"), ("relu", "relu_1"), ("relu_1", "relu_2"), ("relu_7", "relu_7"), ("relu", "relu_8"), ("max", "max_1"), ("input", "input_1"), ("class", "class_1"),
            ("layer1.0.conv", "layer1_0_conv"), ("0", "_0"), ("AuxLogits.conv", "aux_logits_conv"), ("", "_"),
        })
            Assert.Equal(expected, graph.placeholder(candidate, typeof(Tensor)).name);
    }

    [Fact]
    public void Nodes_are_inserted_where_one_says()
    {
        var (graph, _, relu, neg, add) = Sample();
        using (graph.inserting_before(relu))
        {
            graph.call_method(Neg, relu.args[0]);
            using (graph.inserting_after(add))
                graph.call_method(Relu, add);
            graph.call_method(Neg, relu.args[0]);
        }
        Assert.Equal(["x", "neg_1", "neg_2", "relu", "neg", "add", "relu_1", "output"], Names(graph));
        graph.lint();
        Assert.Equal([relu, neg], add.all_input_nodes);
    }

    [Fact]
    public void Moving_a_node_keeps_the_list_whole()
    {
        var (graph, _, relu, neg, _) = Sample();
        relu.prepend(neg);
        Assert.Equal(["x", "neg", "relu", "add", "output"], Names(graph));
        neg.append(neg);
        relu.append(relu);
        Assert.Equal(["x", "neg", "relu", "add", "output"], Names(graph));
        Assert.Equal(Names(graph).Reverse(), Enumerable.Range(0, 5).Aggregate((List: new List<string>(), Node: graph.output_node()), (state, _) => ([.. state.List, state.Node.name], state.Node.prev)).List);
        graph.lint();
    }

    [Fact]
    public void A_node_before_what_it_reads_is_found_by_lint()
    {
        var (graph, x, relu, _, add) = Sample();
        relu.prepend(add);
        Assert.Equal("The graph is not well-formed: node 'add' reads 'relu' before that is computed.", Assert.Throws<InvalidOperationException>(graph.lint).Message);
        Assert.Equal(2, x.users.Count);
    }

    [Fact]
    public void Replacing_uses_updates_the_users()
    {
        var (graph, x, relu, neg, add) = Sample();
        Assert.Equal([add], relu.replace_all_uses_with(neg));
        Assert.Empty(relu.users);
        Assert.Equal([add], neg.users);
        graph.erase_node(relu);
        Assert.Equal([neg], x.users);
        Assert.Equal("%add : [num_users=1] = call_function[target=add](%neg, %neg)", add.format_node());
        graph.lint();
    }

    [Fact]
    public void Only_the_chosen_users_are_changed()
    {
        var (graph, x, relu, neg, _) = Sample();
        Assert.Equal([neg], x.replace_all_uses_with(relu, user => user == neg));
        Assert.Equal([relu], x.users);
        graph.lint();
    }

    [Fact]
    public void Arguments_go_by_position_or_by_the_parameters_name()
    {
        var graph = new Graph();
        var x = graph.placeholder("x", typeof(Tensor));
        var sum = graph.call_method(Sum, x, new Literal(1L), new Literal(false), new Literal(null));
        Assert.Equal(["self", "dim", "keepdim", "type"], sum.kwargs.Keys);
        sum.update_kwarg("keepdim", new Literal(true));
        sum.update_arg(1, new Literal(-1L));
        Assert.Equal("%sum_1 : [num_users=0] = call_method[target=sum](%x, -1, True, None)", sum.format_node());
        Assert.Equal("Node 'sum_1' has no argument 'keepdims': sum takes self, dim, keepdim, type. (Parameter 'key')", Assert.Throws<ArgumentException>(() => sum.update_kwarg("keepdims", new Literal(true))).Message);
        Assert.StartsWith("Node 'sum_1' has 4 arguments; there is no position 4.", Assert.Throws<ArgumentOutOfRangeException>(() => sum.update_arg(4, x)).Message, StringComparison.Ordinal);
        sum.insert_arg(4, x);
        Assert.Equal(5, sum.args.Length);
    }

    [Fact]
    public void What_others_read_can_not_be_erased()
    {
        var (graph, x, relu, neg, _) = Sample();
        Assert.Equal("Node 'x' can't be erased: relu, neg still read it. Give them another argument first, e.g. with replace_all_uses_with.", Assert.Throws<InvalidOperationException>(() => graph.erase_node(x)).Message);
        Assert.Equal("Node 'relu' can't be erased: add still reads it. Give them another argument first, e.g. with replace_all_uses_with.", Assert.Throws<InvalidOperationException>(() => graph.erase_node(relu)).Message);
        relu.replace_all_uses_with(neg);
        graph.erase_node(relu);
        Assert.StartsWith("Node 'relu' can't be erased: it is not part of this graph (any more).", Assert.Throws<ArgumentException>(() => graph.erase_node(relu)).Message, StringComparison.Ordinal);
        Assert.Equal("relu", graph.create_node(Opcode.call_method, new MethodTarget(Relu), [x], typeof(Tensor)).name);
    }

    [Fact]
    public void Nodes_of_two_graphs_do_not_mix()
    {
        var (graph, x, _, _, _) = Sample();
        var (other, theirs, _, _, _) = Sample();
        Assert.StartsWith("Node 'relu_1' can't take 'x' as an argument: it belongs to another graph. Copy it over with graph.node_copy first.", Assert.Throws<ArgumentException>(() => graph.call_method(Relu, theirs)).Message, StringComparison.Ordinal);
        Assert.StartsWith("Node 'x' can't be moved beside 'x': it is not part of this graph (any more).", Assert.Throws<ArgumentException>(() => x.prepend(theirs)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => graph.inserting_before(theirs));
        Assert.Throws<ArgumentException>(() => graph.erase_node(theirs));
        other.lint();
    }

    [Fact]
    public void A_copied_graph_is_its_own()
    {
        var (graph, _, relu, _, _) = Sample();
        var key = new MetaKey<string>("color");
        relu.set_meta(key, "red");
        var copy = new Graph();
        var copies = new Dictionary<Node, Node>();
        copy.output(copy.graph_copy(graph, copies)!, typeof(Tensor));
        Assert.Equal(graph.ToString(), copy.ToString());
        Assert.Equal("red", copies[relu].get_meta(key));
        copies[relu].set_meta(key, "blue");
        Assert.Equal("red", relu.get_meta(key));
        copy.lint();
    }

    [Fact]
    public void A_graph_is_inlined_into_another()
    {
        var (graph, x, _, _, add) = Sample();
        var (inner, innerX, _, _, _) = Sample();
        using (graph.inserting_before(graph.output_node()))
        {
            var result = graph.graph_copy(inner, new() { [innerX] = add })!;
            graph.output_node().args = [result];
        }
        graph.lint();
        Assert.Equal(["x", "relu", "neg", "add", "relu_1", "neg_1", "add_1", "output"], Names(graph));
        var t = tensor(new float[] { -1, 2 });
        // relu(x) - x = max(0, -x), and then the same of that: max(0, -max(0, -x)) is 0.
        Assert.True(((Tensor)new GraphInterpreter(new Empty(), graph).run(t)!).Equals(zeros(2)));
        Assert.Single(x.users.Distinct(), user => user.name == "relu");
    }

    private sealed class Empty() : nn.Module(nameof(Empty));

    [Fact]
    public void Nodes_are_found_by_kind_and_target()
    {
        var (graph, _, relu, neg, add) = Sample();
        Assert.Equal([relu, neg], graph.find_nodes(Opcode.call_method));
        Assert.Equal([neg], graph.find_nodes(Opcode.call_method, "neg"));
        Assert.Equal([add], graph.find_nodes(Opcode.call_function, "add"));
        Assert.Equal(5, graph.Count);
    }

    [Fact]
    public void A_graph_without_an_output_says_so()
        => Assert.Equal("The graph has no output node: end it with graph.output(...).", Assert.Throws<InvalidOperationException>(() => new Graph().output_node()).Message);

    [Theory]
    [InlineData(0), InlineData(7)]
    public void A_module_takes_one_to_six_inputs(int count)
    {
        var graph = new Graph();
        var x = graph.placeholder("x", typeof(Tensor));
        Assert.StartsWith($"A module takes one to six inputs, but 'fc' is given {count}.", Assert.Throws<ArgumentException>(() => graph.call_module("fc", [.. Enumerable.Repeat((Argument)x, count)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_read_as_Python_writes_them()
    {
        var graph = new Graph();
        var x = graph.placeholder("x", typeof(Tensor));
        Argument[] all =
        [
            new Literal(null), new Literal(true), new Literal(1.0), new Literal(0.1f), new Literal(double.NegativeInfinity), new Literal("it's"), new Literal(ScalarType.Float32),
            new ListArgument([x, new SpreadArgument(x)], typeof(Tensor)), new TupleArgument([x], typeof(ValueTuple<Tensor>)),
            new SliceArgument(null, new Literal(-1), null), new EllipsisArgument(), new ConvertArgument(x, typeof(int), false),
            new DictArgument([new(new Literal("a"), x)], typeof(Dictionary<string, Tensor>)),
        ];
        Assert.Equal(
            ["None", "True", "1.0", "0.1", "-inf", @"'it\'s'", "torch.float32", "[%x, *%x]", "(%x,)", "slice(None, -1, None)", "Ellipsis", "int(%x)", "{'a': %x}"],
            all.Select(argument => argument.ToString()));
    }
}
