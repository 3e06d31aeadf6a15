namespace TorchSharp.Fx;

/// <summary>Traces functions.</summary>
public static partial class fx
{
    /// <summary>
    /// Traces a function into a graph and returns it as a module. The function's parameters become the inputs. The module shares the
    /// modules that the function captured, and has its own handle on each captured tensor. Counterpart: <c>torch.fx.symbolic_trace</c>.
    /// </summary>
    /// <param name="function">A lambda, a local function or any method, e.g. a method of a module other than <c>forward</c>.</param>
    /// <param name="concrete_args">Fixed values for its arguments, by name; these are no inputs of the graph.</param>
    /// <param name="example_inputs">Example values, which decide where the function reads a size or branches.</param>
    /// <param name="allow_value_specialization">Whether a number read out of a tensor may decide a branch, too.</param>
    /// <param name="suppress_trace_warning">Whether to suppress the warning about what the graph assumes or leaves out; see
    /// <see cref="warn"/>.</param>
    /// <param name="state">How to treat the state that the function keeps between calls.</param>
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
