using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The core of all graph modules: the graphs of both modes, compiled at first use, and the state they share with the source.
/// </summary>
internal sealed class GraphProgram
{
    private readonly nn.Module owner;
    private readonly ModuleHierarchy source;
    private readonly SharedState state;
    private readonly Dictionary<string, Tensor> constants;
    private readonly List<IDisposable> parts = [];
    private readonly bool returnsFeatures;
    private Lazy<Func<object?[], object?>> train = null!;
    private Lazy<Func<object?[], object?>> eval = null!;
    private bool isDisposed;

    internal GraphProgram(nn.Module owner, nn.Module root, Graph trainGraph, Graph evalGraph,
        IReadOnlyDictionary<string, Tensor>? tensorConstants, bool returnsFeatures)
    {
        this.owner = owner;
        // Two graphs may also be the modes of a module with any other result.
        this.returnsFeatures =
            (returnsFeatures && (owner is IFeatureExtractor || Signature(owner) is [.., var result] && result == typeof(Features)))
                || MakesFeatures(evalGraph);
        (TrainGraph, EvalGraph) = (trainGraph, evalGraph);
        // Before any child is registered, which would follow.
        owner.train(root.training);
        var named = Named().ToHashSet();
        constants = OwnHandles(tensorConstants, named);
        source = new ModuleHierarchy(root, constants);
        source.Pin(TrainGraph, EvalGraph);
        state = new SharedState(owner, source, Used);
        foreach (var (name, tensor) in constants)
            owner.register_buffer(name, tensor, persistent: false);
        Recompile();
    }

    /// <summary>Whether the graph says itself that its result is a <see cref="Features"/>, as that of an extractor does.</summary>
    private static bool MakesFeatures(Graph graph)
        => graph.nodes.LastOrDefault() is { op: Opcode.output, args: [DictArgument] } output && output.type == typeof(Features);

    /// <summary>The inputs' types and the result's, as the module's base class has them; none for a bare <see cref="nn.Module"/>.</summary>
    internal static Type[] Signature(nn.Module module)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            if (type.IsGenericType && type.DeclaringType == typeof(nn) && type.Name.StartsWith("Module`", StringComparison.Ordinal))
                return type.GetGenericArguments();
        return [];
    }

    internal Graph TrainGraph { get; private set; }

    internal Graph EvalGraph { get; private set; }

    /// <summary>The graph of the present mode.</summary>
    internal Graph Current
    {
        get => owner.training ? TrainGraph : EvalGraph;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            var isBoth = TrainGraph == EvalGraph;
            if (isBoth || owner.training)
                TrainGraph = value;
            if (isBoth || !owner.training)
                EvalGraph = value;
            Recompile();
        }
    }

    /// <summary>Whether the graph of the present mode runs in training; null where one graph runs in both modes.</summary>
    internal bool? Training => TrainGraph == EvalGraph ? null : owner.training;

    internal ModuleHierarchy Source => source;

    internal IReadOnlyDictionary<string, Tensor> Constants => constants;

    /// <summary>Whether the result is a <see cref="Features"/>.</summary>
    internal bool ReturnsFeatures => returnsFeatures;

    /// <summary>The paths of the modules and tensors that the graphs use.</summary>
    internal IEnumerable<string> Used => Named().Where(path => !constants.ContainsKey(path)).Distinct();

    /// <summary>The other names that the source has for these.</summary>
    internal IEnumerable<string> Aliases => state.Aliases(Used);

    internal object? Run(params object?[] inputs)
    {
        ObjectDisposedException.ThrowIf(isDisposed, owner);
        try
        {
            return (owner.training ? train : eval).Value(inputs);
        }
        catch (Exception error) when (error is not GraphAssertionException && IsDisposed(source.Root))
        {
            throw new ObjectDisposedException(
                $"The {source.Root.GetType().Name} that this module was made from has been disposed, and with it the parameters they "
                    + "share. Dispose the source after what was made from it.", error);
        }
    }

    internal void Recompile()
    {
        state.Include(Used);
        eval = new(() => Compile(EvalGraph));
        train = TrainGraph == EvalGraph ? eval : new(() => Compile(TrainGraph));
    }

    /// <summary>Puts a module at a path; false where the path leads into a module that has its own children.</summary>
    internal bool Add(string path, nn.Module module)
    {
        var added = state.Add(path, module);
        Recompile();
        return added;
    }

    /// <summary>Takes over a tensor as one of the program's own; the name is for <c>get_attr</c> nodes.</summary>
    internal string AddConstant(Tensor tensor)
    {
        var name = Enumerable.Range(0, int.MaxValue).Select(number => $"_tensor_constant{number}")
            .First(name => !constants.ContainsKey(name) && source.Find(name) is null);
        constants[name] = tensor.DetachFromDisposeScope();
        owner.register_buffer(name, tensor, persistent: false);
        return name;
    }

    /// <summary>Sets the mode of the graph module alone: the modules that it shares keep theirs.</summary>
    internal void SetMode(bool training)
    {
        Registry.SetMode(owner, training);
        state.SetMode(training);
    }

    /// <summary>The modules whose modes are their own, as the source's <c>train</c> doesn't reach them.</summary>
    internal IReadOnlyDictionary<string, nn.Module> Unregistered => state.Unregistered;

    /// <summary>Whether the root is another program's, which disposes what it owns.</summary>
    internal bool SharesRoot { get; set; }

    /// <summary>Disposes something together with the program.</summary>
    internal void Own(IDisposable part) => parts.Add(part);

    /// <summary>Takes a module away; false where there is none.</summary>
    internal bool Remove(string path) => state.Remove(path);

    /// <summary>Takes away the modules that no graph uses.</summary>
    internal void RemoveUnused()
    {
        string[] used = [.. Used, .. Aliases];
        foreach (var path in state.ModulePaths)
            if (!Array.Exists(used, other => SharedState.IsWithin(other, path) || SharedState.IsWithin(path, other)))
                state.Remove(path);
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
        if (source.Root is ModuleTree { Kept: { Count: > 0 } kept })
            foreach (var (path, value) in kept.ToArray())
                kept[path] =
                    Structure.Map(value,
                        tensor => tensor.to(dtype is { } wanted
                            && tensor.is_floating_point() ? wanted : tensor.dtype, device ?? tensor.device).DetachFromDisposeScope());
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
        foreach (var part in parts)
            part.Dispose();
        if (!SharesRoot && source.Root is ModuleTree { OwnsContent: true } own)
            own.Dispose();
    }

    private IEnumerable<string> Named()
        => TrainGraph.all_nodes.Concat(TrainGraph == EvalGraph ? [] : EvalGraph.all_nodes)
            .Where(node => node.op is Opcode.get_attr or Opcode.call_module).Select(node => node.target.name);

    /// <param name="graph">The graph to compile.</param>
    /// <param name="clock">What to tell when a node is done.</param>
    internal Func<object?[], object?> Compile(Graph graph, NodeClock? clock = null)
    {
        graph.lint();
        return returnsFeatures ? FeatureProgram.Compile(graph, source, clock) : new CompiledGraph(graph, source, clock: clock).Run;
    }

    /// <summary>Disposes a result, but nothing of it that is the inputs' or the modules' own.</summary>
    internal void Release(object? result, object?[] inputs)
    {
        if (result is Features features)
            features.Dispose();
        else
            Disposal.Release(result, [.. inputs, owner, source.Root]);
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
