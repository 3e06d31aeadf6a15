using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Computes ahead what no input enters into.</summary>
public static class ConstantFolding
{
    /// <summary>
    /// Replaces each tensor that depends on parameters, buffers and constants alone by its present value. Later changes of those parameters have no effect on it any more and no gradient flows to
    /// them, so this is for a model that is done with training. What draws random numbers, is written to, or calls a leaf of the user's is left. The values belong to the module.
    /// Counterpart: <c>torch.fx.experimental.const_fold</c>.
    /// </summary>
    /// <param name="module">The graph module; its graph of the present mode is changed.</param>
    /// <param name="skip_folding_node_fn">Which nodes to leave as they are.</param>
    /// <returns>Whether anything was folded.</returns>
    public static bool fold_constants(this IGraphModule module, Func<Node, bool>? skip_folding_node_fn = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        var graph = module.graph;
        var constant = Constant(module, skip_folding_node_fn ?? (_ => false));
        Node[] results = [.. graph.nodes.Where(node => constant.Contains(node) && node.op != Opcode.get_attr && TensorTypes.IsTensor(node.type) && node.users.Any(user => !constant.Contains(user)))];
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
        var aliases = new AliasAnalysis(module.graph, module.Program.Source);
        var written = module.graph.nodes.SelectMany(aliases.MutatedBy).Select(aliases.Representative).ToHashSet();
        var constant = new HashSet<Node>();
        foreach (var node in module.graph.nodes)
            if (IsFoldable(node, module.Program.Source) && node.all_input_nodes.All(constant.Contains) && !written.Contains(aliases.Representative(node)) && !isSkipped(node))
                constant.Add(node);
        return constant;
    }

    private static bool IsFoldable(Node node, ModuleHierarchy modules) => node.type != typeof(void) && node.target switch
    {
        AttributeTarget or MemberTarget => true,
        BuiltinTarget builtin => builtin.Operation != Builtin._assert,
        FunctionTarget { Method: var function } => IsPure(function, node),
        MethodTarget { Method: var method } => IsPure(method, node),
        ModuleTarget target => modules.Module(target.Path) is var called && called.GetType().Assembly == TensorTypes.TorchSharp && !called.training,
        _ => false,
    };

    private static bool IsPure(MethodBase method, Node node) => method.DeclaringType!.Assembly == TensorTypes.TorchSharp && !RandomOperations.Draws(method, node);

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
