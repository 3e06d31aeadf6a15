using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// A module that returns the values of the requested nodes of a model, runs only the nodes needed for them, and follows train/eval
    /// mode. It shares the model's leaf modules, parameters and buffers. Counterpart:
    /// <c>torchvision.models.feature_extraction.create_feature_extractor</c>.
    /// </summary>
    /// <param name="model">The model; it is not changed, and must outlive the extractor.</param>
    /// <param name="return_nodes">The nodes for both modes: names from <see cref="get_graph_node_names"/>, or modules for the last node
    /// inside. <c>NAME:in</c> is the first input of a node or module, <c>layer*.?.conv2</c> a <see cref="NodePattern"/>,
    /// <see cref="ReturnNodes.Where"/> a condition.</param>
    /// <param name="train_return_nodes">The nodes for train mode. Give <paramref name="eval_return_nodes"/> too, and not
    /// <paramref name="return_nodes"/>.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="suppress_diff_warning">Whether to suppress the warning that the two modes have different nodes.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <exception cref="ArgumentException">No nodes are requested, a name is unknown (the message lists the nearest), or nodes for both
    /// modes and for single modes are mixed.</exception>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    public static DualGraphModule create_feature_extractor(
        nn.Module model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null, ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule(model, train, eval, constants));

    // <arities>
    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static DualGraphModule<T> create_feature_extractor<T, TResult>(
        nn.Module<T, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Create(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning, concrete_args,
            (train, eval, constants) => new DualGraphModule<T>(model, train, eval, constants));
    // </arities>
}
