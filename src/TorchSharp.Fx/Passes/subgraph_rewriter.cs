namespace TorchSharp.Fx;

/// <summary>Replaces a pattern of nodes in a graph by another. Counterpart: <c>torch.fx.subgraph_rewriter</c>.</summary>
public static class subgraph_rewriter
{
    /// <summary>
    /// Replaces each match of a pattern in a graph module, in place, and returns the replaced places. Pattern and replacement are functions
    /// of the same inputs, which match any value: <c>replace_pattern(traced, (Tensor x) =&gt; x.neg().relu(), (Tensor x) =&gt;
    /// x.clamp_max(0).neg())</c>. Modules and tensors that the replacement captured become part of the module. Counterpart:
    /// <c>torch.fx.subgraph_rewriter.replace_pattern_with_filters</c>.
    /// </summary>
    /// <param name="module">The graph module. The graph of its present mode is changed.</param>
    /// <param name="pattern">The pattern to find; see <see cref="SubgraphMatcher"/> for what matches.</param>
    /// <param name="replacement">The function that replaces each match.</param>
    /// <param name="match_filters">A match is replaced only if every filter returns true.</param>
    /// <param name="ignore_literals">Whether a constant in the pattern matches any constant.</param>
    /// <param name="suppress_match_warning">Whether to suppress the warning (<see cref="fx.warn"/>) that nothing was replaced, and
    /// why.</param>
    /// <exception cref="ArgumentException">The two functions differ in their inputs or results.</exception>
    /// <exception cref="TraceException">One of them can't be written as a graph.</exception>
    public static IReadOnlyList<ReplacedPatterns> replace_pattern(IGraphModule module, Delegate pattern, Delegate replacement,
        IReadOnlyList<Func<SubgraphMatch, bool>>? match_filters = null, bool ignore_literals = false, bool suppress_match_warning = false)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var sought = fx.symbolic_trace(pattern);
        using var put = fx.symbolic_trace(replacement);
        var matcher = new SubgraphMatcher(sought) { ignore_literals = ignore_literals };
        var found = matcher.match(module);
        SubgraphMatch[] wanted = [.. found.Where(match => (match_filters ?? []).All(filter => filter(match)))];
        var replaced = new Rewriter(module, sought.graph, put).Replace(wanted);
        if (replaced.Count > 0)
            module.recompile();
        else if (!suppress_match_warning)
            fx.warn("replace_pattern replaced nothing (suppress_match_warning: true hides this warning). "
                + $"{(found.Count == 0 ? matcher.explain(module) : wanted.Length == 0 ? $"The filters left out each of {found.Count} "
                + "matches." : Unmovable(wanted[0]))}");
        return replaced;
    }

    private static string Unmovable(SubgraphMatch match)
        => $"The match at '{match.anchors[0].name}' can't be replaced: nodes between its own read its results or write to what it reads.";
}

/// <summary>A place that was replaced. Counterpart: <c>torch.fx.subgraph_rewriter.ReplacedPatterns</c>.</summary>
/// <param name="anchor">The node that computed the pattern's first result. It is no longer part of the graph.</param>
/// <param name="nodes_map">The matched node for each node of the pattern.</param>
/// <param name="replacements">The nodes of the replacement.</param>
public sealed record ReplacedPatterns(Node anchor, IReadOnlyDictionary<Node, Node> nodes_map, IReadOnlyList<Node> replacements);
