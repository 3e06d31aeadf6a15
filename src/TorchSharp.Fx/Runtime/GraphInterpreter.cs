using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph node by node: slow, obvious, and by definition right; every other form is tested against it.
/// Override a method to change what a kind of node does. Counterpart: <c>torch.fx.Interpreter</c>.
/// </summary>
public class GraphInterpreter(nn.Module module, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
{
    /// <summary>The graph that runs.</summary>
    public Graph graph { get; } = graph;

    internal (nn.Module, IReadOnlyDictionary<string, Tensor>?) Sources => (module, tensor_constants);

    /// <summary>Runs the whole graph and returns its result. Counterpart: <c>torch.fx.Interpreter.run</c>.</summary>
    public object? run(params object?[] args) => throw new NotImplementedException();

    /// <summary>Runs one node on the values computed so far. Counterpart: <c>torch.fx.Interpreter.run_node</c>.</summary>
    public virtual object? run_node(Node node) => throw new NotImplementedException();
}
