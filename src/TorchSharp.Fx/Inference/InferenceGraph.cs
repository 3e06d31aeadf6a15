using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// A graph that is being optimised, with the modules and tensors it names: the source's own until a pass puts others in their place.
/// </summary>
/// <param name="source">The module that the graph came from; it stays as it is.</param>
/// <param name="graph">A copy of its graph, to be changed.</param>
internal sealed class InferenceGraph(nn.Module source, Graph graph)
{
    private readonly ModuleHierarchy hierarchy = new(source);
    private readonly Dictionary<string, nn.Module> modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal);

    // Tensors that the model gets, by their paths.
    private readonly Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal);

    // The names of the weights that layers were made of, by the layers' paths.
    private readonly Dictionary<string, string> weights = new(StringComparer.Ordinal);

    internal Graph Graph => graph;

    /// <summary>The model's tensors that the graph writes to, which no layer may keep in another form.</summary>
    internal WrittenMemory Written => field ??= new(graph, Hierarchy(), Tensor);

    /// <summary>
    /// Computes once what is computed again by the same operation, such as the tables of a rotary embedding in each layer. What the caller
    /// gets, or what is kept for the next call, stays a tensor of its own: somebody may write to it.
    /// </summary>
    internal void MergeCommon()
    {
        var aliases = graph.Aliases(Hierarchy());
        var leaving = Leaving(aliases).ToHashSet();
        graph.MergeCommon(aliases, node => !aliases.Places(node).Any(leaving.Contains));
    }

    /// <summary>The places whose values the caller gets, or that are kept for the next call.</summary>
    internal IEnumerable<Place> Leaving(AliasAnalysis aliases)
        => graph.nodes.Where(node => node.users.Count == 0).SelectMany(node => node.all_input_nodes).SelectMany(aliases.Places);

    /// <summary>The calls of modules, as they are now.</summary>
    internal Node[] Calls => [.. graph.find_nodes(Opcode.call_module)];

    /// <summary>How often the modules are called in the graph; one that a loop calls counts once more, for it stays as it is.</summary>
    internal Dictionary<string, int> CallCounts
        => graph.all_nodes.Where(node => node.op == Opcode.call_module).CountBy(call => call.target.name)
            .ToDictionary(StringComparer.Ordinal);

    internal nn.Module Module(string path) => modules.TryGetValue(path, out var own) ? own : hierarchy.Module(path);

    /// <summary>
    /// The module that a node calls, to decide by what kind it is; of one with hooks nothing is known, and one that stays in training does
    /// something else.
    /// </summary>
    internal nn.Module Module(Node call)
        => Module(call.target.name) is var module
            && (ModuleHooks.On(module) || StaysInTraining(call.target.name, module) || InLoops.Contains(call.target.name))
        ? Opaque : module;

    /// <summary>The modules that loops call: those call them as they are.</summary>
    private HashSet<string> InLoops
        => field ??= graph.nodes.SelectMany(node => node.target is MapTarget map ? map.Calls : []).ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether the mode of a module is its own, and makes a difference.</summary>
    private bool StaysInTraining(string path, nn.Module module)
        => module.training && source is IGraphModule { Program.Unregistered: var kept } && kept.ContainsKey(path)
            && !modules.ContainsKey(path) && ModuleModes.Matters(module);

    /// <summary>Stands for a module that has to be called as it is.</summary>
    private static readonly nn.Module Opaque = new Scope("opaque");

    /// <summary>The parameter, buffer or constant of a name.</summary>
    internal Tensor Tensor(string path)
        => constants.TryGetValue(path, out var own) || tensors.TryGetValue(path, out own) ? own : hierarchy.Attribute(path)();

    /// <summary>Puts a module in the place of another, for all calls of that name.</summary>
    internal void Replace(string path, nn.Module module)
    {
        if (modules.TryGetValue(path, out var before))
            before.Dispose();
        modules[path] = module;
    }

    /// <summary>Puts a layer at a new path that was made of a weight of this name.</summary>
    internal void Add(string path, FusedModule layer, string weight)
    {
        Replace(path, layer);
        weights[path] = weight;
    }

    /// <summary>Takes over a tensor of the model, in the place of one that it has at the path.</summary>
    internal void Add(string path, Tensor tensor) => tensors[path] = tensor.DetachFromDisposeScope();

    /// <summary>Takes over a tensor, under a name of its own.</summary>
    internal string AddConstant(Tensor tensor)
    {
        var taken = Names(Opcode.get_attr).Concat(constants.Keys).ToHashSet(StringComparer.Ordinal);
        var name = Enumerable.Range(0, int.MaxValue).Select(number => $"_inlined_constant{number}").First(name => !taken.Contains(name));
        constants[name] = tensor.DetachFromDisposeScope();
        return name;
    }

    /// <summary>
    /// Disposes the model's parameters that layers were made of and nothing else in the graph has, so that a layer's is the only handle on
    /// its weight's memory.
    /// </summary>
    internal void DiscardParameters()
    {
        var made = modules.Where(entry => entry.Value is FusedModule)
            .Select(entry => (Layer: (FusedModule)entry.Value, Parameters: Parameters(hierarchy.Find(entry.Key) as nn.Module))).ToArray();
        var others = Names(Opcode.call_module).Select(Module).Where(module => module is not FusedModule)
            .SelectMany(module => module.parameters().Concat(module.buffers()));
        var readers = Names(Opcode.get_attr).Select(Tensor).Concat(others)
            .Concat(made.SelectMany(entry => entry.Parameters)).CountBy(TensorIdentity.Storage).ToDictionary();
        foreach (var (layer, parameters) in made)
            if (parameters.Length > 0 && Array.TrueForAll(parameters, parameter => readers[TensorIdentity.Storage(parameter)] == 1))
            {
                layer.TakeOver();
                foreach (var parameter in parameters)
                    parameter.Dispose();
            }

        static Tensor[] Parameters(nn.Module? module) => [.. module?.parameters(recurse: false) ?? []];
    }

    internal void EliminateDeadCode() => graph.EliminateDeadCode(new(Present()), training: false);

    /// <summary>Makes the readers of a node read another one, which now computes its value and so has its name, and erases it.</summary>
    internal void Bypass(Node node, Node instead)
    {
        if (node.get_meta(Node.QualifiedName) is { } name)
            instead.set_meta(Node.QualifiedName, name);
        Drop(node, instead);
    }

    /// <summary>Makes the readers of a node that does nothing read its input, and erases it.</summary>
    internal void Drop(Node node, Node instead)
    {
        node.replace_all_uses_with(instead);
        graph.erase_node(node);
    }

    /// <summary>A module like the given one that runs the graph and shares the source's modules and tensors.</summary>
    internal T Shared<T>(T like) where T : nn.Module, IGraphModule
    {
        var content = Names(Opcode.call_module).ToDictionary(path => path, path => (object)Module(path));
        foreach (var path in OfTheModel())
            content[path] = hierarchy.Attribute(path)();
        return Made(like, ModuleTree.Of(content, training: false, ownModes: OwnModes(content)));
    }

    /// <summary>A module like the given one that runs the graph and owns all that it names: what is the source's is copied.</summary>
    /// <param name="like">What type of module to make.</param>
    /// <param name="kernels">Layers that it has in common with others, which own them, too.</param>
    internal T Owned<T>(T like, SharedKernels? kernels) where T : nn.Module, IGraphModule
    {
        if (kernels is not null)
            foreach (var (path, weight) in weights)
                if (modules.GetValueOrDefault(path) is FusedModule layer)
                    modules[path] = kernels.Of(weight, layer);
        foreach (var layer in Names(Opcode.call_module).Select(path => modules.GetValueOrDefault(path)).OfType<FusedModule>())
            layer.Own();
        var copier = new DeepCopy();
        var content = Names(Opcode.call_module)
            .ToDictionary(path => path, path => modules.TryGetValue(path, out var own) ? own : copier.Of(hierarchy.Module(path), path));
        foreach (var path in OfTheModel())
            content[path] = tensors.TryGetValue(path, out var own) ? own : copier.Of(Tensor(path), path);
        var made = Made(like, ModuleTree.Of(content, ownsContent: true, training: false, OwnModes(content)));
        // The copied layers have the modes of the source.
        made.eval();
        return made;
    }

    /// <summary>The hierarchy as it is now, to look modules up.</summary>
    internal ModuleHierarchy Hierarchy() => new(Present());

    private T Made<T>(T like, ModuleTree root) where T : nn.Module, IGraphModule
    {
        KeptState.Copy(hierarchy, root, graph);
        var module = (T)GraphModuleCopy.New(like, root, graph, constants, training: false);
        // It has handles of its own.
        foreach (var constant in constants.Values)
            constant.Dispose();
        return module;
    }

    /// <summary>The modules that keep their modes, of those that are still there.</summary>
    private string[] OwnModes(Dictionary<string, object> content)
        => source is IGraphModule { Program.Unregistered: var kept }
            ? [.. kept.Keys.Where(path => content.ContainsKey(path) && !modules.ContainsKey(path))] : [];

    private ModuleTree Present()
        => ModuleTree.Of(Names(Opcode.call_module).Select(path => KeyValuePair.Create(path, (object)Module(path))));

    /// <summary>
    /// The tensors that the graph reads and that are not its own; what is the source's own becomes that of what is made of it.
    /// </summary>
    private string[] OfTheModel()
    {
        foreach (var path in Names(Opcode.get_attr)
            .Where(path => source is IGraphModule { Program.Constants: var own } && own.ContainsKey(path) && !constants.ContainsKey(path))
            .ToArray())
            constants[path] = Tensor(path).detach().clone().DetachFromDisposeScope();
        return [.. Names(Opcode.get_attr).Where(path => !constants.ContainsKey(path))];
    }

    private IEnumerable<string> Names(Opcode op)
        => graph.all_nodes.Where(node => node.op == op).Select(node => node.target.name).Distinct();
}
