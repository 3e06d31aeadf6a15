using System.Collections;
using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Explain;

/// <summary>Runs a graph and keeps the weights of attention: what a softmax over the last dimension gives, what the weights in a call of
/// <c>scaled_dot_product_attention</c> are, and what TorchSharp's <c>MultiheadAttention</c> tells of its own.</summary>
internal sealed class AttentionReader(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor> constants)
    : GraphInterpreter(root, graph, constants)
{
    private const string Kernel = "scaled_dot_product_attention";

    private readonly OrderedDictionary<Node, string> names = NodeLookup.Names(graph);

    /// <summary>The weights by the names of the nodes, in the order of execution.</summary>
    internal OrderedDictionary<string, Tensor> Weights { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override object? run_node(Node node)
    {
        var weights = IsKernel(node) ? Recomputed(ArgumentsOf(node)) : null;
        var value = base.run_node(node);
        if (weights is null && value is Tensor { ndim: >= 3 } given && IsSoftmax(node) && SumsToOne(given))
            weights = given.clone();
        if (node.op == Opcode.call_module && fetch_attr(node.target.name) is TorchSharp.Modules.MultiheadAttention layer)
            weights = MeanOfHeads(layer, fetch_args(node));
        if (weights is not null)
            Weights[names[node]] = weights;
        return value;
    }

    /// <summary>Whether a node calls the fused kernel, by its method or, as PyTorch's exported programs do, by its name.</summary>
    internal static bool IsKernel(Node node)
        => node.target.name == Kernel || (node.target.name == "call" && node.args is [Literal { Value: Kernel }, ..]);

    /// <summary>A call by name has them in a list.</summary>
    private object?[] ArgumentsOf(Node node)
        => fetch_args(node) is [string, IEnumerable given] ? [.. given.Cast<object?>()] : fetch_args(node);

    private bool IsSoftmax(Node node) => node.op == Opcode.call_module
        ? fetch_attr(node.target.name) is TorchSharp.Modules.Softmax
        : node.target.name == "softmax";

    private static bool SumsToOne(Tensor value)
    {
        using var scope = NewDisposeScope();
        var sums = value.sum(-1);
        return sums.allclose(ones_like(sums), rtol: 0, atol: 1e-3);
    }

    /// <summary>The layer gives the mean over its heads, where it is asked for it.</summary>
    private static Tensor MeanOfHeads(TorchSharp.Modules.MultiheadAttention layer, object?[] args)
    {
        var (padding, mask) = (args.ElementAtOrDefault(3) as Tensor, args.ElementAtOrDefault(5) as Tensor);
        var (output, weights) = layer.call((Tensor)args[0]!, (Tensor)args[1]!, (Tensor)args[2]!, padding, true, mask);
        output.Dispose();
        return weights.unsqueeze(1);
    }

    /// <summary>The kernel keeps its weights to itself: softmax(scale q kᵀ + mask) gives them again.</summary>
    private static Tensor? Recomputed(object?[] args)
    {
        if (args is not [Tensor query, Tensor key, _, .. var rest])
            return null;
        using var scope = NewDisposeScope();
        // attn_mask, dropout_p, is_causal, scale, enable_gqa: the last two are PyTorch's alone.
        if (rest is [_, _, _, _, true, ..])
            key = key.repeat_interleave(query.shape[^3] / key.shape[^3], -3);
        var scale = rest.ElementAtOrDefault(3) is { } given
            ? Convert.ToDouble(given, CultureInfo.InvariantCulture) : 1 / Math.Sqrt(query.shape[^1]);
        var logits = query.matmul(key.transpose(-2, -1)) * scale;
        if (rest is [Tensor mask, ..])
            logits = mask.dtype == ScalarType.Bool ? logits.masked_fill(mask.logical_not(), float.NegativeInfinity) : logits + mask;
        if (rest is [_, _, true, ..])
            logits = logits.masked_fill(ones_like(logits, ScalarType.Bool).tril().logical_not(), float.NegativeInfinity);
        return logits.softmax(-1).MoveToOuterDisposeScope();
    }
}
