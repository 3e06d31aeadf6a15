using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Splits a graph module into several smaller ones.</summary>
public static class ModuleSplitting
{
    private static readonly MethodInfo CallSubmodule = typeof(GraphModule).GetMethod(nameof(GraphModule.call), [typeof(object[])])!;

    /// <summary>
    /// Makes a graph module that calls one submodule for each partition, <c>submod_0</c> and so on, each a <see cref="GraphModule"/>
    /// itself. It computes the same and shares the leaf modules, parameters and buffers of the original. Of an extractor's two graphs, that
    /// of the present mode is split. Counterpart: <c>torch.fx.passes.split_module.split_module</c>.
    /// </summary>
    /// <param name="m">The graph module; it is not changed.</param>
    /// <param name="split_callback">Returns the partition of a node that computes something, as any number or name. Parameters, buffers and
    /// constants go to the partitions that read them.</param>
    /// <param name="qualname_map">Receives, for each module and tensor of the submodules, its name in the original: <c>submod_0.conv</c> →
    /// <c>conv</c>. May be null.</param>
    /// <param name="keep_original_order">Whether partitions run in the order of their first nodes. Otherwise each runs as soon as its
    /// inputs are computed.</param>
    /// <exception cref="ArgumentException">Two partitions need each other's values; or, with <paramref name="keep_original_order"/>, one
    /// needs the values of a later one; or one writes to a constant of which another has a view.</exception>
    public static T split_module<T>(this T m, Func<Node, object> split_callback, IDictionary<string, string>? qualname_map = null,
        bool keep_original_order = false) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(m);
        ArgumentNullException.ThrowIfNull(split_callback);
        var parts = SplitPart.Of(m.graph, split_callback, m.Program.Source);
        var ordered = keep_original_order ? InOrder(parts) : Sorted(parts);
        var content = new Dictionary<string, object>(StringComparer.Ordinal);
        var graph = Chain(m, ordered, content);
        if (qualname_map is not null)
            foreach (var part in ordered)
                foreach (var path in part.Paths)
                    qualname_map[$"{part.Name}.{path}"] = path;
        return (T)GraphModuleCopy.New(m, ModuleTree.Of(content, ownsContent: true, m.training), graph, m.Program.Constants);
    }

    /// <summary>The graph that calls one submodule after the other.</summary>
    private static Graph Chain(IGraphModule m, List<SplitPart> ordered, Dictionary<string, object> content)
    {
        var graph = new Graph();
        var values = m.graph.find_nodes(Opcode.placeholder).ToDictionary(input => input, input => graph.node_copy(input, inner => inner));
        foreach (var part in ordered)
        {
            var partition = new Partition(m, part.Nodes);
            content[part.Name] = partition.Module;
            var inputs = new ListArgument([.. partition.Inputs.Select(input => (Argument)values[input])], typeof(object));
            var single = partition.Outputs is [var only] ? only : null;
            var call = graph.create_node(Opcode.call_module, new ModuleTarget(part.Name, CallSubmodule), [inputs], single?.type
                ?? typeof(object[]));
            if (single is not null)
                values[single] = call;
            else
                foreach (var (position, result) in partition.Outputs.Index())
                    values[result] =
                        graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, typeof(object[])),
                            [call, new Literal(position)], result.type);
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

    private static List<SplitPart> InOrder(List<SplitPart> parts)
    {
        foreach (var (position, part) in parts.Index())
            if (part.Needs.FirstOrDefault(needed => parts.IndexOf(needed) > position) is { } later)
                throw new ArgumentException(
                    $"The partitions can't keep their order: '{part.Name}' needs a value of '{later.Name}', which starts later. Let "
                        + "split_callback return other partitions, or leave keep_original_order out.");
        return parts;
    }

    /// <summary>Each after those that it needs, else in the order of their first nodes.</summary>
    private static List<SplitPart> Sorted(List<SplitPart> parts)
    {
        var sorted = new List<SplitPart>();
        while (sorted.Count < parts.Count)
            sorted.Add(parts.FirstOrDefault(part => !sorted.Contains(part) && part.Needs.All(sorted.Contains))
                ?? throw new ArgumentException(
                    $"The partitions {string.Join(" and ", parts.Except(sorted).Select(part =>
                        $"'{part.Name}'"))} need each other's values, so that none of them can run first. Let split_callback put the nodes in between into partitions of their own."));
        return sorted;
    }
}
