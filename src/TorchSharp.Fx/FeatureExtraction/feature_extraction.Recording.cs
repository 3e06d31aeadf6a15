using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class feature_extraction
{
    /// <summary>
    /// A module that runs a model's own code for real and returns the values of the given nodes, under the names that the model's graph has
    /// for them. There need be no graph: content may decide what runs, and code that can't be followed runs unseen. The run has all the
    /// effects that the model's <c>forward</c> has.
    /// </summary>
    /// <param name="model">The model; it is used as it is, and must outlive the recorder.</param>
    /// <param name="return_nodes">The nodes for both modes, as for
    /// <see cref="create_feature_extractor(nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool, IReadOnlyDictionary{string, object?}?)"/>. What a run doesn't come by is not among its features.</param>
    /// <param name="train_return_nodes">The nodes for train mode, together with those for eval mode and instead of the ones for
    /// both.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="to_end">
    /// Whether a run in evaluation mode goes on when it has all the values, for the sake of what the rest of the model does beside
    /// computing. In training mode every run goes to the end.
    /// </param>
    /// <exception cref="ArgumentException">No nodes are named, or the two ways of naming them are mixed.</exception>
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
    /// A feature extractor of a model's graph or, where there is none and <paramref name="when_refused"/> says so, a recorder of its runs.
    /// </summary>
    /// <param name="model">The model; it stays as it is, and must outlive the extractor.</param>
    /// <param name="return_nodes">The nodes for both modes; null where each has its own.</param>
    /// <param name="when_refused">What to do where the model can't be traced.</param>
    /// <param name="train_return_nodes">The nodes for train mode, together with those for eval mode and instead of the ones for
    /// both.</param>
    /// <param name="eval_return_nodes">The nodes for eval mode.</param>
    /// <param name="tracer_kwargs">Leaf modules and leaf functions.</param>
    /// <param name="suppress_diff_warning">Whether to say nothing when the two modes have different nodes.</param>
    /// <param name="concrete_args">Values for arguments of <c>forward</c>, by name, that are fixed rather than inputs; a recorder takes
    /// those of each call.</param>
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
