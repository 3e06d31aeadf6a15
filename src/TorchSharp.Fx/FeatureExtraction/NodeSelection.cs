using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>Finds what is asked for among the named nodes of one mode's graph.</summary>
/// <param name="model">The model; null where only names are asked for.</param>
/// <param name="graph">Its graph.</param>
/// <param name="names">The nodes' names.</param>
/// <param name="warn">Is told what is ambiguous.</param>
internal sealed class NodeSelection(nn.Module? model, Graph graph, OrderedDictionary<Node, string> names, Action<string> warn)
{
    private const string Input = ":in";

    private static readonly MethodInfo Alias = typeof(Tensor).GetMethod(nameof(Tensor.alias), Type.EmptyTypes)!;

    /// <summary>The nodes with their keys, in the order in which they are asked for.</summary>
    internal IReadOnlyList<(Node Node, string Key)> Find(ReturnNodes requested)
    {
        var found = requested.SelectMany(Expand).Concat(Chosen(requested.Predicate)).Distinct().ToArray();
        RefuseSharedKeys(found);
        return [.. found.Select(entry => (entry.Node ?? Find(entry.Name), entry.Key))];
    }

    private static void RefuseSharedKeys(Request[] nodes)
    {
        if (nodes.GroupBy(node => node.Key, node => node.Name).FirstOrDefault(names => names.Count() > 1) is { } shared)
            throw new ArgumentException(
                $"The key '{shared.Key}' is given to {shared.Count()} nodes, {string.Join(" and ", shared.Select(name =>
                    $"'{name}'"))}. Give each node a key of its own.");
    }

    /// <summary>
    /// A pattern is all the names that fit it: names of nodes and of modules, and a leaf module's exact path where the list shows another
    /// name.
    /// </summary>
    private IEnumerable<Request> Expand(ReturnNode request)
    {
        if (!NodePattern.IsPattern(request.Name))
            return [new(request.Name, request.Key, null)];
        var (pattern, suffix) = Split(request.Name);
        var nodes = names.Keys.GroupBy(OwnName).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        foreach (var call in names.Keys.Where(node => node.op == Opcode.call_module))
            nodes.TryAdd(call.target.name, call);
        var matches =
            new NodePattern(pattern).Matches(names.Keys.SelectMany(node => new[] { OwnName(node), PathOf(node) ?? OwnName(node) }))
            .DistinctBy(name => nodes.GetValueOrDefault(name) ?? (object)name).ToArray();
        return matches.Length > 0
            ? matches.Select(name =>
                new Request(name + suffix, request.Key == request.Name ? name + suffix : request.Key,
                    suffix.Length == 0 ? Valued(nodes.GetValueOrDefault(name)) : null))
            : throw new ArgumentException(
                $"No node or module of the model fits the pattern '{pattern}'. '*' and '?' stand for letters within one part of a name, "
                    + "'**' for dots as well. Hint: `get_graph_node_names` lists the names.");
    }

    /// <summary>One without a value is refused under its name.</summary>
    private static Node? Valued(Node? node) => node?.type == typeof(void) ? null : node;

    private IEnumerable<Request> Chosen(Func<Node, nn.Module?, bool>? predicate)
    {
        if (predicate is null)
            return [];
        var hierarchy = new ModuleHierarchy(model!);
        var chosen =
            names.Keys.Where(node => node.type != typeof(void)
                && predicate(node, node.op == Opcode.call_module ? hierarchy.Module(node.target.name) : null)).ToArray();
        return chosen.Length > 0
            ? chosen.Select(node => new Request(OwnName(node), OwnName(node), node))
                : throw new ArgumentException("No node of the model meets the condition that was given to ReturnNodes.Where.");
    }

    /// <summary>The name in the list, unless that is another module's path: then a leaf module's own path.</summary>
    private string OwnName(Node node)
        => PathOf(node) is { } path && path != names[node] && modules.Value.Contains(names[node]) ? path : names[node];

    /// <summary>
    /// The path of the module that a node calls. That of a kernel is no name of its value: the kernel computes what several nodes did.
    /// </summary>
    private static string? PathOf(Node node)
        => node.target is ModuleTarget { Path: var path, Method.DeclaringType: var owner } && !typeof(IKeepsNothing).IsAssignableFrom(owner)
            ? path : null;

    /// <summary>The paths of all modules that nodes lie in or call.</summary>
    private readonly Lazy<HashSet<string>> modules =
        new(() => [.. names.SelectMany(entry => PathOf(entry.Key) is { } path
            ? NodePattern.WithModules(path) : NodePattern.WithModules(entry.Value).SkipLast(1))]);

    /// <summary>A requested name, the key it gets, and the node where that is known.</summary>
    private readonly record struct Request(string Name, string Key, Node? Node);

    private static (string Name, string Suffix) Split(string query)
        => query.EndsWith(Input, StringComparison.Ordinal) ? (query[..^Input.Length], Input) : (query, "");

    private Node Find(string query)
    {
        if (Split(query) is (var name, Input))
            return InputOf(name);
        var found = Inside(query)[^1];
        return found.type != typeof(void) ? found : throw new ArgumentException(
            $"node: '{query}' has no value to return: it is '{names[found]}', which only writes to another node's value or checks it. Ask "
                + "for the node that it writes to.");
    }

    /// <summary>
    /// The first argument of a node or module, as it is when it is given: a node of its own, since what comes between may have overwritten
    /// it.
    /// </summary>
    private Node InputOf(string name)
    {
        var inside = Inside(name);
        foreach (var node in inside)
            if (node.all_input_nodes.FirstOrDefault(input => input.op != Opcode.get_attr && !inside.Contains(input)) is { } given)
                return given.type == typeof(Tensor) ? AliasOf(given, node) : given;
        throw new ArgumentException($"node: '{name}{Input}' can't be returned: '{name}' takes no input.");
    }

    private Node AliasOf(Node value, Node reader)
    {
        using (graph.inserting_before(reader))
            return graph.call_method(Alias, value);
    }

    /// <summary>
    /// The nodes of a name, or inside a module; a leaf module also answers to its exact path where the list shows it without its number. A
    /// module's exact path comes before a name in which the number only counts.
    /// </summary>
    private Node[] Inside(string query) => Matching(query) is { Length: > 0 } found ? found : throw Unknown(query);

    /// <summary>The node of a name, or the last one inside a module of that name; null for none.</summary>
    internal Node? Last(string query) => Matching(query).LastOrDefault();

    private Node[] Matching(string query)
    {
        var found = Answering(query, entry => entry.Value);
        if (found.FirstOrDefault(node => names[node] == query && PathOf(node) != query) is { } numbered && modules.Value.Contains(query))
        {
            found = Answering(query, entry => PathOf(entry.Key) ?? (entry.Key == numbered ? null : entry.Value));
            warn($"'{query}' is a module of the model, and in the list of nodes it is also the name of {Told(numbered)}. The module's "
                + "value is returned.");
        }
        if (found.Length == 0)
            found = Answering(query, entry => PathOf(entry.Key));
        return found;
    }

    private string Told(Node node)
        => PathOf(node) is { } path
            ? $"module '{path}': ask for that one by '{path}'"
                : $"an operation, '{node.name}' in the graph: choose that one by ReturnNodes.Where";

    private Node[] Answering(string query, Func<KeyValuePair<Node, string>, string?> name)
        => [.. names.Where(entry => name(entry) is { } own && own.StartsWith(query, StringComparison.Ordinal)
            && (own.Length == query.Length || own[query.Length] == '.')).Select(entry => entry.Key)];

    private ArgumentException Unknown(string query) => new(
        $"node: '{query}' is not present in model. The nearest names are "
            + $"{NearestNames.Quoted(query, names.Values.SelectMany(NodePattern.WithModules))}. Hint: use `get_graph_node_names` to make "
            + "sure the `return_nodes` you specified are present. It may even be that you need to specify `train_return_nodes` and "
            + "`eval_return_nodes` separately.");
}
