// Made by AritiesTests from the forms for one input.
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// A graph as a module with the 2 inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, T2, TResult> : nn.Module<T1, T2, TResult>, IGraphModule, IHoldsGraph
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
    public override TResult forward(T1 input1, T2 input2) => (TResult)program.Run(input1, input2)!;

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

/// <summary>
/// A graph as a module with the 3 inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, T2, T3, TResult> : nn.Module<T1, T2, T3, TResult>, IGraphModule, IHoldsGraph
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
    public override TResult forward(T1 input1, T2 input2, T3 input3) => (TResult)program.Run(input1, input2, input3)!;

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

/// <summary>
/// A graph as a module with the 4 inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, T2, T3, T4, TResult> : nn.Module<T1, T2, T3, T4, TResult>, IGraphModule, IHoldsGraph
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
    public override TResult forward(T1 input1, T2 input2, T3 input3, T4 input4) => (TResult)program.Run(input1, input2, input3, input4)!;

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

/// <summary>
/// A graph as a module with the 5 inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, T2, T3, T4, T5, TResult> : nn.Module<T1, T2, T3, T4, T5, TResult>, IGraphModule, IHoldsGraph
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
    public override TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5) => (TResult)program.Run(input1, input2, input3, input4, input5)!;

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

/// <summary>
/// A graph as a module with the 6 inputs and the result of the module it came from. Counterpart: <c>torch.fx.GraphModule</c>.
/// </summary>
public class GraphModule<T1, T2, T3, T4, T5, T6, TResult> : nn.Module<T1, T2, T3, T4, T5, T6, TResult>, IGraphModule, IHoldsGraph
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
    public override TResult forward(T1 input1, T2 input2, T3 input3, T4 input4, T5 input5, T6 input6) => (TResult)program.Run(input1, input2, input3, input4, input5, input6)!;

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

/// <summary>
/// A module with 2 inputs and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1, T2>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, T2, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}

/// <summary>
/// A module with 3 inputs and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1, T2, T3>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, T2, T3, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}

/// <summary>
/// A module with 4 inputs and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1, T2, T3, T4>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, T2, T3, T4, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}

/// <summary>
/// A module with 5 inputs and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1, T2, T3, T4, T5>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, T2, T3, T4, T5, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}

/// <summary>
/// A module with 6 inputs and two graphs, one for train mode and one for eval mode. Each graph's output is a <see cref="DictArgument"/> of
/// named values. Counterpart: <c>torchvision.models.feature_extraction.DualGraphModule</c>.
/// </summary>
/// <param name="root">The module that the graphs came from. Its leaf modules, parameters and buffers are shared, not copied.</param>
/// <param name="train_graph">The graph that runs in train mode.</param>
/// <param name="eval_graph">The graph that runs in eval mode; may be the same.</param>
/// <param name="tensor_constants">The tensors that belong to the graphs themselves, <c>_tensor_constant0</c> and so on.</param>
public sealed class DualGraphModule<T1, T2, T3, T4, T5, T6>(nn.Module root, Graph train_graph, Graph eval_graph,
    IReadOnlyDictionary<string, Tensor>? tensor_constants = null)
    : GraphModule<T1, T2, T3, T4, T5, T6, Features>(root, train_graph, eval_graph, tensor_constants)
{
    /// <summary>The graph of training mode.</summary>
    public Graph train_graph => Program.TrainGraph;

    /// <summary>The graph of evaluation mode.</summary>
    public Graph eval_graph => Program.EvalGraph;
}

public static partial class fx
{
    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, TResult> symbolic_trace<T1, T2, TResult>(nn.Module<T1, T2, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T1, T2, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, TResult> symbolic_trace<T1, T2, T3, TResult>(nn.Module<T1, T2, T3, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T1, T2, T3, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, TResult> symbolic_trace<T1, T2, T3, T4, TResult>(nn.Module<T1, T2, T3, T4, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T1, T2, T3, T4, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, T5, TResult> symbolic_trace<T1, T2, T3, T4, T5, TResult>(nn.Module<T1, T2, T3, T4, T5, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T1, T2, T3, T4, T5, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(nn.Module, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, T5, T6, TResult> symbolic_trace<T1, T2, T3, T4, T5, T6, TResult>(nn.Module<T1, T2, T3, T4, T5, T6, TResult> root,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(root, concrete_args, example_inputs, allow_value_specialization, suppress_trace_warning, state,
            (graph, constants) => new GraphModule<T1, T2, T3, T4, T5, T6, TResult>(root, graph, constants));
}

public static partial class fx
{
    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, TResult> symbolic_trace<T1, T2, TResult>(Func<T1, T2, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T1, T2, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, TResult> symbolic_trace<T1, T2, T3, TResult>(Func<T1, T2, T3, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T1, T2, T3, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, TResult> symbolic_trace<T1, T2, T3, T4, TResult>(Func<T1, T2, T3, T4, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T1, T2, T3, T4, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, T5, TResult> symbolic_trace<T1, T2, T3, T4, T5, TResult>(Func<T1, T2, T3, T4, T5, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T1, T2, T3, T4, T5, TResult>(root, graph, constants));

    /// <inheritdoc cref="symbolic_trace(Delegate, IReadOnlyDictionary{string, object?}?, IReadOnlyList{object?}?, bool, bool, TracedState)"/>
    public static GraphModule<T1, T2, T3, T4, T5, T6, TResult> symbolic_trace<T1, T2, T3, T4, T5, T6, TResult>(Func<T1, T2, T3, T4, T5, T6, TResult> function,
        IReadOnlyDictionary<string, object?>? concrete_args = null, IReadOnlyList<object?>? example_inputs = null,
        bool allow_value_specialization = false, bool suppress_trace_warning = false, TracedState state = TracedState.writeback)
        => Traced(tracer => Trace(tracer, function, concrete_args, example_inputs, allow_value_specialization), suppress_trace_warning,
            state, example_inputs, (root, graph, constants) => new GraphModule<T1, T2, T3, T4, T5, T6, TResult>(root, graph, constants));
}
