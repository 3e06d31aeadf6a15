using static TorchSharp.torch;

namespace TorchSharp.Fx;

public static partial class explain
{
    /// <summary>
    /// The weights of every attention in a model, by node name. They are the results of each <c>softmax</c> over the last of three or more
    /// dimensions, and of each <c>scaled_dot_product_attention</c>, whose weights are recomputed from queries and keys. TorchSharp's own
    /// <c>MultiheadAttention</c> returns only the mean over its heads, which counts as one head.
    /// </summary>
    /// <param name="model">A model that takes one tensor. It is traced into layers that are leaves in feature extraction, such as Vision's
    /// <c>MultiheadAttention</c>. A graph module is used as it is.</param>
    /// <param name="inputs">The inputs, [N, …].</param>
    /// <returns>Weights [N, heads, L, S] in the order of execution; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">There is no attention in the model.</exception>
    public static OrderedDictionary<string, Tensor> attention_maps(nn.Module model, Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputs);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (root, graph, constants) = ExplainedModel.Traced(model, inputs, kwargs => new FollowingTracer(kwargs));
        var reader = new AttentionReader(root, graph, constants);
        reader.run(inputs);
        foreach (var constant in constants.Values)
            constant.Dispose();
        if (reader.Weights.Count == 0)
            throw new ArgumentException(
                "There is no attention in the model: no softmax over the last of three dimensions or more, and no "
                    + "scaled_dot_product_attention"
                + (model is IGraphModule ? " (layers that are leaves of the graph are not looked into: give the model itself)." : "."));
        foreach (var weights in reader.Weights.Values)
            weights.MoveToOuterDisposeScope();
        return reader.Weights;
    }

    /// <summary>
    /// Attention rollout: how much each input token contributes to each final token, assuming that only attention mixes tokens and that the
    /// residual connection carries half: the product of <c>½ meanₕ Aₕ + ½ I</c> over the layers. Abnar and Zuidema, "Quantifying Attention
    /// Flow in Transformers" (2020), arXiv:2005.00928.
    /// </summary>
    /// <param name="attentions">The weights of each layer, the first one first, each [N, heads, L, L].</param>
    /// <returns>[N, L, L]: row <c>i</c> adds up to 1 and has the contribution of each input token to token <c>i</c>.</returns>
    /// <exception cref="ArgumentException">There are no weights, or they are not square.</exception>
    public static Tensor attention_rollout(IReadOnlyList<Tensor> attentions)
    {
        ArgumentNullException.ThrowIfNull(attentions);
        if (attentions.Count == 0)
            throw new ArgumentException("No attention weights are given.", nameof(attentions));
        if (attentions.FirstOrDefault(weights => weights.dim() != 4 || weights.shape[2] != weights.shape[3]
            || weights.shape[3] != attentions[0].shape[^1]) is { } other)
            throw new ArgumentException(
                "Rollout multiplies weights from each token to each, [N, heads, L, L], of the same tokens in all layers; "
                + $"one has the shape [{string.Join(", ", other.shape)}].", nameof(attentions));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var rollout = eye(attentions[0].shape[^1], dtype: attentions[0].dtype, device: attentions[0].device);
        foreach (var weights in attentions)
        {
            var mixed = weights.mean([1]) + eye(weights.shape[^1], dtype: weights.dtype, device: weights.device);
            rollout = (mixed / mixed.sum(-1, keepdim: true)).matmul(rollout);
        }
        return rollout.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Attention rollout of a vision transformer, as a map of the image: the contribution of each patch to the class token or, without one,
    /// to the mean of all tokens.
    /// </summary>
    /// <param name="model">A model that takes one tensor.</param>
    /// <param name="inputs">Images as the model takes them, [N, C, H, W].</param>
    /// <returns>[N, h, w], a number for each patch.</returns>
    /// <exception cref="ArgumentException">The model has no attention, or its layers have different numbers of tokens.</exception>
    public static Tensor attention_rollout(nn.Module model, Tensor inputs)
    {
        using var scope = NewDisposeScope();
        var rollout = attention_rollout([.. attention_maps(model, inputs).Values]);
        var (side, rest) = feature_visualization.Grid(rollout.shape[^1]);
        var seen = rest > 0 ? rollout[TensorIndex.Colon, 0] : rollout.mean([1]);
        return feature_visualization.tokens_to_map(seen.unsqueeze(-1), (side, side)).squeeze(1).MoveToOuterDisposeScope();
    }

    /// <summary>A tracer that looks into layers which feature extraction leaves whole.</summary>
    private sealed class FollowingTracer(TracerKwargs kwargs) : NodePathTracer(kwargs)
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name)
            => m.GetType().Assembly == typeof(nn.Module).Assembly && base.is_leaf_module(m, module_qualified_name);
    }
}
