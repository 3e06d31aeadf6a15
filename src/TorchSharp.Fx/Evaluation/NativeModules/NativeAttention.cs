using static TorchSharp.torch;
using functional = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The computation of libtorch's <c>MultiheadAttention</c>, in TorchSharp's operations and in the same order, random draws included.
/// Counterpart: <c>torch.nn.functional.multi_head_attention_forward</c>.
/// </summary>
/// <param name="module">The module that has the weights.</param>
/// <param name="prefix">Where in it they are.</param>
internal sealed class NativeAttention(nn.Module module, string prefix)
{
    private Tensor? Weight(string name) => module.get_parameter(prefix + name);

    /// <summary>The attention's output, as long as the query.</summary>
    internal Tensor Run(Tensor query, Tensor key, Tensor value, long heads, double dropout, bool training, bool addZeros = false)
    {
        var (length, batch, size) = (query.shape[0], query.shape[1], query.shape[2]);
        var (q, k, v) = Projected(query, key, value, size);
        q = q * Math.Pow(size / heads, -0.5);
        if (Weight("bias_k") is { } more)
            (k, v) = (cat([k, more.repeat(1, batch, 1)]), cat([v, Weight("bias_v")!.repeat(1, batch, 1)]));
        (q, k, v) = (Split(q), Split(k), Split(v));
        if (addZeros)
            (k, v) = (Padded(k), Padded(v));
        var attention = functional.dropout(bmm(q, k.transpose(1, 2)).softmax(-1), dropout, training);
        var joined = bmm(attention, v).transpose(0, 1).contiguous().view(length, batch, size);
        return functional.linear(joined, Weight("out_proj.weight")!, Weight("out_proj.bias"));

        Tensor Split(Tensor projected) => projected.contiguous().view(-1, batch * heads, size / heads).transpose(0, 1);

        static Tensor Padded(Tensor split) => cat([split, zeros_like(split[TensorIndex.Colon, TensorIndex.Slice(0, 1)])], 1);
    }

    private (Tensor, Tensor, Tensor) Projected(Tensor query, Tensor key, Tensor value, long size)
    {
        var biases = Weight("in_proj_bias")?.chunk(3);
        var weights = Weight("in_proj_weight")?.chunk(3) ?? [Weight("q_proj_weight")!, Weight("k_proj_weight")!, Weight("v_proj_weight")!];
        return (functional.linear(query, weights[0], biases?[0]), functional.linear(key, weights[1], biases?[1]),
            functional.linear(value, weights[2], biases?[2]));
    }
}
