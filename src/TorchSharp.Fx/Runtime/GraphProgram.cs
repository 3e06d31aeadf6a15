using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>What all graph modules have in common: the graphs of both modes, compiled at first use, and the state they share with the source.</summary>
internal sealed class GraphProgram
{
    private readonly nn.Module owner;
    private readonly ModuleHierarchy source;
    private readonly SharedState state;
    private readonly Dictionary<string, Tensor> constants;
    private readonly bool returnsFeatures;
    private Lazy<Func<object?[], object?>> train = null!;
    private Lazy<Func<object?[], object?>> eval = null!;
    private bool isDisposed;

    internal GraphProgram(nn.Module owner, nn.Module root, Graph trainGraph, Graph evalGraph, IReadOnlyDictionary<string, Tensor>? tensorConstants, bool returnsFeatures)
    {
        this.owner = owner;
        this.returnsFeatures = returnsFeatures;
        (TrainGraph, EvalGraph) = (trainGraph, evalGraph);
        // Before any child is registered, which would follow.
        owner.train(root.training);
        var paths = trainGraph.nodes.Concat(evalGraph.nodes).Where(node => node.op is Opcode.get_attr or Opcode.call_module).Select(node => node.target.name).ToHashSet();
        constants = OwnHandles(tensorConstants, paths);
        source = new ModuleHierarchy(root, constants);
        state = new SharedState(owner, source, paths.Where(path => !constants.ContainsKey(path)));
        foreach (var (name, tensor) in constants)
            owner.register_buffer(name, tensor, persistent: false);
        Recompile();
    }

    internal Graph TrainGraph { get; }

    internal Graph EvalGraph { get; }

    internal Graph Current => owner.training ? TrainGraph : EvalGraph;

    internal object? Run(params object?[] inputs)
    {
        ObjectDisposedException.ThrowIf(isDisposed, owner);
        try
        {
            return (owner.training ? train : eval).Value(inputs);
        }
        catch (Exception error) when (error is not GraphAssertionException && IsDisposed(source.Root))
        {
            throw new ObjectDisposedException($"The {source.Root.GetType().Name} that this module was made from has been disposed, and with it the parameters they share. Dispose the source after what was made from it.", error);
        }
    }

    internal void Recompile()
    {
        eval = new(() => Compile(EvalGraph));
        train = TrainGraph == EvalGraph ? eval : new(() => Compile(TrainGraph));
    }

    /// <summary>Follows a <c>to()</c> of the graph module, which knows neither the constants nor the source.</summary>
    internal void Moved(ScalarType? dtype, Device? device)
    {
        state.WriteBack();
        foreach (var (name, tensor) in constants.ToArray())
        {
            var type = dtype is { } wanted && tensor.is_floating_point() ? wanted : tensor.dtype;
            constants[name] = tensor.to(type, device ?? tensor.device, disposeAfter: true).DetachFromDisposeScope();
            Registry.Replace(owner, name, constants[name]);
        }
    }

    /// <summary>The owner's parameters or buffers, not enumerated yet, after a <c>to()</c> of the source.</summary>
    internal IEnumerable<T> Refreshed<T>(IEnumerable<T> registered)
    {
        if (!isDisposed)
            state.Refresh();
        return registered;
    }

    /// <summary>Disposes what belongs to the graph module alone, and makes it forget the rest.</summary>
    internal void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        state.Release();
        foreach (var constant in constants.Values)
            constant.Dispose();
    }

    private Func<object?[], object?> Compile(Graph graph)
    {
        graph.lint();
        return returnsFeatures ? FeatureProgram.Compile(graph, source) : new CompiledGraph(graph, source).Run;
    }

    /// <summary>The tensors may be the user's, so the program takes handles of its own to dispose.</summary>
    private static Dictionary<string, Tensor> OwnHandles(IReadOnlyDictionary<string, Tensor>? tensors, HashSet<string> used)
        => (tensors ?? new Dictionary<string, Tensor>()).Where(entry => used.Contains(entry.Key))
            .ToDictionary(entry => entry.Key, entry => entry.Value.alias().DetachFromDisposeScope(), StringComparer.Ordinal);

    private static bool IsDisposed(nn.Module module)
    {
        try
        {
            return module.training && false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }
}
