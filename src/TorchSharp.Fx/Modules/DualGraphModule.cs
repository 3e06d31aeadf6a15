using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A module with two graphs, one for train mode and one for eval mode, for source modules that derive from plain <see cref="nn.Module"/>.
/// Each graph's output is a <see cref="DictArgument"/> of named values. Counterpart:
/// <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule(root, train_graph, eval_graph, tensor_constants), IFeatureExtractor
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;

    /// <summary>Runs the graph of the present mode; inputs left out take their defaults.</summary>
    public new Features call(params object?[] inputs) => (Features)base.call(inputs)!;
}

// <arities>
/// <summary>
/// A module with one input and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}
// </arities>
