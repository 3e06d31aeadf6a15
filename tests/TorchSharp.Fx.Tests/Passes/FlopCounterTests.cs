using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Costs, against the textbook's formulas written out.</summary>
[Collection(nameof(Alone))]
public sealed class FlopCounterTests
{
    private sealed class Layers : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = Conv2d(4, 6, 3, padding: 1, groups: 2);
        private readonly ConvTranspose2d up = ConvTranspose2d(6, 5, 2, stride: 2, bias: false);
        private readonly Linear fc = Linear(8, 7);
        private readonly Parameter scale = Parameter(ones(7));

        public Layers() : base(nameof(Layers)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = up.call(conv.call(x).relu_());
            x = fc.call(x.transpose(2, 3)) * scale;
            return fc.call(functional.pad(x, [0L, 1L]));
        }
    }

    [Fact]
    public void Layers_cost_what_their_formulas_say_and_a_shared_one_has_its_parameters_once()
    {
        using var model = new Layers();
        var (total, cost) = Counted(model, rand(2, 4, 4, 8));
        Assert.Equal(new NodeCost(2 * 6 * 4 * 8 * (2 * 9), 6 * 2 * 9 + 6, 2 * 6 * 4 * 8 * 4), cost["conv"]);
        Assert.Equal(new NodeCost(2 * 6 * 4 * 8 * (5 * 4), 6 * 5 * 4, 2 * 5 * 8 * 16 * 4), cost["up"]);
        Assert.Equal(new NodeCost(0, 0, 0), cost["relu_"]);
        Assert.Equal(new NodeCost(0, 0, 0), cost["transpose"]);
        Assert.Equal(new NodeCost(2 * 5 * 16 * 8 * 7, 8 * 7 + 7, 2 * 5 * 16 * 7 * 4), cost["fc"]);
        Assert.Equal(new NodeCost(0, 7, 0), cost["scale"]);
        Assert.Equal(cost["fc"], cost["fc_1"]);
        Assert.Equal(114 + 120 + 63 + 7, total.parameters);
        Assert.Equal(cost.Values.Sum(node => node.macs), total.macs);
        Assert.Equal(2 * total.macs, total.flops);
        Assert.Equal(cost.Values.Sum(node => node.nbytes), total.nbytes);
    }

    private sealed class Products() : Module<Tensor, Tensor>(nameof(Products))
    {
        public override Tensor forward(Tensor x)
        {
            var scores = x.matmul(x.transpose(1, 2));
            scores = baddbmm(x, x.transpose(1, 2), scores) + einsum("bij,bkj->bik", x, x);
            return functional.scaled_dot_product_attention(x, x, x) + bmm(scores, x);
        }
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("meta")]
    public void Functions_cost_what_their_formulas_say(string device)
    {
        using var model = new Products();
        var (_, cost) = Counted(model, rand([3, 5, 4], device: torch.device(device)));
        Assert.Equal(3 * 5 * 5 * 4, cost["matmul"].macs);
        Assert.Equal(3 * 5 * 5 * 4, cost["baddbmm"].macs);
        Assert.Equal(3 * 5 * 5 * 4, cost["einsum"].macs);
        Assert.Equal(3 * 5 * 4 * 5, cost["bmm"].macs);
        Assert.Equal(2 * 3 * 5 * 5 * 4, cost["scaled_dot_product_attention"].macs);
    }

    private sealed class MoreProducts() : Module<Tensor, Tensor>(nameof(MoreProducts))
    {
        public override Tensor forward(Tensor x)
        {
            var pair = stack([x, x]);
            var image = functional.conv2d(x.unsqueeze(0).unsqueeze(0), x.reshape(4, 1, 2, 2)).sum();
            var sum = functional.linear(x, x.narrow(0, 0, 3)).sum() + outer(x[0], x[1]).sum() + functional.bilinear(x, x, pair).sum();
            return x.addmm(x, x) + x.addbmm(pair, pair) + image + sum;
        }
    }

    [Fact]
    public void Functions_that_layers_have_too_cost_the_same()
    {
        using var model = new MoreProducts();
        var (_, cost) = Counted(model, rand(4, 4));
        Assert.Equal(4 * 3 * 4, cost["linear"].macs);
        Assert.Equal(4 * 4, cost["outer"].macs);
        Assert.Equal(4 * 2 * 4 * 4, cost["bilinear"].macs);
        Assert.Equal(4 * 4 * 4, cost["addmm"].macs);
        Assert.Equal(2 * 4 * 4 * 4, cost["addbmm"].macs);
        Assert.Equal(4 * 3 * 3 * (2 * 2), cost["conv2d"].macs);
    }

    private sealed class Sequences : Module<Tensor, Tensor>
    {
        private readonly LSTM lstm = LSTM(4, 6, numLayers: 2);
        private readonly MultiheadAttention attention = MultiheadAttention(6, 2);

        public Sequences() : base(nameof(Sequences)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var (hidden, _, _) = lstm.call(x, null);
            return attention.call(hidden, hidden, hidden, null, false, null).Item1;
        }
    }

    [Fact]
    public void Recurrent_layers_and_attention_cost_what_their_formulas_say()
    {
        using var model = new Sequences();
        var (_, cost) = Counted(model, rand(7, 3, 4));
        Assert.Equal(7 * 3 * 4 * 6 * (4 + 6 + 6 + 6), cost["lstm"].macs);
        Assert.Equal(3 * (4 * 7 * 6 * 6 + 2 * 7 * 7 * 6), cost["attention"].macs);
    }

    private sealed class Leaf : Module<Tensor, Tensor>
    {
        private readonly Linear inner = Linear(4, 3);

        public Leaf() : base(nameof(Leaf)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x.shape[0] > 1 ? Product(inner.call(x), 2) : x;

        public static Tensor Product(Tensor x, int times) => times > 1 ? x.mm(x.t()) : x;
    }

    private sealed class LeavesStay() : Tracer([Leaf.Product])
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Leaf || base.is_leaf_module(m, module_qualified_name);
    }

    private sealed class Outer : Module<Tensor, Tensor>
    {
        private readonly Leaf leaf = new();

        public Outer() : base(nameof(Outer)) => RegisterComponents();

        public override Tensor forward(Tensor x) => Leaf.Product(leaf.call(x), 3);
    }

    [Fact]
    public void The_users_leaves_are_followed()
    {
        using var model = new Outer();
        using var x = rand(2, 4);
        var graph = new LeavesStay().trace(model);
        Assert.Equal(["x", "leaf", "product", "output"], graph.nodes.Select(node => node.name));
        new FlopCounter(model, graph).count(x);
        Assert.Equal([0, 2 * 4 * 3 + 2 * 3 * 2, 2 * 2 * 2, 0], graph.nodes.Select(node => node.get_meta(NodeCost.cost)!.macs));
    }

    private static (NodeCost Total, Dictionary<string, NodeCost> Of) Counted(nn.Module model, Tensor input)
    {
        using var _ = input;
        using var traced = fx.symbolic_trace(model);
        var total = new FlopCounter(traced, traced.graph).count(input);
        return (total, traced.graph.nodes.ToDictionary(node => node.name, node => node.get_meta(NodeCost.cost)!));
    }
}
