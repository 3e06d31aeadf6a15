using TorchSharp.Fx.Tests.Runtime;
using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

public sealed class DeadCodeTests
{
    private readonly Graph graph = new();
    private readonly Node x;

    public DeadCodeTests() => x = graph.Input();

    [Fact]
    public void What_the_output_does_not_need_goes_and_placeholders_stay()
    {
        graph.Input("unused");
        graph.call(t => t.neg(), graph.call(t => t.exp(), x));
        Eliminate(graph.call(t => t.relu(), x));
        Assert.Equal(["x", "unused", "relu", "output"], Names());
    }

    [Fact]
    public void Random_draws_stay_for_those_after_them()
    {
        graph.call(t => t.bernoulli(null), x, Value(null));
        Eliminate(graph.call(t => t.relu(), x));
        Assert.Equal(["x", "bernoulli", "relu", "output"], Names());
    }

    [Fact]
    public void Arithmetic_that_nobody_reads_goes()
    {
        static Tensor Traced(Tensor x)
        {
            _ = Math.Max(x.shape[0], 3L);
            _ = MathF.Sqrt(x.shape[1]);
            return x.relu();
        }
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Traced);
        Assert.Contains(traced.graph.nodes, node => node.target.name == "max");
        Assert.Contains(traced.graph.nodes, node => node.target.name == "sqrt");
        traced.graph.eliminate_dead_code();
        Assert.Equal(["x", "relu", "output"], traced.graph.nodes.Select(node => node.name));
    }

    [Fact]
    public void Assertions_stay_with_what_they_need()
    {
        var rows = graph.call(t => t.size(0), x, Value(0));
        graph.Builtin(Builtin._assert, typeof(bool), typeof(void), graph.Builtin(Builtin.eq, typeof(long), typeof(bool), rows, Value(2L)), Value("two rows"));
        Eliminate(graph.call(t => t.relu(), x));
        Assert.Equal(["x", "size", "eq", "_assert", "relu", "output"], Names());
    }

    [Fact]
    public void An_in_place_operation_stays_where_its_tensor_is_read_later()
    {
        var copy = graph.call(t => t.clone(), x);
        graph.call(t => t.relu_(), copy);
        Eliminate(graph.call(t => t.neg(), copy));
        Assert.Equal(["x", "clone", "relu_", "neg", "output"], Names());
    }

    [Fact]
    public void So_it_does_where_only_a_view_of_it_is_read()
    {
        var copy = graph.call(t => t.clone(), x);
        var view = graph.call(t => t.view(new long[1]), copy, Longs(Value(-1)));
        graph.call(t => t.add_(1), copy, Value(1));
        Eliminate(graph.call(t => t.neg(), view));
        Assert.Contains("add_", Names());
    }

    [Fact]
    public void It_goes_where_nothing_reads_its_tensor_afterwards()
    {
        var copy = graph.call(t => t.clone(), x);
        var result = graph.call(t => t.neg(), copy);
        graph.call(t => t.relu_(), copy);
        Eliminate(result);
        Assert.Equal(["x", "clone", "neg", "output"], Names());
    }

    [Fact]
    public void It_stays_where_it_changes_a_buffer()
    {
        graph.call(t => t.add_(1), graph.get_attr("offset"), Value(1));
        Eliminate(graph.call(t => t.relu(), x), new Small());
        Assert.Contains("add_", Names());
    }

    [Fact]
    public void A_setter_is_an_in_place_operation()
    {
        var copy = graph.call(t => t.clone(), x);
        var set = typeof(Tensor).GetMethod("set_TensorItems", [typeof(TensorIndex[]), typeof(Tensor)])!;
        graph.Call(set, copy, new ListArgument([Value(0)], typeof(TensorIndex)), Value(7f));
        var result = graph.call(t => t.neg(), copy);
        graph.Call(set, copy, new ListArgument([Value(1)], typeof(TensorIndex)), Value(8f));
        Eliminate(result);
        Assert.Equal(["x", "clone", "setitem", "neg", "output"], Names());
    }

    [Fact]
    public void So_is_a_module_that_works_in_place()
    {
        var copy = graph.Module("block.fc", x);
        graph.Module("block.act", copy);
        graph.Module("block.fc", copy);
        Eliminate(graph.call(t => t.neg(), copy), new Small());
        Assert.Equal(["x", "block_fc", "block_act", "neg", "output"], Names());
    }

    private void Eliminate(Node result, nn.Module? root = null)
    {
        graph.Returning(result);
        graph.eliminate_dead_code(root ?? new Nothing());
        graph.lint();
    }

    private IEnumerable<string> Names() => graph.nodes.Select(node => node.name);
}
