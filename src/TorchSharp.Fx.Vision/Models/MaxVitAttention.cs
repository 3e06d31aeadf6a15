using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Multi-head attention inside each group, with a learned bias for each relative position.
/// <c>torchvision.models.maxvit.RelativePositionalMultiHeadAttention</c>
/// </summary>
/// <remarks>[N, groups, tokens, channels] to the same shape.</remarks>
public sealed class RelativePositionalMultiHeadAttention : Module<Tensor, Tensor>
{
    private readonly Parameter relative_position_bias_table;
    private readonly Tensor relative_position_index;
    private readonly Linear to_qkv;
    private readonly Linear merge;
    private readonly long n_heads;
    private readonly long head_dim;
    private readonly long max_seq_len;
    private readonly double scale_factor;

    /// <summary>Initialises random weights for groups of <paramref name="size"/> × <paramref name="size"/> tokens.</summary>
    /// <exception cref="ArgumentException">The heads don't divide the channels.</exception>
    public RelativePositionalMultiHeadAttention(long feat_dim, long head_dim, long size, Device? device = null)
        : base(nameof(RelativePositionalMultiHeadAttention))
    {
        if (feat_dim % head_dim != 0)
            throw new ArgumentException(
                $"Heads of {head_dim} channels can't share {feat_dim} channels evenly; choose a head_dim that divides them.",
                nameof(head_dim));
        n_heads = feat_dim / head_dim;
        this.head_dim = head_dim;
        max_seq_len = size * size;
        scale_factor = 1 / Math.Sqrt(feat_dim);
        relative_position_bias_table = new Parameter(torch.empty((2 * size - 1) * (2 * size - 1), n_heads, device: device));
        relative_position_index = WindowAttention.RelativePositionIndex([size, size], device);
        to_qkv = Linear(feat_dim, 3 * feat_dim, device: device);
        merge = Linear(feat_dim, feat_dim, device: device);
        register_buffer(nameof(relative_position_index), relative_position_index);
        RegisterComponents();
        init.normal_(relative_position_bias_table, std: 0.02);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var (n, groups, tokens, channels) = x.shape;

        var qkv = to_qkv.call(x);
        var (q, k, v) = torch.chunk(qkv, 3, -1);
        q = q.reshape(n, groups, tokens, n_heads, head_dim).permute(0, 1, 3, 2, 4);
        k = k.reshape(n, groups, tokens, n_heads, head_dim).permute(0, 1, 3, 2, 4);
        v = v.reshape(n, groups, tokens, n_heads, head_dim).permute(0, 1, 3, 2, 4);

        k = k * scale_factor;
        var dot_prod = torch.einsum("B G H I D, B G H J D -> B G H I J", q, k);
        var pos_bias = GetRelativePositionalBias();
        dot_prod = F.softmax(dot_prod + pos_bias, -1);

        var y = torch.einsum("B G H I J, B G H J D -> B G H I D", dot_prod, v);
        y = y.permute(0, 1, 3, 2, 4).reshape(n, groups, tokens, channels);
        return merge.call(y);
    }

    // [1, heads, tokens, tokens]
    private Tensor GetRelativePositionalBias()
    {
        var bias_index = relative_position_index.view(-1);
        var relative_bias = relative_position_bias_table[bias_index].view(max_seq_len, max_seq_len, -1);
        relative_bias = relative_bias.permute(2, 0, 1).contiguous();
        return relative_bias.unsqueeze(0);
    }
}

/// <summary>Exchanges two axes. <c>torchvision.models.maxvit.SwapAxes</c></summary>
public sealed class SwapAxes : Module<Tensor, Tensor>
{
    private readonly long a;
    private readonly long b;

    /// <summary>Exchanges axes <paramref name="a"/> and <paramref name="b"/>.</summary>
    public SwapAxes(long a, long b) : base(nameof(SwapAxes)) => (this.a, this.b) = (a, b);

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => torch.swapaxes(x, a, b);
}

/// <summary>
/// Cuts an image into windows of p × p: [N, C, H, W] to [N, H / p * W / p, p * p, C]. <c>torchvision.models.maxvit.WindowPartition</c>
/// </summary>
public sealed class WindowPartition() : Module<Tensor, long, Tensor>(nameof(WindowPartition))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor x, long p)
    {
        var (n, c, h, w) = x.shape;
        x = x.reshape(n, c, h / p, p, w / p, p);
        x = x.permute(0, 2, 4, 3, 5, 1);
        return x.reshape(n, h / p * (w / p), p * p, c);
    }
}

/// <summary>
/// Puts windows together again: [N, rows * columns, p * p, C] to [N, C, rows * p, columns * p].
/// <c>torchvision.models.maxvit.WindowDepartition</c>
/// </summary>
public sealed class WindowDepartition() : Module<Tensor, long, long, long, Tensor>(nameof(WindowDepartition))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor x, long p, long h_partitions, long w_partitions)
    {
        var (n, _, _, c) = x.shape;
        x = x.reshape(n, h_partitions, w_partitions, p, p, c);
        x = x.permute(0, 5, 1, 3, 2, 4);
        return x.reshape(n, c, h_partitions * p, w_partitions * p);
    }
}

/// <summary>
/// Attention and an MLP over windows, or over a grid that spans the image. <c>torchvision.models.maxvit.PartitionAttentionLayer</c>
/// </summary>
/// <remarks>[N, in_channels, H, W] to the same shape.</remarks>
public sealed class PartitionAttentionLayer : Module<Tensor, Tensor>
{
    private readonly WindowPartition partition_op;
    private readonly WindowDepartition departition_op;
    private readonly Module<Tensor, Tensor> partition_swap;
    private readonly Module<Tensor, Tensor> departition_swap;
    private readonly Sequential attn_layer;
    private readonly Sequential mlp_layer;
    private readonly StochasticDepth stochastic_dropout;
    private readonly (long h, long w) grid_size;
    private readonly long p;

    /// <summary>Initialises random weights; <paramref name="partition_type"/> is "window" or "grid".</summary>
    /// <exception cref="ArgumentException">The partition type doesn't exist, or the partitions don't divide the image.</exception>
    public PartitionAttentionLayer(
        long in_channels, long head_dim, long partition_size, string partition_type, (long h, long w) grid_size, long mlp_ratio,
        ActivationLayer activation_layer, NormLayer norm_layer,
        double attention_dropout, double mlp_dropout, double p_stochastic_dropout, Device? device = null)
            : base(nameof(PartitionAttentionLayer))
    {
        ArgumentNullException.ThrowIfNull(activation_layer);
        ArgumentNullException.ThrowIfNull(norm_layer);
        if (partition_type is not ("window" or "grid"))
            throw new ArgumentException($"Attention is over a \"window\" or a \"grid\"; there is no partition_type \"{partition_type}\".",
                nameof(partition_type));
        if (grid_size.h % partition_size != 0 || grid_size.w % partition_size != 0)
            throw new ArgumentException(
                $"A grid of {grid_size.h} × {grid_size.w} can't be cut into partitions of {partition_size} × {partition_size}.",
                nameof(grid_size));
        var grid = partition_type == "grid";
        this.grid_size = grid_size;
        p = grid ? grid_size.h / partition_size : partition_size;

        partition_op = new WindowPartition();
        departition_op = new WindowDepartition();
        // A grid's tokens lie one partition apart: swapped, they are a group.
        partition_swap = grid ? new SwapAxes(-2, -3) : Identity();
        departition_swap = grid ? new SwapAxes(-2, -3) : Identity();
        attn_layer =
            Sequential(norm_layer(in_channels), new RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size, device),
                Dropout(attention_dropout));
        mlp_layer = Sequential(
            LayerNorm(in_channels, device: device),
            Linear(in_channels, in_channels * mlp_ratio, device: device),
            activation_layer(false),
            Linear(in_channels * mlp_ratio, in_channels, device: device),
            Dropout(mlp_dropout));
        stochastic_dropout = new StochasticDepth(p_stochastic_dropout, "row");
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = partition_op.call(x, p);
        x = partition_swap.call(x);
        x = x + stochastic_dropout.call(attn_layer.call(x));
        x = x + stochastic_dropout.call(mlp_layer.call(x));
        x = departition_swap.call(x);
        return departition_op.call(x, p, grid_size.h / p, grid_size.w / p);
    }
}
