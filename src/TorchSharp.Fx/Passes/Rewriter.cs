using static TorchSharp.torch;

namespace TorchSharp.Fx.Passes;

/// <summary>Puts one replacement into the places of matches.</summary>
internal sealed class Rewriter
{
    private readonly IGraphModule module;
    private readonly Node[] patternInputs, inputs, patternResults;
    private readonly IGraphModule replacement;
    private readonly Argument[] results;
    private readonly Dictionary<Target, Target> adopted = [];
    private readonly Dictionary<Node, Node> successors = [];

    internal Rewriter(IGraphModule module, Graph pattern, IGraphModule replacement)
    {
        (this.module, this.replacement) = (module, replacement);
        (patternInputs, inputs) = ([.. pattern.find_nodes(Opcode.placeholder)], [.. replacement.graph.find_nodes(Opcode.placeholder)]);
        patternResults = [.. pattern.output_node().args[0].nodes()];
        results = [.. replacement.graph.output_node().args[0].nodes().Select(node => (Argument)node)];
        if (patternInputs.Length != inputs.Length || patternResults.Length != results.Length)
            throw new ArgumentException(
                $"The replacement takes {inputs.Length} and returns {results.Length}, but the pattern takes {patternInputs.Length} and "
                    + $"returns {patternResults.Length}: both must have the same inputs and results.");
    }

    internal List<ReplacedPatterns> Replace(IEnumerable<SubgraphMatch> matches)
        => [.. matches.ToArray().Select(Replace).OfType<ReplacedPatterns>()];

    private ReplacedPatterns? Replace(SubgraphMatch match)
    {
        var position = module.graph.nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var inside = match.computed.OrderBy(node => position[node]).ToArray();
        if (!CanMove(match, inside, position))
            return null;
        var copies = patternInputs.Zip(inputs).Where(pair => match.values.ContainsKey(pair.First))
            .ToDictionary(pair => pair.Second, pair => match.values[pair.First].map(Successor));
        var added = Insert(copies, after: inside[^1]);
        foreach (var (old, result) in patternResults.Zip(results))
            if (result.map(node => copies[node]) is NodeArgument { Node: var successor })
            {
                match.nodes_map[old].replace_all_uses_with(successor, user => !added.Contains(user));
                successors[match.nodes_map[old]] = successor;
            }
        foreach (var node in inside.Reverse())
            if (node.users.Count == 0)
                module.graph.erase_node(node);
        return new(match.anchors[0], match.nodes_map, added);
    }

    private Argument Successor(Node node) => successors.TryGetValue(node, out var successor) ? Successor(successor) : node;

    /// <summary>
    /// Everything is computed at the last node's place and in its gradient mode instead: nothing may read a result before, or write to what
    /// the match reads, or read or write what it writes to, meanwhile.
    /// </summary>
    private bool CanMove(SubgraphMatch match, Node[] inside, Dictionary<Node, int> position)
    {
        var (first, last) = (position[inside[0]], position[inside[^1]]);
        if (inside.Where(GradientMode.Matters).Select(node => node.gradient_mode).Distinct().Count() > 1)
            return false;
        if (match.anchors.SelectMany(anchor => anchor.users).Any(user => position[user] < last && !inside.Contains(user)))
            return false;
        var aliases = module.graph.Aliases(module.Program.Source);
        var (read, written) = (inside.SelectMany(aliases.Read).ToHashSet(), inside.SelectMany(aliases.Written).ToHashSet());
        return module.graph.nodes.Skip(first).Take(last - first).Where(node => !inside.Contains(node))
            .All(node => aliases.Written(node).All(place => !read.Contains(place) && !written.Contains(place))
                && !aliases.Read(node).Any(written.Contains));
    }

    private List<Node> Insert(Dictionary<Node, Argument> copies, Node after)
    {
        var added = new List<Node>();
        using var here = module.graph.inserting_after(after);
        foreach (var node in replacement.graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)))
        {
            var args = node.args.Select(argument => argument.map(inner => copies.TryGetValue(inner, out var copy) ? copy
                : throw new ArgumentException(
                    $"The replacement reads '{inner.name}', but the pattern doesn't, so it has no value there.")));
            var copy = module.graph.create_node(node.op, Adopted(node.target), [.. args], node.type, node.name);
            copy.StandsFor(node);
            copy.gradient_mode ??= after.gradient_mode;
            copies[node] = copy;
            added.Add(copy);
        }
        return added;
    }

    /// <summary>A target under a name of the rewritten module, which shares what the replacement captured.</summary>
    private Target Adopted(Target target)
    {
        if (target is not (ModuleTarget or AttributeTarget) || adopted.TryGetValue(target, out var known))
            return target is ModuleTarget or AttributeTarget ? adopted[target] : target;
        return adopted[target] = target is ModuleTarget called
            ? called with { Path = PathOf(replacement.Program.Source.Module(called.Path), called.Path) }
            : new AttributeTarget(module.Program.AddConstant(replacement.Program.Source.Attribute(target.name)().alias()));
    }

    private string PathOf(nn.Module captured, string name)
    {
        if (((nn.Module)module).named_modules()
            .FirstOrDefault(entry => ReferenceEquals(entry.module, captured)).name is { Length: > 0 } path)
            return path;
        var stem = name.Replace('.', '_');
        var free = Enumerable.Range(0, int.MaxValue).Select(number => number == 0 ? stem : $"{stem}_{number}")
            .First(candidate => module.Program.Source.Find(candidate) is null);
        module.add_submodule(free, captured);
        return free;
    }
}
