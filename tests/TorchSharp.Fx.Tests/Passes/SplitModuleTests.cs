using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Modules cut into chains of submodules. Counterparts: <c>test/fx/test_fx_split.py</c> and the tests of <c>split_module</c> in <c>test/test_fx_experimental.py</c>.</summary>
[Collection("Tensor counts")]
public sealed class SplitModuleTests
{
    [Fact]
    public void A_chain_of_partitions_computes_the_same()
    {
        using var model = new Small();
        using var traced = fx.symbolic_trace(model);
        var count = 0;
        using var split = traced.split_module(_ => Math.Min(count++, 2));
        Assert.Equal(["submod_0", "submod_1", "submod_2"], split.graph.find_nodes(Opcode.call_module).Select(node => node.target.name).Order());
        AssertSame(model, split);
    }

    [Fact]
    public void Submodules_are_graph_modules_that_run_alone()
    {
        using var model = new Small();
        using var traced = fx.symbolic_trace(model);
        using var split = traced.split_module(node => node.name == "linear" ? "first" : "second");
        Assert.Equal(["submod_first", "submod_second"], split.named_children().Select(child => child.name));
        using var x = rand(2, 4);
        using var first = (Tensor)((GraphModule)split.named_children().First().module).call(x)!;
        using var expected = model.linear.call(x);
        Assert.True(first.Equals(expected));
    }

    private sealed class WithItsScale : Module<Tensor, (Tensor, Tensor)>
    {
        private readonly Linear linear = Linear(4, 4);
        private readonly Parameter scale = new(rand(4));

        internal WithItsScale() : base(nameof(WithItsScale)) => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor x) => (linear.call(x) * scale, scale);
    }

    [Fact]
    public void What_the_result_alone_reads_goes_with_the_module()
    {
        using var model = new WithItsScale();
        using var traced = fx.symbolic_trace(model);
        using var x = rand(2, 4);
        using (var split = traced.split_module(node => node.target.name))
            Assert.True(split.call(x).Item2.Equals(model.get_parameter("scale")!));
        LiveTensors.AssertStay(() => traced.split_module(_ => 0).Dispose(), 20);
    }

    [Fact]
    public void Names_keep_where_they_came_from()
    {
        using var model = new Small();
        using var traced = fx.symbolic_trace(model);
        var names = new Dictionary<string, string>();
        using var split = traced.split_module(node => node.name == "linear" ? 0 : 1, names);
        Assert.Equal("linear", names["submod_0.linear"]);
        Assert.Equal("scale", names["submod_1.scale"]);
        Assert.Equal("head", names["submod_1.head"]);
        Assert.Equal(["submod_0.linear.weight", "submod_0.linear.bias", "submod_1.scale", "submod_1.head.weight", "submod_1.head.bias"], split.named_parameters().Select(entry => entry.name));
        Assert.Same(model.linear.weight, split.named_parameters().First().parameter);
    }

    [Fact]
    public void Nodes_keep_their_metadata_and_origin()
    {
        using var model = new Small();
        using var traced = fx.symbolic_trace(model);
        var note = new MetaKey<string>("note");
        foreach (var node in traced.graph.nodes)
            node.set_meta(note, node.name);
        using var split = traced.split_module(node => node.name == "linear" ? 0 : 1);
        var inner = split.modules().OfType<GraphModule>().SelectMany(module => module.graph.find_nodes(Opcode.call_module)).ToArray();
        Assert.Equal(["linear", "head"], inner.Select(node => node.get_meta(note)));
        Assert.All(inner, node => Assert.NotNull(node.origin));
    }

    [Fact]
    public void A_number_and_a_shape_cross_the_border()
    {
        using var model = new UsesShape();
        using var traced = fx.symbolic_trace(model);
        using var split = traced.split_module(node => node.target.name is "getattr" or "getitem" ? 0 : 1);
        AssertSame(model, split);
    }

    [Fact]
    public void Partitions_that_need_each_other_are_refused()
    {
        using var model = new Small();
        using var traced = fx.symbolic_trace(model);
        var error = Assert.Throws<ArgumentException>(() => traced.split_module(node => node.name is "linear" or "head" ? 0 : 1));
        Assert.Contains("'submod_0' and 'submod_1' need each other's values", error.Message);
    }

    [Fact]
    public void The_original_order_is_kept_or_refused()
    {
        using var model = new TwoWays();
        using var traced = fx.symbolic_trace(model);
        string[] Order(bool keep)
        {
            using var split = traced.split_module(node => node.name switch { "relu" or "add" => "a", _ => "b" }, keep_original_order: keep);
            AssertSame(model, split);
            return [.. split.graph.find_nodes(Opcode.call_module).Select(node => node.target.name)];
        }

        Assert.Equal(["submod_b", "submod_a"], Order(keep: false));
        Assert.Contains("'submod_a' needs a value of 'submod_b'", Assert.Throws<ArgumentException>(() => Order(keep: true)).Message);
    }

    [Fact]
    public void A_write_stays_between_what_reads_before_and_after()
    {
        using var model = new Writes();
        using var traced = fx.symbolic_trace(model);
        using var split = traced.split_module(node => node.name);
        AssertSame(model, split);
        Assert.Throws<ArgumentException>(() => traced.split_module(node => node.name == "add_" ? "write" : "reads"));
    }

    private sealed class WritesToItsOwn() : Module<Tensor, Tensor>(nameof(WritesToItsOwn))
    {
        private readonly Tensor[] kept = [full([2, 2], 0.5f)];

        public override Tensor forward(Tensor x)
        {
            var scale = x.mean() * 2;
            kept[0].t().add_(scale);
            return kept[0] + x;
        }
    }

    [Fact]
    public void A_view_of_a_constant_that_another_part_writes_to_is_refused()
    {
        using var traced = fx.symbolic_trace(new WritesToItsOwn(), suppress_trace_warning: true);
        var refused = Assert.Throws<ArgumentException>(() => traced.split_module(node => node.name == "t" ? 0 : 1));
        Assert.Equal("The partition 'submod_0' hands on 't', a view of the constant '_tensor_constant0', and 'submod_1' writes to that by 'add_'. Let split_callback put both nodes into one partition.", refused.Message);
        using var split = traced.split_module(node => node.name switch { "t" or "add_" => 1, "add" => 2, _ => 0 });
        var eager = new WritesToItsOwn();
        for (var call = 0; call < 2; call++)
            Assert.Equal(eager.call(ones(2, 2)), split.call(ones(2, 2)));
    }

    [Fact]
    public void An_extractor_stays_one()
    {
        using var model = new Small();
        using var extractor = feature_extraction.create_feature_extractor(model, ["linear", "head"]);
        extractor.eval();
        using var split = extractor.split_module(node => node.name == "linear" ? 0 : 1);
        using var x = rand(2, 4);
        using var expected = extractor.call(x);
        using var actual = split.call(x);
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var key in expected.Keys)
            Assert.True(expected[key].Equals(actual[key]), key);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(100)]
    public void Parts_in_a_row_give_the_same(int parts)
    {
        using var model = new Busy();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        var positions = Positions(traced);
        using var split = traced.split_module(node => positions[node] * parts / positions.Count);
        split.graph.lint();
        Assert.InRange(split.graph.find_nodes(Opcode.call_module).Count(), Math.Min(parts, 2) / 2, parts);
        Assert.All(split.graph.nodes.Where(node => node.op == Opcode.call_module), node => Assert.StartsWith("submod_", node.target.name, StringComparison.Ordinal));
        using var x = rand(4, 3);
        using var expected = model.call(x);
        using var actual = split.call(x);
        Assert.True(expected.bytes.SequenceEqual(actual.bytes));
        Assert.Equal(model.parameters().Count(), split.parameters().Distinct<Parameter>(ReferenceEqualityComparer.Instance).Count());
        Assert.All(split.parameters(), parameter => Assert.Contains(model.parameters(), own => ReferenceEquals(own, parameter)));
    }

    [Fact]
    public void It_follows_train_mode_learns_and_leaves_no_tensor()
    {
        using var model = new Busy();
        using var traced = fx.symbolic_trace(model);
        using var x = rand(4, 3);
        var positions = Positions(traced);
        using (var split = traced.split_module(node => positions[node] / 4))
        {
            using var loss = split.call(x).sum();
            loss.backward();
            Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
            split.eval();
            Assert.All(split.modules(), module => Assert.False(module.training));
        }
        model.zero_grad();
        using var none = no_grad();
        LiveTensors.AssertStay(() =>
        {
            using var split = traced.split_module(_ => 0);
            using var output = split.call(x);
        }, 20);
    }

    private static Dictionary<Node, int> Positions(IGraphModule module) => module.graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);

    private static void AssertSame(Module<Tensor, Tensor> model, GraphModule<Tensor, Tensor> split)
    {
        foreach (var rows in new[] { 2, 5 })
        {
            using var x = rand(rows, 4);
            using var given = x.clone();
            using var expected = model.call(x);
            using var actual = split.call(given);
            Assert.True(expected.Equals(actual));
            Assert.True(x.Equals(given));
        }
    }

    private sealed class Small : Module<Tensor, Tensor>
    {
        internal readonly Linear linear = Linear(4, 4);
        private readonly Parameter scale = new(rand(4));
        private readonly Linear head = Linear(4, 2);

        internal Small() : base(nameof(Small)) => RegisterComponents();

        public override Tensor forward(Tensor x) => head.call((linear.call(x) * scale).relu());
    }

    private sealed class UsesShape() : Module<Tensor, Tensor>(nameof(UsesShape))
    {
        public override Tensor forward(Tensor x) => x.reshape(x.shape[1], x.shape[0]) * x.shape[0];
    }

    private sealed class TwoWays() : Module<Tensor, Tensor>(nameof(TwoWays))
    {
        public override Tensor forward(Tensor x)
        {
            var left = x.relu();
            return x.sigmoid() + left;
        }
    }

    private sealed class Writes() : Module<Tensor, Tensor>(nameof(Writes))
    {
        public override Tensor forward(Tensor x)
        {
            var y = x * 2;
            var before = y.sin();
            y.add_(1);
            return before + y.cos();
        }
    }

    private sealed class Busy : Module<Tensor, Tensor>
    {
        private readonly Linear first = Linear(3, 3), second = Linear(3, 3);
        private readonly Parameter scale = Parameter(rand(3));
        private readonly Dropout drop = Dropout();

        public Busy() : base(nameof(Busy)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = first.call(x) * scale;
            var parts = y.chunk(3, 1);
            var z = drop.call(second.call(y)).relu_();
            return z * scale + parts[0] + y.shape[0] + 1;
        }
    }
}
