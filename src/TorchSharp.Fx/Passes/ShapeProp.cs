using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph once and notes of every node what its value is like: <see cref="meta.tensor_meta"/> where it is a tensor,
/// <see cref="meta.tensor_metas"/> where tensors are inside. With a model or inputs on the meta device nothing is computed but shapes. The
/// model, the inputs and the random generator stay as they are. Counterpart: <c>torch.fx.passes.shape_prop.ShapeProp</c>.
/// </summary>
/// <param name="module">The hierarchy whose modules, parameters and buffers the graph names.</param>
/// <param name="graph">The graph to annotate.</param>
/// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
public sealed class ShapeProp(nn.Module module, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
{
    /// <summary>Runs the graph on these inputs. Unlike in Python the result is not returned, as nobody would dispose it.</summary>
    /// <param name="args">The inputs, or an <see cref="InputShape"/> where only sizes matter; those left out take their defaults.</param>
    /// <exception cref="NodeExecutionException">A node threw: the inputs don't fit, or, on the meta device, a shape is decided by
    /// elements.</exception>
    /// <exception cref="GraphAssertionException">An input breaks an assumption of the trace.</exception>
    public void propagate(params object?[] args)
        => Propagation.Run(new MetaRun(module, graph, tensor_constants), module, args, static (_, _) => { });
}
