using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>Copies of graphs and graph modules.</summary>
[Collection("Tensor counts")]
public sealed class CopyTests
{
    private readonly Tensor x = randn(4, 6);

    [Fact]
    public void A_copied_graph_is_the_same_text_and_edited_apart()
    {
        using var module = fx.symbolic_trace(new Small());
        var (text, copy) = (module.graph.ToString(), module.graph.clone());
        Assert.Equal(text, copy.ToString());
        copy.lint();
        Assert.Equal(module.graph.nodes.Select(node => node.origin?.ToString()), copy.nodes.Select(node => node.origin?.ToString()));
        copy.output_node().args = [copy.nodes.First()];
        copy.eliminate_dead_code(new Small());
        Assert.Equal(text, module.graph.ToString());
        Assert.NotEqual(text, copy.ToString());
    }

    [Fact]
    public void A_copy_has_parameters_buffers_and_modules_of_its_own()
    {
        var model = new Small();
        model.eval();
        using var module = fx.symbolic_trace(model);
        var expected = module.call(x);
        using var copy = module.clone();
        Assert.Equal(module.state_dict().Keys, copy.state_dict().Keys);
        Assert.Equal(module.named_parameters().Select(entry => entry.name), copy.named_parameters().Select(entry => entry.name));
        Traced.Same(expected, copy.call(x));

        using (no_grad())
            foreach (var parameter in module.parameters())
                parameter.zero_();
        model.block.norm.running_mean!.fill_(3);
        Traced.Same(expected, copy.call(x));
        module.Dispose();
        model.Dispose();
        Traced.Same(expected, copy.call(x));
    }

    [Fact]
    public void A_copy_trains_and_moves_alone()
    {
        var model = new Small();
        using var module = fx.symbolic_trace(model);
        using var copy = module.clone();
        copy.eval();
        Assert.True(model.block.norm.training);
        copy.to(ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, copy.call(x.to(ScalarType.Float64)).dtype);
        Assert.All(model.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.dtype));
        copy.call(x.to(ScalarType.Float64)).sum().backward();
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
        Assert.All(copy.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void A_shallow_copy_shares_them_and_has_its_own_graph()
    {
        var model = new Small();
        model.eval();
        using var module = fx.symbolic_trace(model);
        module.add_submodule("head", Linear(6, 3));
        using var copy = module.clone(share_parameters: true);
        Assert.Equal(module.parameters(), copy.parameters());
        Traced.Same(module.call(x), copy.call(x));
        var (before, text) = (module.call(x), module.graph.ToString());
        copy.graph.output_node().args = [new Argument[] { copy.graph.find_nodes(Opcode.call_module, "block.fc").Single() }[0]];
        copy.recompile();
        Assert.Equal([4, 6], copy.call(x).shape);
        Assert.Equal(text, module.graph.ToString());
        Traced.Same(before, module.call(x));
    }

    private sealed class Tied : Module<Tensor, Tensor>
    {
        internal readonly Linear first = Linear(6, 6, hasBias: false);
        internal readonly Linear second = Linear(6, 6, hasBias: false);
        internal readonly Linear again;
        internal Parameter scale;

        public Tied() : base(nameof(Tied))
        {
            again = first;
            second.weight = first.weight;
            scale = first.weight!;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => again.call(second.call(first.call(x))) * scale.sum();
    }

    [Fact]
    public void Tied_parameters_and_modules_stay_tied()
    {
        var model = new Tied();
        using var module = fx.symbolic_trace(model);
        using var copy = module.clone();
        Traced.Same(model.call(x), copy.call(x));
        Assert.Single(copy.parameters().Distinct());
        Assert.NotSame(model.first.weight, copy.parameters().First());
        using (no_grad())
            copy.parameters().First().fill_(0.25f);
        var mean = x.mean([1], keepdim: true) * 6 * 0.25f;
        Assert.True((mean * 1.5f * 1.5f * 9).expand(4, 6).allclose(copy.call(x), 1e-4));
    }

    private sealed class Leaf : Module<Tensor, Tensor>
    {
        private readonly Dictionary<string, Linear> layers = new() { ["a"] = Linear(6, 6) };
        private readonly (Linear Layer, double Factor) pair = (Linear(6, 6), 0.5);

        public Leaf() : base(nameof(Leaf)) => register_module("a", layers["a"]);

        internal List<Tensor> Tensors => [layers["a"].weight!, pair.Layer.weight!];

        public override Tensor forward(Tensor x) => pair.Layer.call(layers["a"].call(x)) * pair.Factor;
    }

    private sealed class LeafTracer : Tracer
    {
        public override bool is_leaf_module(Module m, string module_qualified_name) => m is Leaf || base.is_leaf_module(m, module_qualified_name);
    }

    [Fact]
    public void A_leaf_of_ones_own_is_copied_with_all_it_holds()
    {
        var leaf = new Leaf();
        var root = Sequential(("leaf", leaf));
        var graph = new LeafTracer().trace(root);
        using var module = new GraphModule<Tensor, Tensor>(root, graph);
        using var copy = module.clone();
        var copied = (Leaf)copy.named_children().Single().module;
        Traced.Same(leaf.call(x), copy.call(x));
        foreach (var (mine, theirs) in copied.Tensors.Zip(leaf.Tensors))
        {
            Assert.NotSame(theirs, mine);
            Traced.Same(theirs, mine);
        }
        Assert.Contains(copy.parameters(), parameter => ReferenceEquals(parameter, copied.Tensors[0]));
    }

    [Fact]
    public void Both_graphs_of_an_extractor_are_copied_with_their_mode()
    {
        var model = new Small();
        using var extractor = feature_extraction.create_feature_extractor(model, train_return_nodes: ["block.drop"], eval_return_nodes: ["block.fc"]);
        extractor.eval();
        using var copy = extractor.clone();
        Assert.False(copy.training);
        Assert.Equal(extractor.train_graph.ToString(), copy.train_graph.ToString());
        Assert.NotSame(extractor.eval_graph, copy.eval_graph);
        using var mine = copy.call(x);
        using var theirs = extractor.call(x);
        Traced.Same(theirs["block.fc"], mine["block.fc"]);
        copy.train();
        Assert.Equal(["block.drop"], copy.call(x).Keys);
        Assert.False(extractor.training);
    }

    [Fact]
    public void Constants_of_the_graph_are_copied_too()
    {
        var offset = rand(6);
        using var module = fx.symbolic_trace((Tensor x) => x + offset);
        var expected = x + offset;
        using var copy = module.clone();
        offset.zero_();
        Traced.Same(expected, copy.call(x));
    }

    [Fact]
    public void Copies_leave_no_tensor_behind()
    {
        var model = new Small();
        using var module = fx.symbolic_trace(model);
        // TorchSharp counts an object too many for each parameter that is made.
        void Parameters()
        {
            for (var i = 0; i < 7; i++)
            {
                using var values = rand(1);
                using var parameter = new Parameter(values);
            }
        }

        Assert.Equal(7, module.parameters().Count());
        Assert.Equal(Added(Parameters), Added(Copy));

        void Copy()
        {
            using var copy = module.clone();
            copy.call(x).Dispose();
            using var shared = module.clone(share_parameters: true);
        }

        static long Added(Action work)
        {
            work();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var before = Tensor.TotalCount;
            for (var i = 0; i < 10; i++)
                work();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Tensor.TotalCount - before;
        }
    }
}
