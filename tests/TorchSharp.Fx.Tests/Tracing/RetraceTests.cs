using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>A graph module traced once more gives its graph, by itself and inside another module.</summary>
public sealed class RetraceTests
{
    private sealed class Net : Module<Tensor, Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> first = Linear(3, 3);
        private readonly TorchSharp.Modules.Parameter scale = new(ones(3) * 2);
        private readonly Module<Tensor, Tensor> dropout = Dropout(0.5);

        internal Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor? y = null)
        {
            var n = x.shape[0];
            using (no_grad())
                x = x - x.mean();
            return dropout.call(first.call(x) * scale + ones(3)).reshape(n, -1) + y!;
        }
    }

    [Fact]
    public void A_graph_module_gives_its_graph()
    {
        using var scope = NewDisposeScope();
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        using var again = fx.symbolic_trace(traced);
        Assert.Equal(traced.graph.ToString(), again.graph.ToString());
        using var third = fx.symbolic_trace(again);
        Assert.Equal(traced.graph.ToString(), third.graph.ToString());
        Assert.Equal(traced.graph.nodes.Select(node => node.origin?.ToString()), third.graph.nodes.Select(node => node.origin?.ToString()));
        var (x, y) = (Traced.Sample(1, 2, 3), Traced.Sample(2, 2, 3));
        again.eval();
        third.eval();
        Traced.Same(again.call(x, y), third.call(x, y));
        using var byExample = fx.symbolic_trace(traced, example_inputs: [x, y]);
        Assert.Equal(traced.graph.ToString(), byExample.graph.ToString());
        using var withFixed = fx.symbolic_trace(traced, concrete_args: new Dictionary<string, object?> { ["y"] = ones(3) });
        withFixed.eval();
        Traced.Same(again.call(x, ones(3)), withFixed.call(x, ones(3)));
        Assert.Equal(["scale", "first.weight", "first.bias"], third.named_parameters().Select(entry => entry.name).ToArray());
    }

    [Fact]
    public void A_graph_of_a_function_gives_its_graph()
    {
        using var traced = fx.symbolic_trace((Tensor a, Tensor b) => (a + b).exp() * ones(3));
        using var again = fx.symbolic_trace((Module<Tensor, Tensor, Tensor>)traced);
        Assert.Equal(traced.graph.ToString(), again.graph.ToString());
        using var bare = fx.symbolic_trace((nn.Module)new GraphModule(traced, traced.graph));
        Assert.Equal(traced.graph.ToString(), bare.graph.ToString());
    }

    private sealed class Outer : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor, Tensor> body;
        private readonly Module<Tensor, Tensor> head = Linear(3, 2);

        internal Outer(Module<Tensor, Tensor, Tensor> body) : base(nameof(Outer))
        {
            this.body = body;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => head.call(body.call(x, x * 2)).relu();
    }

    [Fact]
    public void A_graph_module_inside_another_module_is_a_leaf_or_a_part_of_it()
    {
        using var scope = NewDisposeScope();
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        using var outer = new Outer(traced);
        outer.eval();
        var x = Traced.Sample(1, 2, 3);
        using var whole = fx.symbolic_trace(outer);
        Assert.Equal(["body", "head"], whole.graph.find_nodes(Opcode.call_module).Select(node => node.target.name));
        Traced.Same(outer.call(x), whole.call(x));
        var tracer = new Following();
        using var followed = new GraphModule<Tensor, Tensor>(outer, tracer.trace(outer), tracer.tensor_constants);
        Assert.Contains(followed.graph.nodes, node => node.op == Opcode.call_module && node.target.name == "body.first");
        Assert.Contains(followed.graph.nodes, node => node.gradient_mode == GradientMode.no_grad);
        Traced.Same(outer.call(x), followed.call(x));
        using var byExample = fx.symbolic_trace(outer, example_inputs: [x]);
        Traced.Same(outer.call(x), byExample.call(x));
    }

    private sealed class Following : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is not IGraphModule && base.is_leaf_module(m, module_qualified_name);
    }

    private sealed class Using(DualGraphModule<Tensor> extractor) : Module<Tensor, Tensor>(nameof(Using))
    {
        private readonly Module<Tensor, Features> features = extractor;

        public override Tensor forward(Tensor x)
        {
            var found = features.call(x);
            return found["0"].sum() + found["2"];
        }
    }

    [Fact]
    public void An_extractor_gives_its_graph_and_works_inside_another_module()
    {
        using var scope = NewDisposeScope();
        using var model = Sequential(Linear(3, 3), Dropout(0.9), Linear(3, 3));
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ["0", "2"]);
        extractor.eval();
        var x = Traced.Sample(1, 2, 3);
        var expected = extractor.call(x);
        using var again = fx.symbolic_trace((Module<Tensor, Features>)extractor);
        Assert.Equal(extractor.eval_graph.ToString(), again.graph.ToString());
        var features = again.call(x);
        Assert.Equal(["0", "2"], features.Keys);
        Traced.Same(expected["2"], features["2"]);
        Traced.Same(expected["2"], again.clone().call(x)["2"]);

        using var user = new Using(extractor);
        using var traced = fx.symbolic_trace(user);
        Traced.Same(user.call(x), traced.call(x));
        using var byExample = fx.symbolic_trace(user, example_inputs: [x]);
        Traced.Same(user.call(x), byExample.call(x));
        using var followed = new GraphModule<Tensor, Tensor>(user, new Following().trace(user));
        Assert.DoesNotContain(followed.graph.nodes, node => node.target.name == "features");
        Traced.Same(user.call(x), followed.call(x));
        using var smaller = feature_extraction.create_feature_extractor(extractor, ["0"]);
        Traced.Same(expected["0"], smaller.call(x)["0"]);
    }

    private sealed class Own(nn.Module root, Graph graph) : GraphModule<Tensor, Tensor>(root, graph)
    {
        public override Tensor forward(Tensor input) => base.forward(input) * 2;
    }

    [Fact]
    public void A_class_derived_from_a_graph_module_is_followed_into_its_graph()
    {
        using var traced = fx.symbolic_trace((Tensor a) => a.exp());
        using var own = new Own(traced, traced.graph);
        using var again = fx.symbolic_trace(own);
        using var x = ones(2);
        Traced.Same(own.call(x), again.call(x));
        Assert.Equal(["exp", "mul"], again.graph.nodes.Where(node => node.op == Opcode.call_method || node.op == Opcode.call_function).Select(node => node.name));
    }
}
