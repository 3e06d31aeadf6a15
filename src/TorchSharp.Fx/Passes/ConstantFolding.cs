using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Computes values in advance that do not depend on an input.</summary>
public static class ConstantFolding
{
    /// <summary>
    /// Replaces each tensor that depends only on parameters, buffers and constants by its present value. Later changes of those parameters
    /// have no effect, and no gradient flows to them, so use this on a trained model. Random draws, tensors that are written to, and
    /// results of your own leaf modules and functions stay. The values belong to the module. Counterpart:
    /// <c>torch.fx.experimental.const_fold</c>.
    /// </summary>
    /// <param name="module">The graph module. The graph of its present mode is changed.</param>
    /// <param name="skip_folding_node_fn">Returns true for nodes that must not be folded.</param>
    /// <returns>Whether anything was folded.</returns>
    public static bool fold_constants(this IGraphModule module, Func<Node, bool>? skip_folding_node_fn = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        var graph = module.graph;
        var constant = Constant(module, skip_folding_node_fn ?? (_ => false));
        Node[] results =
            [.. graph.nodes.Where(node => constant.Contains(node) && node.op != Opcode.get_attr && TensorTypes.IsTensor(node.type)
                && node.users.Any(user => !constant.Contains(user)))];
        if (results.Length == 0)
            return false;
        var values = Compute(module, constant, results);
        foreach (var node in results)
        {
            using var before = graph.inserting_before(node);
            var folded = graph.get_attr(module.Program.AddConstant(values[node]));
            folded.origin = node.origin;
            node.replace_all_uses_with(folded, user => !constant.Contains(user));
        }
        foreach (var node in graph.nodes.Reverse().Where(constant.Contains).ToArray())
            if (node.users.Count == 0)
                graph.erase_node(node);
        module.recompile();
        return true;
    }

    /// <summary>The nodes that no input enters into. A tensor that is written to has no one value.</summary>
    private static HashSet<Node> Constant(IGraphModule module, Func<Node, bool> isSkipped)
    {
        var aliases = module.graph.Aliases(module.Program.Source);
        var written = module.graph.nodes.SelectMany(aliases.Written).ToHashSet();
        var constant = new HashSet<Node>();
        foreach (var node in module.graph.nodes)
            if (IsFoldable(node, aliases, module.Program.Source) && node.all_input_nodes.All(constant.Contains) && !isSkipped(node)
                && !aliases.Places(node).Any(written.Contains))
                constant.Add(node);
        return constant;
    }

    private static bool IsFoldable(Node node, AliasAnalysis aliases, ModuleHierarchy modules)
        => node.type != typeof(void) && !GradientMode.IsAskedBy(node) && node.target switch
    {
        // A table that scales its rows down to a largest norm does so at each call.
        ModuleTarget { Path: var path, Method: var method } => modules.Module(path) is var called
            && !(called.training && ModuleModes.Matters(called)) && !Hooks.RunBy(node, called)
            && Operations.Of(called, method, training: false) is { Writes: Operands.None } does
            && !does.Has(Effects.Lasting & ~Effects.Updates) && !NativeSettings.AnyRenormalises(called),
        PlaceholderTarget or OutputTarget => false,
        _ => aliases.IsPure(node),
    };

    /// <summary>The values of the results, each with memory of its own.</summary>
    private static Dictionary<Node, Tensor> Compute(IGraphModule module, HashSet<Node> constant, Node[] results)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var run = new DryRun((nn.Module)module, module.graph, module.Program.Constants);
        foreach (var node in module.graph.nodes.Where(constant.Contains))
            run.Step(node);
        return results.ToDictionary(node => node, node => ((Tensor)run.Of(node)!).clone().DetachFromDisposeScope());
    }
}
