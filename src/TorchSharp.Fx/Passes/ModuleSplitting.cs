using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Cuts a graph module into a chain of smaller ones.</summary>
public static class ModuleSplitting
{
    private static readonly MethodInfo CallSubmodule = typeof(GraphModule).GetMethod(nameof(GraphModule.call), [typeof(object[])])!;

    /// <summary>
    /// A graph module that computes the same by calling a submodule for each partition, <c>submod_0</c> and so on, each a <see cref="GraphModule"/> itself. They share the leaf modules, parameters
    /// and buffers of the original. Of an extractor's two graphs the one of the present mode is split. Counterpart: <c>torch.fx.passes.split_module.split_module</c>.
    /// </summary>
    /// <param name="m">The graph module; it stays as it is.</param>
    /// <param name="split_callback">Says of each node which computes something in which partition it belongs: any number or name. Tensors that a graph reads go where they are read.</param>
    /// <param name="qualname_map">Filled with the original's name of each module and tensor of the submodules, <c>submod_0.conv</c> → <c>conv</c>; may be null.</param>
    /// <param name="keep_original_order">Whether partitions run in the order of their first nodes, rather than as early as what they need allows.</param>
    /// <exception cref="ArgumentException">Partitions need each other's values, or, with <paramref name="keep_original_order"/>, later ones.</exception>
    public static T split_module<T>(this T m, Func<Node, object> split_callback, IDictionary<string, string>? qualname_map = null, bool keep_original_order = false) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(m);
        ArgumentNullException.ThrowIfNull(split_callback);
        var partitions = Partition.Of(m.graph, split_callback);
        Partition.Connect(partitions, new AliasAnalysis(m.graph, m.Program.Source));
        var ordered = keep_original_order ? InOrder(partitions) : Sorted(partitions);
        var content = new Dictionary<string, object>(StringComparer.Ordinal);
        var graph = Chain(m, ordered, content);
        if (qualname_map is not null)
            foreach (var partition in ordered)
                foreach (var path in partition.Paths)
                    qualname_map[$"{partition.Name}.{path}"] = path;
        return (T)GraphModuleCopy.New(m, ModuleTree.Of(content, ownsContent: true, m.training), graph, m.Program.Constants);
    }

    /// <summary>The graph that calls one submodule after the other.</summary>
    private static Graph Chain<T>(T m, List<Partition> ordered, Dictionary<string, object> content) where T : nn.Module, IGraphModule
    {
        var graph = new Graph();
        var values = m.graph.find_nodes(Opcode.placeholder).ToDictionary(input => input, input => graph.node_copy(input, inner => inner));
        foreach (var partition in ordered)
        {
            content[partition.Name] = new GraphModule(m, partition.Build(), m.Program.Constants);
            var inputs = new ListArgument([.. partition.Inputs.Select(input => (Argument)values[input])], typeof(object));
            var single = partition.Results is [var only] ? only : null;
            var type = single?.type ?? partition.ResultType;
            var call = graph.create_node(Opcode.call_module, new ModuleTarget(partition.Name, CallSubmodule), [inputs], type);
            if (single is not null)
                values[single] = call;
            else
                for (var i = 0; i < partition.Results.Count; i++)
                    values[partition.Results[i]] = graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, type), [call, new Literal(i)], partition.Results[i].type);
        }
        var output = m.graph.output_node();
        foreach (var read in output.all_input_nodes.Where(node => node.op == Opcode.get_attr))
        {
            values[read] = graph.node_copy(read, inner => inner);
            content.TryAdd(read.target.name, m.Program.Source.Attribute(read.target.name)().alias().DetachFromDisposeScope());
        }
        graph.output(output.args[0].map(node => values[node]), output.type);
        return graph;
    }

    private static List<Partition> InOrder(List<Partition> partitions)
    {
        foreach (var (position, partition) in partitions.Index())
            if (partition.Needs.FirstOrDefault(needed => partitions.IndexOf(needed) > position) is { } later)
                throw new ArgumentException($"The partitions can't keep their order: '{partition.Name}' needs a value of '{later.Name}', which starts later. Let split_callback return other partitions, or leave keep_original_order out.");
        return partitions;
    }

    /// <summary>Each after those that it needs, else in the order of their first nodes.</summary>
    private static List<Partition> Sorted(List<Partition> partitions)
    {
        var sorted = new List<Partition>();
        while (sorted.Count < partitions.Count)
            sorted.Add(partitions.FirstOrDefault(partition => !sorted.Contains(partition) && partition.Needs.All(sorted.Contains))
                ?? throw new ArgumentException($"The partitions {string.Join(" and ", partitions.Except(sorted).Select(partition => $"'{partition.Name}'"))} need each other's values, so that none of them can run first. Let split_callback put the nodes in between into partitions of their own."));
        return sorted;
    }
}
