using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Finds what is asked for among the named nodes of one mode's graph.</summary>
internal sealed class NodeSelection(nn.Module model, Graph graph, OrderedDictionary<Node, string> names)
{
    private const string Input = ":in";

    private static readonly MethodInfo Alias = typeof(Tensor).GetMethod(nameof(Tensor.alias), Type.EmptyTypes)!;

    /// <summary>The nodes with their keys, in the order in which they are asked for.</summary>
    internal IReadOnlyList<(Node Node, string Key)> Find(ReturnNodes requested)
    {
        var found = requested.SelectMany(Expand).Concat(Chosen(requested.Predicate)).Distinct().ToArray();
        RefuseSharedKeys(found);
        return [.. found.Select(entry => (Find(entry.Name), entry.Key))];
    }

    private static void RefuseSharedKeys(ReturnNode[] nodes)
    {
        if (nodes.GroupBy(node => node.Key, node => node.Name).FirstOrDefault(names => names.Count() > 1) is { } shared)
            throw new ArgumentException($"The key '{shared.Key}' is given to {shared.Count()} nodes, {string.Join(" and ", shared.Select(name => $"'{name}'"))}. Give each node a key of its own.");
    }

    /// <summary>A pattern is all the names that fit it.</summary>
    private IEnumerable<ReturnNode> Expand(ReturnNode request)
    {
        if (!NodePattern.IsPattern(request.Name))
            return [request];
        var (pattern, suffix) = Split(request.Name);
        var matches = new NodePattern(pattern).Matches(names.Values).Select(name => name + suffix).ToArray();
        return matches.Length > 0
            ? matches.Select(name => new ReturnNode(name, request.Key == request.Name ? name : request.Key))
            : throw new ArgumentException($"No node or module of the model fits the pattern '{pattern}'. '*' and '?' stand for letters within one part of a name, '**' for dots as well. Hint: `get_graph_node_names` lists the names.");
    }

    private IEnumerable<ReturnNode> Chosen(Func<Node, nn.Module?, bool>? predicate)
    {
        if (predicate is null)
            return [];
        var hierarchy = new ModuleHierarchy(model);
        var chosen = names.Where(entry => entry.Key.type != typeof(void) && predicate(entry.Key, entry.Key.op == Opcode.call_module ? hierarchy.Module(entry.Key.target.name) : null)).ToArray();
        return chosen.Length > 0 ? chosen.Select(entry => (ReturnNode)entry.Value) : throw new ArgumentException("No node of the model meets the condition that was given to ReturnNodes.Where.");
    }

    private static (string Name, string Suffix) Split(string query) => query.EndsWith(Input, StringComparison.Ordinal) ? (query[..^Input.Length], Input) : (query, "");

    private Node Find(string query)
    {
        if (Split(query) is (var name, Input))
            return InputOf(name);
        var found = Inside(query)[^1];
        return found.type != typeof(void) ? found : throw new ArgumentException(
            $"node: '{query}' has no value to return: it is '{names[found]}', which only writes to another node's value or checks it. Ask for the node that it writes to.");
    }

    /// <summary>What a node or module is given first, as it is when it is given: a node of its own, since what comes between may have overwritten it.</summary>
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

    /// <summary>The nodes of a name, or inside a module; a leaf module also answers to its exact path where the list shows it without its number.</summary>
    private Node[] Inside(string query)
    {
        var found = Answering(query, entry => entry.Value);
        if (found.Length == 0)
            found = Answering(query, entry => entry.Key.op == Opcode.call_module ? entry.Key.target.name : null);
        return found.Length > 0 ? found : throw Unknown(query);
    }

    private Node[] Answering(string query, Func<KeyValuePair<Node, string>, string?> name)
        => [.. names.Where(entry => name(entry) is { } own && own.StartsWith(query, StringComparison.Ordinal) && (own.Length == query.Length || own[query.Length] == '.')).Select(entry => entry.Key)];

    private ArgumentException Unknown(string query) => new(
        $"node: '{query}' is not present in model. The nearest names are {NearestNames.Quoted(query, names.Values.SelectMany(NodePattern.WithModules))}. Hint: use `get_graph_node_names` to make sure the `return_nodes` you specified are present. It may even be that you need to specify `train_return_nodes` and `eval_return_nodes` separately.");
}
