using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>
/// The tensors that a graph's own run writes to. A pass that computes something ahead of one would go on with what it was.
/// </summary>
internal sealed class WrittenMemory
{
    private readonly HashSet<nint> storages = [];

    /// <param name="graph">The graph as it is now.</param>
    /// <param name="modules">The hierarchy that it names.</param>
    internal WrittenMemory(Graph graph, ModuleHierarchy modules) : this(graph, modules, path => modules.Attribute(path)()) { }

    /// <param name="graph">The graph as it is now.</param>
    /// <param name="modules">The modules that it names.</param>
    /// <param name="tensorAt">The parameters, buffers and constants that it names.</param>
    internal WrittenMemory(Graph graph, ModuleHierarchy modules, Func<string, Tensor> tensorAt)
    {
        var aliases = graph.Aliases(modules, training: false);
        foreach (var written in graph.nodes.SelectMany(aliases.MutatedBy).Select(aliases.Representative).Distinct())
            foreach (var read in aliases.ClassOf(written).Where(node => node.op == Opcode.get_attr))
                Add(tensorAt(read.target.name));
        // A table that scales its rows down to a largest norm does so at each call.
        foreach (var module in graph.all_nodes.Where(node => node.op == Opcode.call_module).Select(node => modules.Module(node.target.name))
            .Where(NativeSettings.AnyRenormalises))
            foreach (var parameter in module.parameters())
                Add(parameter);
    }

    /// <summary>Whether a tensor, under whatever name, lies in memory that is written to.</summary>
    internal bool Holds(Tensor? tensor) => tensor is not null && storages.Count > 0 && storages.Contains(TensorIdentity.Storage(tensor));

    /// <summary>Whether one of a module's parameters or buffers does.</summary>
    internal bool HoldsAny(nn.Module module) => storages.Count > 0 && module.parameters().Concat(module.buffers()).Any(Holds);

    private void Add(Tensor tensor)
    {
        if (TensorIdentity.Storage(tensor) is not 0 and var storage)
            storages.Add(storage);
    }
}
