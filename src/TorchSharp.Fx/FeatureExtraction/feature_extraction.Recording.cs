using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// A module that runs a model's own code and returns the values of the requested nodes, under the names of the model's graph. The model
    /// need not be traceable: values may decide what runs, and code that can't be followed just runs, without nodes of its own. A run has
    /// all side effects of the model's <c>forward</c>.
    /// </summary>
    /// <param name="model">The model; it runs as it is, and must outlive the recorder.</param>
    /// <param name="return_nodes">The nodes for both modes, as for
    /// <see cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>.
    /// A node that a run doesn't compute is missing in its features.</param>
    /// <param name="train_return_nodes">The nodes for train mode. Give <paramref name="eval_return_nodes"/> too, and not
    /// <paramref name="return_nodes"/>.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="to_end">Whether a run in eval mode continues after it has all requested values, for the side effects of the rest of the
    /// model. In train mode every run goes to the end.</param>
    /// <exception cref="ArgumentException">No nodes are requested, or nodes for both modes and for single modes are mixed.</exception>
    public static FeatureRecorder create_recorder(
        nn.Module model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null, ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));

    // <arities>
    /// <inheritdoc cref="create_recorder(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/>
    public static FeatureRecorder<T> create_recorder<T, TResult>(
        nn.Module<T, TResult> model, ReturnNodes? return_nodes = null, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool to_end = false)
        => new(Program(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, to_end));
    // </arities>

    /// <summary>
    /// A feature extractor of a model's graph. If the model can't be traced and <paramref name="when_refused"/> asks for it, a recorder
    /// instead.
    /// </summary>
    /// <param name="model">The model; it is not changed, and must outlive the extractor.</param>
    /// <param name="return_nodes">The nodes for both modes; null where each mode has its own.</param>
    /// <param name="when_refused">What to do if the model can't be traced.</param>
    /// <param name="train_return_nodes">The nodes for train mode. Give <paramref name="eval_return_nodes"/> too, and not
    /// <paramref name="return_nodes"/>.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="suppress_diff_warning">Whether to suppress the warning that the two modes have different nodes.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph. A recorder
    /// ignores them and takes all arguments of each call.</param>
    /// <exception cref="TraceException">The program can't be written as a graph, and <paramref name="when_refused"/> is
    /// <see cref="Refused.raise"/>.</exception>
    public static IFeatureExtractor create_feature_extractor(
        nn.Module model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<IFeatureExtractor>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));

    // <arities>
    /// <inheritdoc cref="create_feature_extractor(nn.Module, ReturnNodes?, Refused, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>
    public static nn.Module<T, Features> create_feature_extractor<T, TResult>(
        nn.Module<T, TResult> model, ReturnNodes? return_nodes, Refused when_refused, ReturnNodes? train_return_nodes = null,
        ReturnNodes? eval_return_nodes = null,
        TracerKwargs? tracer_kwargs = null, bool suppress_diff_warning = false, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Either<nn.Module<T, Features>>(when_refused,
            () => create_feature_extractor(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs, suppress_diff_warning,
                concrete_args),
            () => create_recorder(model, return_nodes, train_return_nodes, eval_return_nodes, tracer_kwargs));
    // </arities>

    private static T Either<T>(Refused when_refused, Func<T> extract, Func<T> record)
    {
        try
        {
            return extract();
        }
        catch (TraceException) when (when_refused == Refused.record)
        {
            return record();
        }
    }

    private static RecorderProgram Program(nn.Module model, ReturnNodes? both, ReturnNodes? train, ReturnNodes? eval,
        TracerKwargs? tracer_kwargs, bool to_end)
    {
        var (train_nodes, eval_nodes) = PerMode(both, train, eval);
        return new(model, train_nodes, eval_nodes, tracer_kwargs, to_end);
    }
}
