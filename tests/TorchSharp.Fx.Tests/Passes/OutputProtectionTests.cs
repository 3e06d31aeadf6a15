using TorchSharp.Fx.Tests.Runtime;
using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

public sealed class OutputProtectionTests
{
    private readonly Graph graph = new();
    private readonly Node x;

    public OutputProtectionTests() => x = graph.Input();

    [Fact]
    public void What_would_overwrite_a_value_gets_a_copy()
    {
        var hidden = graph.call(t => t.exp(), x);
        var relu = graph.call(t => t.relu_(), hidden);
        Protect(hidden, graph.call(t => t.neg(), relu));
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %exp : [num_users=2] = call_method[target=exp](%x)
                %clone : [num_users=1] = call_method[target=clone](%exp)
                %relu_ : [num_users=1] = call_method[target=relu_](%clone)
                %neg : [num_users=1] = call_method[target=neg](%relu_)
                return [%exp, %neg]

            """, graph.ToString());
    }

    [Fact]
    public void What_nothing_overwrites_later_is_not_cloned()
    {
        var hidden = graph.call(t => t.exp(), x);
        var relu = graph.call(t => t.relu_(), hidden);
        Protect(relu, graph.call(t => t.add_(t, 1), graph.call(t => t.clone(), x), relu, Value(1)));
        Assert.Equal("[%relu_, %add_]", graph.output_node().args[0].ToString());
    }

    [Fact]
    public void A_module_that_works_in_place_and_a_view_are_seen()
    {
        var hidden = graph.Module("block.fc", x);
        var view = graph.call(t => t.view(new long[1]), hidden, Longs(Value(-1)));
        var act = graph.Module("block.act", hidden);
        Protect(view);
        Assert.Equal(("[%view]", "%clone"), (graph.output_node().args[0].ToString(), act.args[0].ToString()));
    }

    [Fact]
    public void Where_others_have_to_see_the_write_the_output_is_the_copy()
    {
        var hidden = graph.call(t => t.exp(), x);
        var view = graph.call(t => t.view(new long[1]), hidden, Longs(Value(-1)));
        var relu = graph.call(t => t.relu_(), hidden);
        Protect(hidden, graph.call(t => t.add(t), relu, view));
        Assert.Equal(("[%clone, %add]", "%exp"), (graph.output_node().args[0].ToString(), relu.args[0].ToString()));
    }

    [Fact]
    public void Inputs_and_parameters_get_handles_of_their_own()
    {
        var model = new Small();
        var other = graph.Input("y");
        Protect(x, other, graph.get_attr("scale"));
        using var module = new GraphModule<Tensor, Tensor, Tensor[]>(model, graph);
        var (a, b) = (randn(6), randn(6));
        var results = module.call(a, b);
        Assert.Equal([.. EvaluatorTests.Flatten(a), .. EvaluatorTests.Flatten(b), .. EvaluatorTests.Flatten(model.scale)], results.SelectMany(EvaluatorTests.Flatten));
        foreach (var result in results)
            result.Dispose();
        Assert.False(a.IsInvalid || b.IsInvalid || model.scale.IsInvalid);
    }

    [Fact]
    public void Clones_hold_the_values_of_their_moment()
    {
        var copy = graph.call(t => t.clone(), x);
        var relu = graph.call(t => t.relu_(), copy);
        Protect(copy, relu, graph.call(t => t.neg_(), relu));
        using var module = new GraphModule<Tensor, Tensor[]>(new Nothing(), graph);
        var input = randn(6);
        var expected = new[] { input, input.relu(), -input.relu() };
        Assert.Equal(expected.SelectMany(EvaluatorTests.Flatten), module.call(input).SelectMany(EvaluatorTests.Flatten));
    }

    private void Protect(params Node[] outputs)
    {
        graph.Returning(new ListArgument([.. outputs.Select(node => (Argument)node)], typeof(Tensor)), typeof(Tensor[]));
        OutputProtection.Protect(graph, new Small());
        graph.lint();
    }
}
