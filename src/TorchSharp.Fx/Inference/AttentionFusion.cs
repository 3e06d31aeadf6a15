using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>Makes one node of <c>softmax(q · kᵀ · scale + bias) · v</c>, spelled out or as TorchSharp's function.</summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class AttentionFusion(InferenceGraph layers)
{
    private static readonly MethodInfo Forward = typeof(FusedAttention).GetMethod(nameof(FusedAttention.forward))!;

    internal void Run()
    {
        foreach (var node in layers.Graph.nodes.ToArray())
            if (MatrixProduct.IsOperation(node, "scaled_dot_product_attention")
                && node.args is [var query, var key, var values, Literal { Value: null }, Literal { Value: 0.0 }, Literal { Value: false }])
                Insert(node, new FusedAttention(null), query, key, values, new Literal(null));
            else if (MatrixProduct.OfWeightsAndValues(node) is { Left: { users.Count: 1 } weights, Right: var value } && IsSoftmax(weights)
                && weights.args[0] is NodeArgument { Node: var logits } && new AttentionLogits(layers).Read(logits) is { } read)
                Replace(node, read with { Steps = [.. read.Steps, weights] }, value);
    }

    private static bool IsSoftmax(Node node)
        => MatrixProduct.IsOperation(node, "softmax") && node.args is [_, Literal { Value: -1L }, Literal { Value: null }];

    private void Replace(Node node, AttentionLogits.Reading logits, Node value)
    {
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(layers.Hierarchy(), training: false));
        if (logits.Steps.Any(step => !order.MayMove(step, node)))
            return;
        using var here = layers.Graph.inserting_before(node);
        Argument query = logits.Factor is null
            ? logits.Query : layers.Graph.inline((Func<Tensor, Tensor, Tensor>)((q, factor) => q * factor), logits.Query, logits.Factor);
        Insert(node, new FusedAttention(logits.Scale, logits.Rank), query, logits.Key, value, Bias(logits.Addends));
    }

    private void Insert(Node node, FusedAttention attention, params Argument[] args)
    {
        using var here = layers.Graph.inserting_before(node);
        var path = $"{node.name}_attention";
        layers.Replace(path, attention);
        var fused = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, Forward), [.. args], typeof(Tensor));
        fused.StandsFor(node);
        layers.Bypass(node, fused);
    }

    /// <summary>The sum of what is added to the logits, computed here where all of it is constant.</summary>
    private Argument Bias(IReadOnlyList<AttentionLogits.Addend> addends)
    {
        if (addends.Count == 0)
            return new Literal(null);
        if (addends.Count > 1
            && addends.All(addend => addend.Node.op == Opcode.get_attr && !layers.Written.Holds(layers.Tensor(addend.Node.target.name))))
        {
            var tensors = addends.Select(addend => layers.Tensor(addend.Node.target.name))
                .Zip(addends, (tensor, addend) => addend.IsByWindow ? tensor.squeeze(0) : tensor);
            return layers.Graph.get_attr(layers.AddConstant(tensors.Aggregate((a, b) => a + b)));
        }
        var nodes = addends.Select(addend => addend.IsByWindow
            ? layers.Graph.inline((Func<Tensor, Tensor>)(mask => mask.squeeze(0)), addend.Node) : addend.Node);
        return nodes.Aggregate((a, b) => layers.Graph.inline((Func<Tensor, Tensor, Tensor>)((one, other) => one + other), a, b));
    }
}
