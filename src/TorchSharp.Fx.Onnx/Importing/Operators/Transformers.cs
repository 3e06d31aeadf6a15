using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>The operators of transformers in opset 23.</summary>
internal static class Transformers
{
    internal static void AddTo(OperatorTable table)
    {
        table.AddAll("Attention", Attention);
        table.Add("RotaryEmbedding", Rotate);
    }

    /// <summary>How heads are divided.</summary>
    /// <param name="Queries">The number of heads of queries where inputs have three dimensions; 0 where they have four.</param>
    /// <param name="Keys">The number of heads of keys and values.</param>
    /// <param name="Scale">The factor of the products; the root of the heads' size divides where it is 0.</param>
    /// <param name="IsCausal">Whether a query sees only what came before it.</param>
    /// <param name="Cap">The limit that products are bent to; none where 0.</param>
    private sealed record Heads(long Queries, long Keys, double Scale, bool IsCausal, double Cap);

    private static Value[] Attention(OnnxNode node)
    {
        var heads = new Heads(node.Rank() == 3 ? node.Attributes.Int("q_num_heads") : 0, node.Rank() == 3
            ? node.Attributes.Int("kv_num_heads") : 0, node.Attributes.Float("scale", 0), node.Attributes.Flag("is_causal"),
            node.Attributes.Float("softcap", 0));
        node.Attributes.Ignore("softmax_precision", "q_num_heads", "kv_num_heads");
        if (node.Outputs > 3 || node.Optional(6) is not null)
            throw new NotSupportedException("its products, and lengths of what was padded, are not known");
        var (hasMask, hasPast, isBool) = (node.Optional(3) is not null, node.Optional(4) is not null,
            node.Optional(3)?.Type == ScalarType.Bool);
        var (type, shape) = (node.Type(), node.Rank() == 3 ? Sizes.OfRank(3) : Sizes.OfRank(4));
        return node.MakeAll((Tensor q, Tensor k, Tensor v, Tensor mask, Tensor pastKey, Tensor pastValue) =>
            Attended(q, k, v, hasMask ? mask : null, isBool, hasPast ? pastKey : null, pastValue, heads),
            [(type, shape), (type, Sizes.OfRank(4)), (type, Sizes.OfRank(4))], [.. Enumerable.Range(0, 6).Select(node.TensorOrNull)]);
    }

    private static Tensor[] Attended(Tensor q, Tensor k, Tensor v, Tensor? mask, bool isBool, Tensor? pastKey, Tensor? pastValue,
        Heads heads)
    {
        if (heads.Queries > 0)
            (q, k, v) = (Split(q, heads.Queries), Split(k, heads.Keys), Split(v, heads.Keys));
        if (pastKey is not null)
            (k, v) = (cat([pastKey, k], 2), cat([pastValue!, v], 2));
        // Heads of keys are shared by as many queries as fit.
        var (keys, values) = (Shared(k, q), Shared(v, q));
        var products = q.matmul(keys.transpose(-1, -2)).mul(heads.Scale == 0 ? 1 / Math.Sqrt(q.shape[3]) : heads.Scale);
        if (heads.Cap > 0)
            products = products.div(heads.Cap).tanh().mul(heads.Cap);
        if (mask is not null)
            products = isBool ? products.masked_fill(mask.logical_not(), double.NegativeInfinity) : products.add(mask);
        if (heads.IsCausal)
            products = products.masked_fill(ones(new[] { q.shape[2], keys.shape[2] },
                ScalarType.Bool).triu(1 + (pastKey is null ? 0 : pastKey.shape[2])), double.NegativeInfinity);
        var result = products.softmax(-1).matmul(values);
        return [heads.Queries > 0 ? result.transpose(1, 2).flatten(2) : result, k, v];
    }

    private static Tensor Split(Tensor x, long heads) => x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

    private static Tensor Shared(Tensor x, Tensor like)
        => x.unsqueeze(2).tile([1, 1, like.shape[1] / x.shape[1], 1, 1]).reshape(x.shape[0], like.shape[1], x.shape[2], x.shape[3]);

    private static TensorValue Rotate(OnnxNode node)
    {
        var (heads, part, interleaved, hasPlaces, rank) =
            (node.Attributes.Int("num_heads", 0), node.Attributes.Int("rotary_embedding_dim", 0), node.Attributes.Flag("interleaved"),
            node.Optional(3) is not null, node.Rank());
        return node.Alike((Tensor x, Tensor cosines, Tensor sines, Tensor places) =>
            Rotated(x, cosines, sines, hasPlaces ? places : null, heads, part, interleaved, rank),
            node.Tensor(), node.Tensor(1), node.Tensor(2), node.TensorOrNull(3));
    }

    private static Tensor Rotated(Tensor x, Tensor cosines, Tensor sines, Tensor? places, long heads, long part, bool interleaved, int rank)
    {
        // Batch, sequence, heads, size.
        var input = rank == 4 ? x.transpose(1, 2) : x.reshape(x.shape[0], x.shape[1], heads, -1);
        var turned = part == 0 ? input : input.narrow(-1, 0, part);
        var (cosine, sine) = places is null ? (cosines, sines) : (cosines[TensorIndex.Tensor(places)], sines[TensorIndex.Tensor(places)]);
        (cosine, sine) = (cosine.unsqueeze(2), sine.unsqueeze(2));
        var half = turned.shape[3] / 2;
        var (a, b) = interleaved ? (turned.slice(-1, 0, long.MaxValue, 2), turned.slice(-1, 1, long.MaxValue, 2))
            : (turned.narrow(-1, 0, half), turned.narrow(-1, half, half));
        var (real, imaginary) = (a.mul(cosine).sub(b.mul(sine)), b.mul(cosine).add(a.mul(sine)));
        var result = interleaved ? stack([real, imaginary], -1).flatten(-2) : cat([real, imaginary], -1);
        if (part != 0)
            result = cat([result, input.slice(-1, part, long.MaxValue, 1)], -1);
        return rank == 4 ? result.transpose(1, 2) : result.reshape(x.shape);
    }
}
