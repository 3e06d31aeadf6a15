using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>What a graph module is made of, and how that is changed.</summary>
public sealed class SubmoduleTests
{
    private readonly Tensor x = rand(3, 4);

    private static Graph Dotted()
    {
        var graph = new Graph();
        var module = graph.call_module("foo.bar.baz", graph.Input());
        graph.Returning((new Proxy(module) + new Proxy(graph.get_attr("zip.zap.zam"))).node);
        return graph;
    }

    [Fact]
    public void A_root_is_a_dictionary_of_modules_and_tensors()
    {
        var (linear, tensor) = (Linear(4, 5), rand(3, 5));
        using var module = new GraphModule<Tensor, Tensor>(new Dictionary<string, object> { ["foo.bar.baz"] = linear, ["zip.zap.zam"] = tensor }, Dotted());
        Assert.Equal(["foo.bar.baz.weight", "foo.bar.baz.bias", "zip.zap.zam"], module.state_dict().Keys);
        Traced.Same(linear.call(x) + tensor, module.call(x));
        module.Dispose();
        Assert.False(tensor.IsInvalid);
        linear.call(x).Dispose();
    }

    [Fact]
    public void What_the_dictionary_lacks_is_named()
    {
        Assert.Equal(
            "Node 'zip_zap_zam' names the tensor 'zip.zap.zam', but the dictionary has none. It has: foo.bar.baz. (Parameter 'content')",
            Assert.Throws<ArgumentException>(() => new GraphModule(new Dictionary<string, object> { ["foo.bar.baz"] = Linear(4, 5) }, Dotted())).Message);
        Assert.Equal(
            "'zip.zap.zam' is a String, but a graph can name modules and tensors only.",
            Assert.Throws<ArgumentException>(() => new GraphModule(new Dictionary<string, object> { ["foo.bar.baz"] = Linear(4, 5), ["zip.zap.zam"] = "text" }, Dotted())).Message);
    }

    private sealed class Net : Module<Tensor, Tensor>
    {
        internal readonly Linear conv = Linear(4, 4);
        internal readonly Sequential body = Sequential(("first", Linear(4, 4)), ("act", ReLU()));
        internal readonly Linear rest = Linear(4, 4);

        public Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => rest.call(body.call(conv.call(x)));
    }

    [Fact]
    public void A_submodule_is_added_replaced_and_called()
    {
        var net = new Net();
        using var module = fx.symbolic_trace(net);
        var tanh = Tanh();
        Assert.True(module.add_submodule("extra.deep.tanh", tanh));
        using (module.graph.inserting_before(module.graph.output_node()))
            module.graph.output_node().args = [module.graph.call_module("extra.deep.tanh", module.graph.output_node().args[0])];
        module.recompile();
        Traced.Same(net.call(x).tanh(), module.call(x));

        var replacement = Linear(4, 4);
        Assert.True(module.add_submodule("conv", replacement));
        Assert.Contains(module.named_parameters(), entry => entry.name == "conv.weight" && ReferenceEquals(entry.parameter, replacement.weight));
        Traced.Same(net.rest.call(net.body.call(replacement.call(x))).tanh(), module.call(x));
        Assert.NotSame(replacement, net.named_children().First().module);
    }

    [Fact]
    public void Nothing_is_added_inside_a_leaf()
    {
        using var module = fx.symbolic_trace(new Net());
        Assert.False(module.add_submodule("conv.inner", ReLU()));
        Assert.False(module.add_submodule("conv.weight.inner", ReLU()));
        Assert.DoesNotContain(module.named_modules(), entry => entry.name.Contains("inner", StringComparison.Ordinal));
    }

    [Fact]
    public void A_deleted_submodule_is_gone_here_but_not_in_the_source()
    {
        var net = new Net();
        using var module = fx.symbolic_trace(net);
        Assert.True(module.delete_submodule("body"));
        Assert.False(module.delete_submodule("body"));
        Assert.False(module.delete_submodule("body.first"));
        Assert.DoesNotContain("body.first.weight", module.state_dict().Keys);
        Assert.Contains("body.first.weight", net.state_dict().Keys);
        Assert.Equal("The graph calls the module 'body.first', but Net has no module there, neither registered nor in a field.", Assert.Throws<InvalidOperationException>(() => module.call(x)).Message);
    }

    [Fact]
    public void Unused_submodules_go_and_used_ones_stay_whole()
    {
        var net = new Net();
        using var module = fx.symbolic_trace(net);
        var rest = module.graph.find_nodes(Opcode.call_module, "rest").Single();
        rest.replace_all_uses_with(rest.all_input_nodes[0]);
        module.graph.erase_node(rest);
        module.recompile();
        Assert.Contains("rest.weight", module.state_dict().Keys);
        module.add_submodule("never.called", Sequential(Linear(2, 2)));
        module.delete_all_unused_submodules();
        Assert.Equal(["body", "body.act", "body.first", "conv"], module.named_modules().Select(entry => entry.name).Order(StringComparer.Ordinal));
        Traced.Same(net.body.call(net.conv.call(x)), module.call(x));
        Assert.Contains("rest.weight", net.state_dict().Keys);
    }

    [Fact]
    public void Both_graphs_of_two_modes_count_as_users()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Net(), train_return_nodes: ["conv"], eval_return_nodes: ["rest"]);
        extractor.delete_all_unused_submodules();
        Assert.Contains("rest.weight", extractor.state_dict().Keys);
    }

    [Fact]
    public void What_an_edit_comes_to_use_is_registered()
    {
        var net = new Net();
        var graph = new Graph();
        graph.Returning(graph.call_module("conv", graph.Input()));
        using var module = new GraphModule<Tensor, Tensor>(net, graph);
        using (graph.inserting_before(graph.output_node()))
            graph.output_node().args = [graph.call_module("rest", graph.output_node().args[0])];
        module.recompile();
        Assert.Equal(["conv.weight", "conv.bias", "rest.weight", "rest.bias"], module.state_dict().Keys);
        Traced.Same(net.rest.call(net.conv.call(x)), module.call(x));
    }

    [Fact]
    public void Another_graph_takes_effect_at_once()
    {
        var net = new Net();
        using var module = fx.symbolic_trace(net);
        var graph = new Graph();
        graph.Returning(graph.call_module("rest", graph.Input()));
        module.graph = graph;
        Traced.Same(net.rest.call(x), module.call(x));
    }

    [Fact]
    public void A_graph_modules_code_is_that_of_its_graph()
    {
        using var module = fx.symbolic_trace(new Net());
        Assert.Equal("""
            using TorchSharp;
            using static TorchSharp.torch;

            sealed class Traced(SubmoduleTests.Net self)
            {
                public Tensor forward(Tensor x)
                {
                    var conv = self.conv.call(x);
                    var body_first = self.body.first.call(conv);
                    var body_act = self.body.act.call(body_first);
                    var rest = self.rest.call(body_act);
                    return rest;
                }
            }

            """.ReplaceLineEndings("\n"), module.code);
    }

    [Fact]
    public void The_readable_code_tells_where_each_statement_came_from()
    {
        using var module = fx.symbolic_trace(new Net());
        var lines = module.print_readable(print_output: false).Split('\n').Select(line => line.Trim()).ToArray();
        Assert.StartsWith("// SubmoduleTests.cs:", lines[Array.IndexOf(lines, "var conv = self.conv.call(x);") - 1]);
        Assert.EndsWith(", body.first", lines[Array.IndexOf(lines, "var body_first = self.body.first.call(conv);") - 1]);
        Assert.Equal(module.code, string.Join('\n', module.print_readable(print_output: false).Split('\n').Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))));
    }
}
