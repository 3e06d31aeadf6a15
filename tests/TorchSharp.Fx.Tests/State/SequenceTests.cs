using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Sequences in leaves: a trace by example runs copies of what they hold, and a copy of a model has its own.</summary>
public sealed class SequenceTests
{
    /// <summary>A class of one's own on top of TorchSharp's.</summary>
    private sealed class Block() : Sequential(("norm", nn.BatchNorm1d(4)), ("act", nn.ReLU()));

    private sealed class Holder : nn.Module<Tensor, Tensor>
    {
        internal Holder() : base(nameof(Holder)) => RegisterComponents();

        internal readonly Sequential Inner = nn.Sequential(nn.Linear(4, 4), new Block());

        internal BatchNorm1d Norm => (BatchNorm1d)((nn.Module)Inner[1]).children().First();

        public override Tensor forward(Tensor x) => Inner.call(x) + 1;
    }

    private sealed class Model : nn.Module<Tensor, Tensor>
    {
        internal Model() : base(nameof(Model)) => RegisterComponents();

        internal readonly Holder Held = new();

        public override Tensor forward(Tensor x) => Held.call(x) * 2;
    }

    private sealed class LeafTracer(Type leaf) : Tracer
    {
        public override bool is_leaf_module(nn.Module module, string qualified_name) => module.GetType() == leaf || base.is_leaf_module(module, qualified_name);
    }

    public static TheoryData<Type> Leaves => [typeof(Holder), typeof(Sequential), typeof(Block)];

    [Theory, MemberData(nameof(Leaves))]
    public void Tracing_by_example_leaves_the_statistics_of_what_a_leaf_holds(Type leaf)
    {
        var model = new Model();
        var x = rand(3, 4);
        new GraphModule(model, new LeafTracer(leaf).trace(model, [x]));
        Assert.Equal(0, model.Held.Norm.num_batches_tracked!.item<long>());
        Assert.Equal(0, model.Held.Norm.running_mean!.abs().sum().item<float>());
    }

    [Theory, MemberData(nameof(Leaves))]
    public void A_copy_has_its_own(Type leaf)
    {
        var model = new Model();
        var x = rand(3, 4);
        using var graph = new GraphModule(model, new LeafTracer(leaf).trace(model));
        using var copy = graph.clone();
        var result = (Tensor)copy.call(x)!;
        Assert.Equal(0, model.Held.Norm.num_batches_tracked!.item<long>());
        Traced.Same(model.call(x), result);
    }

    /// <summary>A table that scales its rows down to a largest norm, within a leaf.</summary>
    private sealed class Table : nn.Module<Tensor, Tensor>
    {
        internal Table() : base(nameof(Table)) => RegisterComponents();

        internal readonly Embedding Rows = nn.Embedding(4, 4, max_norm: 0.1);

        public override Tensor forward(Tensor x) => Rows.call(x);
    }

    private sealed class Outer : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> leaf;

        internal Outer(nn.Module<Tensor, Tensor> leaf) : base(nameof(Outer))
        {
            this.leaf = leaf;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => leaf.call(x) * 2;
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Tracing_by_example_leaves_the_rows_of_a_table_in_a_leaf(bool isSequence)
    {
        var table = new Table();
        using var before = table.Rows.weight!.detach().clone();
        nn.Module<Tensor, Tensor> leaf = isSequence ? nn.Sequential(("rows", table.Rows)) : table;
        new LeafTracer(leaf.GetType()).trace(new Outer(leaf), [arange(4)]);
        Traced.Same(before, table.Rows.weight!.detach());
    }
}
