using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The entry points of torch.fx. Counterpart: <c>torch.fx</c>.</summary>
public static partial class fx
{
    /// <summary>
    /// Receives warnings. <c>symbolic_trace</c> gives one text per trace when the graph assumes or leaves out something without asserting
    /// it (<see cref="TraceReport.assumptions"/>). Writes to standard error by default.
    /// </summary>
    public static Action<string> warn { get; set; } = Console.Error.WriteLine;

    /// <summary>
    /// Traces a module into a graph and returns it as a module with the same inputs and result. It shares leaf modules, parameters and
    /// buffers with <paramref name="root"/>. Counterpart: <c>torch.fx.symbolic_trace</c>.
    /// </summary>
    /// <param name="root">The module; it is not changed.</param>
    /// <param name="concrete_args">Fixed values for arguments of <c>forward</c>, by name; these are no inputs of the graph.</param>
    /// <param name="example_inputs">Example values, which decide where the program reads a size or branches; see
    /// <see cref="Tracer.trace(nn.Module, IReadOnlyList{object?}, IReadOnlyDictionary{string, object?}?, bool)"/>.</param>
    /// <param name="allow_value_specialization">Whether a number read out of a tensor may decide a branch, too.</param>
    /// <param name="suppress_trace_warning">Whether to suppress the warning about what the graph assumes or leaves out; see
    /// <see cref="warn"/>.</param>
    /// <param name="state">How to treat the state that the program keeps between calls.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="TracedProgramException">The program threw an exception of its own.</exception>
    public static GraphModule symbolic_trace(nn.Module root, IReadOnlyDictionary<string, object?>? concrete_args = null,
        IReadOnlyList<object?>? example_inputs = null, bool allow_value_specialization = false, bool suppress_trace_warning = false,
        TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule(root, graph, constants));

    // <arities>
    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T, TResult> symbolic_trace<T, TResult>(nn.Module<T, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T, TResult>(root, graph, constants));
    // </arities>

    private static TModule Traced<TModule>(
        nn.Module root, IReadOnlyDictionary<string, object?>? concrete_args, IReadOnlyList<object?>? example_inputs,
        bool allow_value_specialization, bool suppress, TracedState state,
        Func<Graph, IReadOnlyDictionary<string, Tensor>, TModule> make)
        => Traced(
            tracer => example_inputs is null
                ? tracer.trace(root, concrete_args) : tracer.trace(root, example_inputs, concrete_args, allow_value_specialization),
            suppress,
            state,
            example_inputs,
            (_, graph, constants) => make(graph, constants));

    private static TModule Traced<TModule>(Func<Tracer, Graph> trace, bool suppress, TracedState state,
        IReadOnlyList<object?>? example_inputs, Func<nn.Module, Graph, IReadOnlyDictionary<string, Tensor>, TModule> make)
    {
        var tracer = new Tracer { state = state };
        try
        {
            var graph = trace(tracer);
            if (!suppress && tracer.AssumesSomething)
                warn($"The graph of {(tracer.root is TracedFunction ? "the function" : Untraceable.Short(tracer.root.GetType()))} assumes "
                    + "or leaves out things that may differ at each call of the program (suppress_trace_warning: true hides this "
                    + $"warning):\n{tracer.report.assumptions.TrimEnd()}");
            var made = make(tracer.root, graph, tracer.tensor_constants);
            if (state != TracedState.returned)
                return made;
            return made is GraphModule module ? (TModule)(object)module.lift_state([.. example_inputs ?? []])
                : throw new ArgumentException(
                    "With state: TracedState.returned the graph has other inputs and another result than "
                        + $"{Untraceable.Short(tracer.root.GetType())}: trace it as a plain nn.Module (symbolic_trace((nn.Module)model, "
                        + "…)).", nameof(state));
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }
}
