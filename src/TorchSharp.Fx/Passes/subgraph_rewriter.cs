namespace TorchSharp.Fx;

/// <summary>Replaces what a graph does in one way by another. Counterpart: <c>torch.fx.subgraph_rewriter</c>.</summary>
public static class subgraph_rewriter
{
    /// <summary>
    /// Replaces each place where a graph module does what the pattern does, in place, and tells where. Both are functions of the same
    /// inputs, which stand for anything: <c>replace_pattern(traced, (Tensor x) =&gt; x.neg().relu(), (Tensor x) =&gt;
    /// x.clamp_max(0).neg())</c>. Modules and tensors that the replacement captured become the module's. Counterpart:
    /// <c>torch.fx.subgraph_rewriter.replace_pattern_with_filters</c>.
    /// </summary>
    /// <param name="module">The graph module; its graph of the present mode is changed.</param>
    /// <param name="pattern">What to look for; <see cref="SubgraphMatcher"/> says what matches.</param>
    /// <param name="replacement">What to put there.</param>
    /// <param name="match_filters">Which matches to replace: those for which every filter says yes.</param>
    /// <param name="ignore_literals">Whether a constant in the pattern stands for any.</param>
    /// <param name="suppress_match_warning">Whether to say nothing (<see cref="fx.warn"/>) where nothing is replaced; else it is said
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
            fx.warn("replace_pattern replaced nothing (suppress_match_warning: true says nothing of it). "
                + $"{(found.Count == 0 ? matcher.explain(module) : wanted.Length == 0 ? $"The filters left out each of {found.Count} "
                + "matches." : Unmovable(wanted[0]))}");
        return replaced;
    }

    private static string Unmovable(SubgraphMatch match)
        => $"The match at '{match.anchors[0].name}' has to stay: between its nodes, others read its results or write to what it reads.";
}

/// <summary>A place that was replaced. Counterpart: <c>torch.fx.subgraph_rewriter.ReplacedPatterns</c>.</summary>
/// <param name="anchor">The node that had the pattern's first result; it is no part of the graph any more.</param>
/// <param name="nodes_map">What each node of the pattern stood for.</param>
/// <param name="replacements">The nodes that were put there.</param>
public sealed record ReplacedPatterns(Node anchor, IReadOnlyDictionary<Node, Node> nodes_map, IReadOnlyList<Node> replacements);
