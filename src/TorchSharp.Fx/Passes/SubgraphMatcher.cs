using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Finds the places where a graph computes the same as a pattern. An input of the pattern matches any value of its type, the same value
/// wherever the pattern reads it. A module in the pattern matches itself if the searched module contains it, otherwise any module of its
/// class. A tensor matches only itself. Counterpart: <c>torch.fx.passes.utils.matcher_utils.SubgraphMatcher</c>.
/// </summary>
public sealed class SubgraphMatcher
{
    private readonly IGraphModule pattern;
    private readonly Node[] anchors;
    private readonly HashSet<Node> returned;

    /// <summary>A matcher of a pattern, e.g. a traced lambda: <c>fx.symbolic_trace((Tensor x) =&gt; x.neg().relu())</c>.</summary>
    /// <exception cref="ArgumentException">The pattern returns one of its inputs, or has a node that its result doesn't need.</exception>
    public SubgraphMatcher(IGraphModule pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        this.pattern = pattern;
        var output = pattern.graph.output_node();
        returned = [.. output.all_input_nodes];
        if (returned.Count == 0 || returned.FirstOrDefault(node => node.op is Opcode.placeholder or Opcode.get_attr) is not null)
            throw new ArgumentException($"A pattern must compute all that it returns, but this one returns {output.args[0]}.",
                nameof(pattern));
        anchors = [.. returned.Where(node => node.users.All(user => user == output))];
        if (pattern.graph.nodes.FirstOrDefault(node => node.op is not (Opcode.placeholder or Opcode.output)
            && node.users.Count == 0) is { } idle)
            throw new ArgumentException($"All of a pattern must be needed for its result, but nothing reads its '{idle.name}'.",
                nameof(pattern));
    }

    /// <summary>Whether, of two matches that share a node, only the first counts.</summary>
    public bool remove_overlapping_matches { get; init; } = true;

    /// <summary>Whether a constant in the pattern matches any constant.</summary>
    public bool ignore_literals { get; init; }

    /// <summary>
    /// All matches, in the order of the graph. Other nodes must not read intermediate values of a match that the pattern doesn't return.
    /// </summary>
    public IReadOnlyList<SubgraphMatch> match(IGraphModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var found = new List<SubgraphMatch>();
        var taken = new HashSet<Node>();
        foreach (var values in Complete(module, 0, []))
        {
            var match = new SubgraphMatch(pattern.graph, values);
            if (!IsContained(match) || (remove_overlapping_matches && match.computed.Any(taken.Contains)))
                continue;
            taken.UnionWith(match.computed);
            found.Add(match);
        }
        return found;
    }

    /// <summary>Why a graph has no match: the nearest place, and the difference there. Null when there is a match.</summary>
    public string? explain(IGraphModule module)
    {
        nearest = default;
        if (match(module).Count > 0)
            return null;
        var (_, place, reason) = nearest;
        return place is null ? "The graph computes nothing that the pattern's result could be."
            : $"The nearest place is '{place.name}'{(place.origin is { } origin ? $" ({origin})" : "")}: {reason}";
    }

    /// <summary>How much of the pattern was found at the best attempt, at which node it began, and where it ended.</summary>
    private (int Found, Node? Place, string Reason) nearest;

    private Node? beginning;

    /// <summary>Notes why an attempt ends here, if none came as far.</summary>
    private bool Fails(int found, string reason)
    {
        if (beginning is not null && (nearest.Place is null || found > nearest.Found))
            nearest = (found, beginning, reason);
        return false;
    }

    /// <summary>Every way to find the anchors from one on, given what the earlier ones fixed.</summary>
    private IEnumerable<Dictionary<Node, Argument>> Complete(IGraphModule module, int anchor, Dictionary<Node, Argument> values)
    {
        if (anchor == anchors.Length)
            return [values];
        return module.graph.nodes.SelectMany(candidate =>
        {
            var extended = new Dictionary<Node, Argument>(values);
            if (anchor == 0)
                beginning = candidate.op is Opcode.placeholder or Opcode.output ? null : candidate;
            return Matches(module, anchors[anchor], candidate, extended) ? Complete(module, anchor + 1, extended) : [];
        });
    }

    private bool Matches(IGraphModule module, Node expected, Argument actual, Dictionary<Node, Argument> values)
    {
        if (values.TryGetValue(expected, out var known))
            return ArgumentComparison.AreSame(known, actual, (node, other) => other is NodeArgument { Node: var second } && node == second)
                || Fails(values.Count, $"the pattern's '{expected.name}' would be both {known} and {actual}.");
        if (expected.op == Opcode.placeholder)
            return (Fits(actual, expected.type)
                || Fails(values.Count,
                    $"the pattern's input '{expected.name}' is a {Tracing.Untraceable.Short(expected.type)}, which {actual} is not."))
                        && values.TryAdd(expected, actual);
        if (actual is not NodeArgument { Node: var node })
            return Fails(values.Count, $"the pattern computes '{expected.name}' where the graph has {actual}.");
        if (node.op != expected.op || node.args.Length != expected.args.Length || !DoesTheSame(module, expected, node))
            return Fails(values.Count,
                $"the pattern has {Called(pattern, expected)} where the graph has {Called(module, node)} ('{node.name}').");
        if (values.Any(entry => entry.Key.op != Opcode.placeholder && entry.Value is NodeArgument { Node: var other } && other == node))
            return Fails(values.Count, $"'{node.name}' would stand for two nodes of the pattern.");
        values[expected] = node;
        return expected.args.Zip(node.args)
            .All(pair =>
                ArgumentComparison.AreSame(pair.First, pair.Second, (inner, other) => Matches(module, inner, other, values),
                    ignore_literals)
            || Fails(values.Count, $"'{node.name}' takes {pair.Second} where the pattern has {pair.First}."));
    }

    /// <summary>A node's operation, in words: of a module its class, as a name says nothing.</summary>
    private static string Called(IGraphModule module, Node node)
        => node.target is ModuleTarget called
            ? $"a {Tracing.Untraceable.Short(module.Program.Source.Module(called.Path).GetType())}" : node.op is Opcode.placeholder
            ? $"the input '{node.name}'" : node.target.name;

    private bool DoesTheSame(IGraphModule module, Node expected, Node node) => (expected.target, node.target) switch
    {
        (ModuleTarget wanted, ModuleTarget called) =>
            IsSameModule(module, pattern.Program.Source.Module(wanted.Path), module.Program.Source.Module(called.Path)),
        (AttributeTarget wanted, AttributeTarget read) =>
            ReferenceEquals(pattern.Program.Source.Attribute(wanted.Path)(), module.Program.Source.Attribute(read.Path)()),
        _ => expected.target.Equals(node.target),
    };

    private static bool IsSameModule(IGraphModule searched, nn.Module wanted, nn.Module called)
        => ReferenceEquals(wanted, called)
            || (wanted.GetType() == called.GetType() && !((nn.Module)searched).modules().Any(module => ReferenceEquals(module, wanted)));

    private static bool Fits(Argument actual, Type type) => actual is NodeArgument { Node: var node }
        ? type.IsAssignableFrom(node.type) || (!TensorTypes.MayHold(type) && !TensorTypes.MayHold(node.type))
        : !TensorTypes.IsTensor(type);

    private bool IsContained(SubgraphMatch match)
    {
        var inside = match.computed.ToHashSet();
        beginning = match.anchors[0];
        return match.nodes_map.All(pair => pair.Key.op is Opcode.placeholder or Opcode.get_attr || returned.Contains(pair.Key)
            || pair.Value.users.All(user => inside.Contains(user)
            || Fails(match.values.Count + 1,
                $"'{pair.Value.name}' is read by '{user.name}' as well, which is not part of the match.")));
    }
}

/// <summary>
/// A place where a graph computes the same as a pattern. Counterpart: <c>torch.fx.passes.utils.matcher_utils.InternalMatch</c>.
/// </summary>
public sealed class SubgraphMatch
{
    internal SubgraphMatch(Graph pattern, Dictionary<Node, Argument> values)
    {
        this.values = values;
        nodes_map = values.Where(entry => entry.Value is NodeArgument)
            .ToDictionary(entry => entry.Key, entry => ((NodeArgument)entry.Value).Node);
        computed = [.. nodes_map.Where(entry => entry.Key.op is not (Opcode.placeholder or Opcode.get_attr)).Select(entry => entry.Value)];
        anchors = [.. pattern.output_node().all_input_nodes.Select(node => nodes_map[node])];
    }

    /// <summary>The nodes whose values the pattern returns, in its order.</summary>
    public IReadOnlyList<Node> anchors { get; }

    /// <summary>
    /// The matched node for each node of the pattern. An input of the pattern that matches a constant is in <see cref="values"/> only.
    /// </summary>
    public IReadOnlyDictionary<Node, Node> nodes_map { get; }

    /// <summary>The matched node or constant for each node of the pattern.</summary>
    public IReadOnlyDictionary<Node, Argument> values { get; }

    /// <summary>The matched nodes, without the inputs of the match.</summary>
    public IReadOnlyList<Node> computed { get; }
}
