namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Which values a graph returns as copies: those that may share memory with a tensor of the graph's own, a constant that tracing computed
/// or a pass folded. A program makes such a tensor anew at each call, so what the caller does with a result must not reach the next one. A
/// parameter or buffer of the model is returned itself, as the program returns it.
/// </summary>
/// <param name="Nodes">The nodes whose values the output copies.</param>
internal sealed record OutputCopies(IReadOnlySet<Node> Nodes)
{
    internal static OutputCopies Of(Graph graph, AliasAnalysis aliases, ModuleHierarchy modules)
    {
        var own = graph.nodes.Where(node => node.op == Opcode.get_attr && modules.IsConstant(node.target.name))
            .Select(aliases.Representative).ToHashSet();
        return new(own.Count == 0 || graph.nodes.LastOrDefault() is not { op: Opcode.output } output ? new HashSet<Node>()
            : output.all_input_nodes.Where(node => TensorTypes.MayHold(node.type) && own.Contains(aliases.Representative(node)))
                .ToHashSet());
    }

    /// <summary>The value with copies of the tensors in it.</summary>
    internal static object? Copy(object? value) => Structure.Map(value, tensor => tensor.clone());
}
