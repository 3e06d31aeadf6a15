using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>Runs one of two graphs, by the content of a tensor. Counterpart: <c>torch.cond</c>.</summary>
internal sealed class Cond : nn.Module<Tensor, Tensor[], Tensor[]>, IKeepsNothing, ICloneable
{
    private readonly GraphModule<Tensor[], Tensor[]> true_graph, false_graph;

    /// <param name="true_graph">What runs where the condition holds; owned.</param>
    /// <param name="false_graph">What runs where it does not; owned.</param>
    internal Cond(GraphModule<Tensor[], Tensor[]> true_graph, GraphModule<Tensor[], Tensor[]> false_graph) : base(nameof(Cond))
    {
        (this.true_graph, this.false_graph) = (true_graph, false_graph);
        register_module(nameof(true_graph), true_graph);
        register_module(nameof(false_graph), false_graph);
        eval();
    }

    /// <summary>The branches, by name.</summary>
    internal (string Name, GraphModule<Tensor[], Tensor[]> Graph)[] Branches
        => [(nameof(true_graph), true_graph), (nameof(false_graph), false_graph)];

    /// <inheritdoc/>
    /// <param name="pred">The condition, one element.</param>
    /// <param name="operands">What the branches take.</param>
    public override Tensor[] forward(Tensor pred, Tensor[] operands) => (pred.ToBoolean() ? true_graph : false_graph).call(operands);

    /// <summary>The same with graphs of its own.</summary>
    public object Clone() => new Cond(true_graph.clone(), false_graph.clone());
}
