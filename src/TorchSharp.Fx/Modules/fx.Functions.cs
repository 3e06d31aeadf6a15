namespace TorchSharp.Fx;

/// <summary>Functions as graphs.</summary>
public static partial class fx
{
    /// <summary>
    /// Captures what a function does as a graph, and returns it as a module. The function's parameters are the inputs; it shares the
    /// modules that the function captured, and has a handle of its own on every tensor. Counterpart: <c>torch.fx.symbolic_trace</c>.
    /// </summary>
    /// <param name="function">A lambda, a local function or any method, e.g. another method of a module than its <c>forward</c>.</param>
    /// <param name="concrete_args">Values for its arguments, by name, that are fixed rather than inputs.</param>
    /// <param name="example_inputs">Values to go by where the function looks at a size or branches.</param>
    /// <param name="allow_value_specialization">Whether a number that was read out of a tensor may decide a branch, too.</param>
    /// <param name="suppress_trace_warning">Whether to say nothing of what the graph assumes or leaves out; see <see cref="warn"/>.</param>
    /// <param name="state">What becomes of what the function keeps between calls.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="TracedProgramException">The program threw an exception of its own.</exception>
    public static GraphModule symbolic_trace(Delegate function, IReadOnlyDictionary<string, object?>? concrete_args = null,
        IReadOnlyList<object?>? example_inputs = null, bool allow_value_specialization = false, bool suppress_trace_warning = false,
        TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule(root, graph, constants));

    // <arities>
    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T, TResult> symbolic_trace<T, TResult>(Func<T, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T, TResult>(root, graph, constants));
    // </arities>

    private static Graph Trace(Tracer tracer, Delegate function, IReadOnlyDictionary<string, object?>? concrete_args,
        IReadOnlyList<object?>? example_inputs, bool allowsValues)
        => example_inputs is null
            ? tracer.trace(function, concrete_args) : tracer.trace(function, example_inputs, concrete_args, allowsValues);
}
