using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>The groups <i>tracing</i>, <i>leaf and wrap</i>, <i>arguments</i> and <i>returns</i> of PyTorch's <c>test_fx.py</c>, where no other test has the same.</summary>
public sealed class TracingTests
{
    private readonly Tensor x = randn(3, 4);

    private static string[] Names(Graph graph) => [.. graph.nodes.Select(node => node.name)];

    [Fact]
    public void Bitwise_operators_are_nodes_of_Pythons_names()
    {
        var bits = arange(6);
        using var traced = fx.symbolic_trace((Tensor x) => new[] { x & x, x | x, x ^ x, ~x });
        Assert.Equal(["x", "and_", "or_", "xor", "invert", "output"], Names(traced.graph));
        Traced.Same(new[] { bits & bits, bits | bits, bits ^ bits, ~bits }, traced.call(bits));
    }

    [Fact]
    public void Matrix_products_are_nodes()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => matmul(a, b) + a.matmul(b));
        Assert.Equal(["a", "b", "matmul", "matmul_1", "add", "output"], Names(traced.graph));
        Traced.Same(matmul(x, x.T) * 2, traced.call(x, x.T));
    }

    [Fact]
    public void Infinities_and_not_a_number_are_constants()
    {
        using var traced = fx.symbolic_trace((Tensor x) => (x + double.PositiveInfinity).clamp(double.NegativeInfinity, double.NaN));
        Assert.Equal("%add : [num_users=1] = call_function[target=add](%x, inf)", traced.graph.nodes.ElementAt(1).format_node());
        Assert.Equal("%clamp : [num_users=1] = call_method[target=clamp](%add, -inf, nan)", traced.graph.nodes.ElementAt(2).format_node());
        Traced.Same((x + double.PositiveInfinity).clamp(double.NegativeInfinity, double.NaN), traced.call(x));
        Assert.Contains("double.PositiveInfinity", traced.code, StringComparison.Ordinal);
    }

    [Fact]
    public void Math_on_a_size_is_a_node()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x / Math.Sqrt(x.size(1)));
        Assert.Equal(["x", "size", "sqrt", "truediv", "output"], Names(traced.graph));
        Traced.Same(x / 2, traced.call(x));
    }

    private enum Mode { Plain, Squared }

    private static Tensor Powered(Tensor x, Mode mode) => mode == Mode.Squared ? x.square() : x;

    [Fact]
    public void Enums_are_constants_of_the_program_and_of_leaf_functions()
    {
        using var followed = fx.symbolic_trace((Tensor x) => Powered(x, Mode.Squared));
        Assert.Equal(["x", "square", "output"], Names(followed.graph));
        var graph = new Tracer([Powered]).trace((Tensor x) => Powered(x, Mode.Squared));
        Assert.Equal("%powered : [num_users=1] = call_function[target=Powered](%x, Mode.Squared)", graph.nodes.ElementAt(1).format_node());
        Traced.Same(x.square(), new GraphInterpreter(new Nothing(), graph).run(x));
    }

    [Fact]
    public void One_tracer_traces_one_function_after_the_other()
    {
        var tracer = new Tracer();
        var first = tracer.trace((Tensor x) => x.relu());
        var second = tracer.trace((Tensor x, Tensor y) => x + y);
        Assert.Equal(["x", "relu", "output"], Names(first));
        Assert.Equal(["x", "y", "add", "output"], Names(second));
    }

    private static Tensor Sum(params Tensor[] parts) => parts[0] + parts[1] * parts[2];

    [Fact]
    public void A_variable_number_of_arguments_is_an_array()
    {
        using var called = fx.symbolic_trace((Tensor a, Tensor b) => Sum(a, b, a));
        Assert.Equal(["a", "b", "mul", "add", "output"], Names(called.graph));
        using var taken = fx.symbolic_trace<Tensor[], Tensor>(Sum);
        Traced.Same(x + x * x, taken.call([x, x, x]));
        Assert.Equal(["parts", "getitem", "getitem_1", "getitem_2", "mul", "add", "output"], Names(taken.graph));
    }

    [Fact]
    public void A_graph_module_is_followed_or_a_leaf_like_any_other_module()
    {
        var inner = fx.symbolic_trace(new Small());
        inner.eval();
        using var outer = Sequential(("inner", inner), ("act", ReLU()));
        var followed = new Tracer().trace(outer);
        Assert.Equal(["tensor", "inner", "act", "output"], Names(followed));
        var input = randn(2, 6);
        Traced.Same(inner.call(input).relu(), new GraphInterpreter(outer, followed).run(input));
    }

    private static Tensor Scaled(Tensor x, double factor) => x * factor;

    [Fact]
    public void A_wrapped_function_stays_a_node_when_its_graph_is_traced_again_or_transformed()
    {
        var graph = new Tracer([Scaled]).trace((Tensor x) => Scaled(x, 2).relu());
        Assert.Equal(["x", "scaled", "relu", "output"], Names(graph));
        using var module = new GraphModule<Tensor, Tensor>(new Nothing(), graph);
        Assert.Equal(Names(graph), Names(new GraphTransformer(module).transform()));
        Traced.Same((x * 2).relu(), module.call(x));
    }

    [Fact]
    public void A_text_can_be_the_result()
    {
        using var traced = fx.symbolic_trace((Tensor x) => "foo");
        Assert.Equal("foo", traced.call(x));
        Assert.Equal("return 'foo'", traced.graph.output_node().format_node());
    }

    [Fact]
    public void A_dictionary_with_numbers_for_keys_can_be_the_result()
    {
        using var traced = fx.symbolic_trace((Tensor x) => new Dictionary<int, Tensor> { [0] = x.relu(), [42] = x });
        Assert.Equal("return {0: %relu, 42: %x}", traced.graph.output_node().format_node());
        Traced.Same(x.relu(), traced.call(x)[0]);
    }

    private sealed class Nest : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Sequential layers = Sequential(("first", Sequential(("fc", Linear(4, 4)), ("act", ReLU()))), ("last", Linear(4, 2)));

        public Nest() : base(nameof(Nest)) => RegisterComponents();

        public override Tensor forward(Tensor x) => layers.call(x).exp();
    }

    [Fact]
    public void Each_node_knows_the_module_whose_code_it_is_also_after_a_transformation()
    {
        using var traced = fx.symbolic_trace(new Nest());
        string?[] expected = [null, "layers.first.fc", "layers.first.act", "layers.last", "", null];
        Assert.Equal(expected, traced.graph.nodes.Select(node => node.origin?.module_path));
        Assert.Equal(expected[..^1], new GraphTransformer(traced).transform().nodes.SkipLast(1).Select(node => node.origin?.module_path));
    }

    [Fact]
    public void An_exception_of_a_graph_module_names_the_node_and_the_line_it_came_from()
    {
        using var traced = fx.symbolic_trace((Tensor x) => x.exp().reshape(7, 7));
        var error = Assert.Throws<NodeExecutionException>(() => traced.call(x));
        Assert.StartsWith("Node 'reshape' (TracingTests.cs:", error.Message, StringComparison.Ordinal);
        Assert.Equal("reshape", error.node.name);
    }

    [Fact]
    public void Names_are_made_in_snake_case()
    {
        var graph = new Graph();
        foreach (var (path, name) in new[] { ("AttributeError", "attribute_error"), ("Conv2d", "conv2d"), ("SomeABCThing", "some_abcthing"), ("layer1.0.BatchNorm", "layer1_0_batch_norm") })
            Assert.Equal(name, graph.get_attr(path).name);
    }
}
