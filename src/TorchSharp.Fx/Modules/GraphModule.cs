using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A graph as a module with untyped inputs, for source modules that derive from plain <see cref="nn.Module"/>. Counterpart:
/// <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule : nn.Module, IGraphModule, IHoldsGraph
{
    private readonly GraphProgram program;

    /// <summary>Makes a module of a graph.</summary>
    /// <param name="root">The module that the graph came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
    /// <param name="graph">The graph to run.</param>
    /// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
    public GraphModule(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
        : base(nameof(GraphModule))
        => program = new(this, root, graph, graph, tensor_constants, returnsFeatures: false);

    /// <summary>Makes a module of a graph and of the modules and tensors that it names.</summary>
    /// <param name="content">The modules and tensors, by their names in the graph. They are shared, not copied.</param>
    /// <param name="graph">The graph to run.</param>
    /// <exception cref="ArgumentException">The graph names a module or tensor that <paramref name="content"/> doesn't have.</exception>
    public GraphModule(IReadOnlyDictionary<string, object> content, Graph graph) : this(GraphModules.Tree(content, graph), graph) { }

    private protected GraphModule(nn.Module root, Graph train_graph, Graph eval_graph,
        IReadOnlyDictionary<string, Tensor>? tensor_constants) : base(nameof(GraphModule))
        => program = new(this, root, train_graph, eval_graph, tensor_constants, returnsFeatures: true);

    private protected GraphProgram Program => program;

    GraphProgram IGraphModule.Program => program;

    Graph IHoldsGraph.Held => program.Current;

    ModuleHierarchy IHoldsGraph.Names => program.Source;

    /// <summary>Runs the graph on its inputs; those left out take their defaults.</summary>
    public object? call(params object?[] inputs) => program.Run(GraphInputs.Bind(graph, inputs));

    /// <inheritdoc/>
    public Graph graph
    {
        get => program.Current;
        set => program.Current = value;
    }

    /// <inheritdoc/>
    public void recompile() => program.Recompile();

    /// <inheritdoc/>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => program.Refreshed(base.named_parameters(recurse));

    /// <inheritdoc/>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => program.Refreshed(base.named_buffers(recurse, include_nonpersistent));

    /// <summary>
    /// Sets the mode of the graph module and of the modules in it. A module that the traced module had not registered keeps its mode, as it
    /// did there.
    /// </summary>
    public override void train(bool train = true)
    {
        using (KeptModes.Of(program))
            base.train(train);
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        program.Moved(dtype, device);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            program.Dispose();
        base.Dispose(disposing);
    }
}

// <arities>
/// <summary>
/// A graph as a module with the one input and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, TResult> : nn.Module<T1, TResult>, IGraphModule, IHoldsGraph
{
    private readonly GraphProgram program;

    /// <summary>Makes a module of a graph.</summary>
    /// <param name="root">The module that the graph came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
    /// <param name="graph">The graph to run.</param>
    /// <param name="tensor_constants">The tensors that belong to the graph itself, <c>_tensor_constant0</c> and so on.</param>
    public GraphModule(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
        : base(nameof(GraphModule))
        => program = new(this, root, graph, graph, tensor_constants, returnsFeatures: false);

    /// <summary>Makes a module of a graph and of the modules and tensors that it names.</summary>
    /// <param name="content">The modules and tensors, by their names in the graph. They are shared, not copied.</param>
    /// <param name="graph">The graph to run.</param>
    /// <exception cref="ArgumentException">The graph names a module or tensor that <paramref name="content"/> doesn't have.</exception>
    public GraphModule(IReadOnlyDictionary<string, object> content, Graph graph) : this(GraphModules.Tree(content, graph), graph) { }

    private protected GraphModule(nn.Module root, Graph train_graph, Graph eval_graph,
        IReadOnlyDictionary<string, Tensor>? tensor_constants) : base(nameof(GraphModule))
        => program = new(this, root, train_graph, eval_graph, tensor_constants, returnsFeatures: true);

    private protected GraphProgram Program => program;

    GraphProgram IGraphModule.Program => program;

    Graph IHoldsGraph.Held => program.Current;

    ModuleHierarchy IHoldsGraph.Names => program.Source;

    /// <inheritdoc/>
    public override TResult forward(T1 input) => (TResult)program.Run(input)!;

    /// <inheritdoc/>
    public Graph graph
    {
        get => program.Current;
        set => program.Current = value;
    }

    /// <inheritdoc/>
    public void recompile() => program.Recompile();

    /// <inheritdoc/>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
        => program.Refreshed(base.named_parameters(recurse));

    /// <inheritdoc/>
    public override IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
        => program.Refreshed(base.named_buffers(recurse, include_nonpersistent));

    /// <summary>
    /// Sets the mode of the graph module and of the modules in it. A module that the traced module had not registered keeps its mode, as it
    /// did there.
    /// </summary>
    public override void train(bool train = true)
    {
        using (KeptModes.Of(program))
            base.train(train);
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        program.Moved(dtype, device);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            program.Dispose();
        base.Dispose(disposing);
    }
}
// </arities>
