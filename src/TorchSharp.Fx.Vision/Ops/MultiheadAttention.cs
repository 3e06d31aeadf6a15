using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Multi-head attention with the batch in front: Vaswani et al., "Attention Is All You Need" (2017).</summary>
/// <remarks>
/// <c>torch.nn.MultiheadAttention(batch_first=True)</c>, called with <c>need_weights=False</c>: TorchSharp's own has neither option, nor a
/// device parameter. Three tensors [N, L, embed_dim], [N, S, embed_dim] and [N, S, embed_dim] to [N, L, embed_dim], and null for the
/// attention weights.
/// </remarks>
[FxLeaf(Draws = true)]
public sealed class MultiheadAttention : Module<Tensor, Tensor, Tensor, Tuple<Tensor, Tensor?>>
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Linear out_proj;
    private readonly long num_heads;
    private readonly double dropout;

    /// <summary>Initialises random weights.</summary>
    /// <exception cref="ArgumentException">The heads don't divide the dimension.</exception>
    public MultiheadAttention(long embed_dim, long num_heads, double dropout = 0, Device? device = null) : base(nameof(MultiheadAttention))
    {
        if (embed_dim % num_heads != 0)
            throw new ArgumentException(
                $"{num_heads} heads can't share {embed_dim} channels evenly; choose an embed_dim that num_heads divides.",
                nameof(num_heads));
        this.num_heads = num_heads;
        this.dropout = dropout;
        in_proj_weight = new Parameter(torch.empty(3 * embed_dim, embed_dim, device: device));
        in_proj_bias = new Parameter(torch.zeros(3 * embed_dim, device: device));
        out_proj = Linear(embed_dim, embed_dim, device: device);
        RegisterComponents();
        init.xavier_uniform_(in_proj_weight);
        init.zeros_(out_proj.bias);
    }

    /// <inheritdoc/>
    public override Tuple<Tensor, Tensor?> forward(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        var weight = in_proj_weight.chunk(3);
        var bias = in_proj_bias.chunk(3);
        var q = Heads(F.linear(query, weight[0], bias[0]));
        var k = Heads(F.linear(key, weight[1], bias[1]));
        var v = Heads(F.linear(value, weight[2], bias[2]));
        var x = F.scaled_dot_product_attention(q, k, v, p: training ? dropout : 0);
        x = out_proj.call(x.transpose(1, 2).flatten(2));
        return new(x.MoveToOuterDisposeScope(), null);
    }

    // [N, L, embed_dim] to [N, heads, L, embed_dim / heads]
    private Tensor Heads(Tensor x) => x.unflatten(2, num_heads, -1).transpose(1, 2);
}
