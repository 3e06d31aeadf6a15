using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Two graphs of one module: what runs follows its train/eval mode. Each graph's output is a <see cref="DictArgument"/> whose keys are the features' names.
/// Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
public sealed class DualGraphModule<T1> : nn.Module<T1, Features>
{
    /// <summary>Makes a module of two graphs, which may be the same, and the hierarchy their nodes name.</summary>
    public DualGraphModule(nn.Module root, Graph train_graph, Graph eval_graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null) : base(root.GetName())
        => throw new NotImplementedException();

    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => throw new NotImplementedException();

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => throw new NotImplementedException();

    /// <summary>The graph of the present mode.</summary>
    public Graph graph => training ? train_graph : eval_graph;

    /// <inheritdoc/>
    public override Features forward(T1 input) => throw new NotImplementedException();
}
