using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Runs a graph once and stores the shape, dtype and strides of every node's value on the node: <see cref="meta.tensor_meta"/> where it is
/// a tensor, <see cref="meta.tensor_metas"/> where it contains tensors. With a model or inputs on the meta device only shapes are computed.
/// The model, the inputs and the random number generator are not changed. Counterpart: <c>torch.fx.passes.shape_prop.ShapeProp</c>.
/// </summary>
/// <param name="module">The hierarchy whose modules, parameters and buffers the graph names.</param>
/// <param name="graph">The graph to annotate.</param>
/// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
public sealed class ShapeProp(nn.Module module, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
{
    /// <summary>Runs the graph on these inputs. Unlike in Python, the result is not returned; it is disposed.</summary>
    /// <param name="args">The inputs, each a value or an <see cref="InputShape"/>; those left out take their defaults.</param>
    /// <exception cref="NodeExecutionException">A node threw: the inputs don't fit, or, on the meta device, a shape depends on the elements
    /// of a tensor.</exception>
    /// <exception cref="GraphAssertionException">An input breaks an assumption of the trace.</exception>
    public void propagate(params object?[] args)
        => Propagation.Run(new MetaRun(module, graph, tensor_constants), module, args, static (_, _) => { });
}
