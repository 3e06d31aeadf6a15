using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// A module that returns the values of the given nodes of a model, runs only what they need, and follows train/eval mode. It shares the
    /// model's leaf modules, parameters and buffers. Counterpart: <c>torchvision.models.feature_extraction.create_feature_extractor</c>.
    /// </summary>
    /// <param name="model">The model; it stays as it is, and must outlive the extractor.</param>
    /// <param name="return_nodes">
    /// The nodes for both modes: names from <see cref="get_graph_node_names"/>, or modules, which stand for the last node inside. Modules
    /// and nodes inside them may both be named. <c>NAME:in</c>
    /// is an input, <c>layer*.?.conv2</c> a <see cref="NodePattern"/>, <see cref="ReturnNodes.Where"/> a condition.
    /// </param>
    /// <param name="train_return_nodes">The nodes for train mode, together with those for eval mode and instead of the ones for
    /// both.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="suppress_diff_warning">Whether to say nothing when the two modes have different nodes.</param>
    /// <param name="concrete_args">Values for arguments of <c>forward</c>, by name, that are fixed rather than inputs.</param>
    /// <exception cref="ArgumentException">No nodes or an unknown one are named (the message lists the nearest), or the two ways of naming
    /// them are mixed.</exception>
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
