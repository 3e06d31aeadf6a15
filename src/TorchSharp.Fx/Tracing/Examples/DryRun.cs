using static TorchSharp.torch;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Runs nodes without touching the model: what the graph writes to are copies, and so are leaf modules that may write to their own.
/// </summary>
internal class DryRun(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? constants)
    : GraphInterpreter(root, graph, constants)
{
    protected override object? get_attr(Node node) => ((Tensor)base.get_attr(node)!).detach().clone();

    /// <summary>Nobody differentiates what a dry run computes; a node that asks for the mode is told the program's.</summary>
    private protected override IDisposable? EnterMode(Node node) => GradientMode.IsAskedBy(node) ? base.EnterMode(node) : no_grad();

    private protected override GraphInterpreter RunnerOf(Graph body)
        => new DryRun(Hierarchy.Root, body, null) { Hierarchy = Hierarchy, Modes = Modes };

    private protected override object? get_state(StateTarget place)
        => Structure.Map(base.get_state(place), tensor => tensor.detach().clone());

    private protected override object? set_state(Node node, StateTarget place) => null;

    /// <summary>The modes that modules run in; their own where null.</summary>
    internal ModuleModes? Modes { get; init; }

    protected override object? call_module(Node node)
    {
        var copy = DetachedCopy.Where(Hierarchy.Module(node.target.name), node.target.name, Modes);
        if (copy is null)
            return base.call_module(node);
        object? result = null;
        try
        {
            return result = CallModule(node, copy.Module);
        }
        finally
        {
            copy.Release(result);
        }
    }
}
