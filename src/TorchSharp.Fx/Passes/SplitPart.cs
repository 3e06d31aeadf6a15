namespace TorchSharp.Fx.Passes;

/// <summary>The nodes of a graph that become one submodule.</summary>
/// <param name="name">The name of the submodule.</param>
internal sealed class SplitPart(string name)
{
    private readonly List<Node> nodes = [];

    internal string Name => name;

    /// <summary>The nodes that compute something, in order.</summary>
    internal IReadOnlyList<Node> Nodes => nodes;

    /// <summary>The parts that must have run before.</summary>
    internal HashSet<SplitPart> Needs { get; } = [];

    /// <summary>The modules and tensors that it names.</summary>
    internal IEnumerable<string> Paths
        => nodes.SelectMany(node => node.all_input_nodes.Append(node)).Where(node => node.op is Opcode.get_attr or Opcode.call_module)
            .Where(node => node.op == Opcode.get_attr || nodes.Contains(node)).Select(node => node.target.name)
            .Concat(nodes.SelectMany(node => node.target is MapTarget map ? map.Calls : [])).Distinct();

    /// <summary>The parts of a graph, in the order of their first nodes.</summary>
    internal static List<SplitPart> Of(Graph graph, Func<Node, object> split_callback, ModuleHierarchy modules)
    {
        var aliases = graph.Aliases(modules);
        var parts = new Dictionary<string, SplitPart>(StringComparer.Ordinal);
        var homes = new Dictionary<Node, SplitPart>();
        foreach (var node in graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.get_attr or Opcode.output)))
        {
            var name = $"submod_{split_callback(node)}";
            if (!parts.TryGetValue(name, out var home))
                parts[name] = home = new SplitPart(name);
            home.nodes.Add(node);
            homes[node] = home;
        }
        foreach (var (node, home) in homes)
            home.Needs.UnionWith(node.all_input_nodes.Where(homes.ContainsKey).Select(input => homes[input]).Where(other => other != home));
        KeepWritesInPlace([.. graph.nodes.Where(homes.ContainsKey)], homes, aliases);
        RefuseWrittenConstants(graph, homes, aliases, modules);
        return [.. parts.Values];
    }

    /// <summary>Parts that write and read the same memory keep their order.</summary>
    private static void KeepWritesInPlace(Node[] order, Dictionary<Node, SplitPart> homes, AliasAnalysis aliases)
    {
        var writers = new Dictionary<Place, SplitPart>();
        var readers = new Dictionary<Place, HashSet<SplitPart>>();
        foreach (var node in order)
        {
            var home = homes[node];
            Place[] written = [.. aliases.Written(node)];
            foreach (var place in aliases.Read(node).Concat(written))
                if (writers.TryGetValue(place, out var writer))
                    home.Follow(writer);
            foreach (var place in aliases.Read(node))
                (readers.TryGetValue(place, out var known) ? known : readers[place] = []).Add(home);
            foreach (var place in written)
            {
                foreach (var reader in readers.GetValueOrDefault(place) ?? [])
                    home.Follow(reader);
                (writers[place], readers[place]) = (home, []);
            }
        }
    }

    /// <summary>A part hands out a copy of a constant, as any graph does: another part's write would miss it.</summary>
    private static void RefuseWrittenConstants(Graph graph, Dictionary<Node, SplitPart> homes, AliasAnalysis aliases,
        ModuleHierarchy modules)
    {
        var constants = graph.find_nodes(Opcode.get_attr).Where(node => modules.IsConstant(node.target.name)).ToArray();
        foreach (var constant in constants)
            foreach (var writer in homes.Keys.Where(node => aliases.MutatedBy(node)
                .Any(written => aliases.PlaceOf(written) == aliases.PlaceOf(constant))))
                if (aliases.ClassOf(constant)
                    .FirstOrDefault(view => homes.TryGetValue(view, out var home) && home != homes[writer]
                        && view.users.Any(user => IsElsewhere(user, home))) is { } view)
                    throw new ArgumentException(
                        $"The partition '{homes[view].Name}' hands on '{view}', a view of the constant '{constant.target.name}', and "
                            + $"'{homes[writer].Name}' writes to "
                        + $"that by '{writer}'. Let split_callback put both nodes into one partition.");

        bool IsElsewhere(Node user, SplitPart home) => !homes.TryGetValue(user, out var other) || other != home;
    }

    private void Follow(SplitPart earlier)
    {
        if (earlier != this)
            Needs.Add(earlier);
    }
}
