using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>The entry points of torch.fx. Counterpart: <c>torch.fx</c>.</summary>
public static class fx
{
    /// <summary>
    /// Captures what a module does as a graph, and returns it as a module of the same inputs and result that shares the module's leaf modules, parameters and buffers.
    /// Counterpart: <c>torch.fx.symbolic_trace</c>.
    /// </summary>
    /// <param name="root">The module; it stays as it is.</param>
    /// <param name="concrete_args">Values for arguments of <c>forward</c>, by name, that are fixed rather than inputs.</param>
    /// <exception cref="TraceException">The program can't be written as a graph; the message says where and what to do.</exception>
    /// <exception cref="TracedProgramException">The program threw an exception of its own.</exception>
    public static GraphModule symbolic_trace(nn.Module root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T, TResult> symbolic_trace<T, TResult>(nn.Module<T, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T1, T2, TResult> symbolic_trace<T1, T2, TResult>(nn.Module<T1, T2, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T1, T2, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T1, T2, T3, TResult> symbolic_trace<T1, T2, T3, TResult>(nn.Module<T1, T2, T3, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T1, T2, T3, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T1, T2, T3, T4, TResult> symbolic_trace<T1, T2, T3, T4, TResult>(nn.Module<T1, T2, T3, T4, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T1, T2, T3, T4, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T1, T2, T3, T4, T5, TResult> symbolic_trace<T1, T2, T3, T4, T5, TResult>(nn.Module<T1, T2, T3, T4, T5, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T1, T2, T3, T4, T5, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?)"/>
    public static GraphModule<T1, T2, T3, T4, T5, T6, TResult> symbolic_trace<T1, T2, T3, T4, T5, T6, TResult>(nn.Module<T1, T2, T3, T4, T5, T6, TResult> root, IReadOnlyDictionary<string, object?>? concrete_args = null)
        => Traced(root, concrete_args, (graph, constants) => new GraphModule<T1, T2, T3, T4, T5, T6, TResult>(root, graph, constants));

    private static TModule Traced<TModule>(nn.Module root, IReadOnlyDictionary<string, object?>? concrete_args, Func<Graph, IReadOnlyDictionary<string, Tensor>, TModule> make)
    {
        var tracer = new Tracer();
        try
        {
            return make(tracer.trace(root, concrete_args), tracer.tensor_constants);
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }
}
