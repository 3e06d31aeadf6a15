using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>The interpreter's half of the group <i>interpreter and transformer</i> of PyTorch's <c>test_fx.py</c>.</summary>
public sealed class InterpreterTests : IDisposable
{
    private sealed class Scaled : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter scale = new(rand(4));
        internal readonly TorchSharp.Modules.Linear linear = Linear(4, 5);

        public Scaled() : base(nameof(Scaled)) => RegisterComponents();

        public override Tensor forward(Tensor x) => linear.call(x + scale).clamp(0, 1).sigmoid();
    }

    private readonly Scaled model = new();
    private readonly Tensor x = randn(3, 4);

    public void Dispose() => model.Dispose();

    [Fact]
    public void It_runs_a_graph_module()
    {
        using var traced = fx.symbolic_trace(model);
        Traced.Same(model.call(x), new GraphInterpreter(traced).run(x));
    }

    [Fact]
    public void It_runs_another_graph_of_the_same_module()
    {
        var graph = new Graph();
        graph.Returning((new Proxy(graph.call_module("linear", graph.Input())) * 2).node);
        Traced.Same(model.linear.call(x) * 2, new GraphInterpreter(model, graph).run(x));
    }

    [Fact]
    public void It_runs_an_extractors_graph()
    {
        using var extractor = feature_extraction.create_feature_extractor(model, ["linear"]);
        var values = (Dictionary<string, object>)new GraphInterpreter(extractor, extractor.eval_graph).run(x)!;
        using var features = extractor.call(x);
        Traced.Same(features["linear"], values["linear"]);
    }

    private sealed class Annotating(IGraphModule module) : GraphInterpreter(module)
    {
        internal static readonly MetaKey<string> Kind = new("kind");

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            node.set_meta(Kind, value is Tensor tensor ? $"{tensor.dtype}[{string.Join(", ", tensor.shape)}]" : "none");
            return value;
        }
    }

    [Fact]
    public void A_run_can_note_something_of_each_node()
    {
        using var traced = fx.symbolic_trace(model);
        new Annotating(traced).run(x);
        Assert.Equal(
            ["Float32[3, 4]", "Float32[4]", "Float32[3, 4]", "Float32[3, 5]", "Float32[3, 5]", "Float32[3, 5]", "Float32[3, 5]"],
            traced.graph.nodes.Select(node => node.get_meta(Annotating.Kind)));
    }

    private sealed class Swapping(IGraphModule module) : GraphInterpreter(module)
    {
        protected override object? call_method(Node node) => node.target.name switch
        {
            "sigmoid" => ((Tensor)fetch_args(node)[0]!).neg(),
            _ => base.call_method(node),
        };

        protected override object? get_attr(Node node) => ((Tensor)fetch_attr(node.target.name)) * 0;

        protected override object? call_module(Node node) => ((Module<Tensor, Tensor>)fetch_attr(node.target.name)).call((Tensor)map_nodes_to_values(node.args[0])!) + 1;
    }

    [Fact]
    public void Values_of_every_kind_can_be_swapped_on_the_fly()
    {
        using var traced = fx.symbolic_trace(model);
        Traced.Same((model.linear.call(x) + 1).clamp(0, 1).neg(), new Swapping(traced).run(x));
        Traced.Same(model.call(x), traced.call(x));
    }

    [Fact]
    public void A_run_can_start_from_known_values()
    {
        using var traced = fx.symbolic_trace(model);
        var known = arange(15).reshape(3, 5) - 6.0;
        var linear = traced.graph.find_nodes(Opcode.call_module).Single();
        Traced.Same(known.clamp(0, 1).sigmoid(), new GraphInterpreter(traced).run(new Dictionary<Node, object?> { [linear] = known }, x));
        var input = traced.graph.nodes.First();
        Traced.Same(model.call(x), new GraphInterpreter(traced).run(new Dictionary<Node, object?> { [input] = x }));
        Assert.Equal("The graph takes 0 inputs (), but 1 was given. (Parameter 'given')", Assert.Throws<ArgumentException>(() => new GraphInterpreter(traced).run(new Dictionary<Node, object?> { [input] = x }, x)).Message);
    }

    [Fact]
    public void Values_are_forgotten_after_their_last_use_unless_they_are_to_stay()
    {
        using var traced = fx.symbolic_trace(model);
        var forgetting = new GraphInterpreter(traced);
        forgetting.run(x);
        Assert.Equal([traced.graph.output_node()], forgetting.env.Keys);
        var keeping = new GraphInterpreter(traced) { garbage_collect_values = false };
        keeping.run(x);
        Assert.Equal(traced.graph.nodes, keeping.env.Keys);
        Traced.Same(x, keeping.env[traced.graph.nodes.First()]);
    }

    [Fact]
    public void A_boxed_run_empties_the_list_of_its_inputs()
    {
        using var traced = fx.symbolic_trace(model);
        List<object?> inputs = [x];
        Traced.Same(model.call(x), new GraphInterpreter(traced).boxed_run(inputs));
        Assert.Empty(inputs);
        inputs = [x, x];
        Assert.Equal("The graph takes 1 input (x), but 2 were given. (Parameter 'given')", Assert.Throws<ArgumentException>(() => new GraphInterpreter(traced).boxed_run(inputs)).Message);
        Assert.Equal(2, inputs.Count);
    }

    private static Tensor Shifted(Tensor x, double by = 3.14) => x + by;

    [Fact]
    public void Defaults_are_filled_in_and_an_input_without_one_is_asked_for()
    {
        using var traced = fx.symbolic_trace(Shifted);
        Traced.Same(x + 3.14, new GraphInterpreter(traced).run(x));
        Traced.Same(x + 1.5, new GraphInterpreter(traced).run(x, 1.5));
        Assert.Equal("The graph takes 2 inputs (x, by), but 0 were given. (Parameter 'given')", Assert.Throws<ArgumentException>(() => new GraphInterpreter(traced).run()).Message);
    }

    [Fact]
    public void An_array_of_tensors_is_one_input()
    {
        using var traced = fx.symbolic_trace((Tensor[] parts) => parts[0] + parts[1]);
        Traced.Same(x + x, new GraphInterpreter(traced).run([new[] { x, x }]));
    }
}
