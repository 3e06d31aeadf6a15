using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;
using Thw = (long t, long h, long w);

namespace TorchSharp.Fx.Vision;

/// <summary>The functions that MViT's modules are written with, each one node of a graph. <c>torchvision.models.video.mvit</c></summary>
/// <remarks>Where torchvision's write to their argument, these return a new tensor: then no other reader of it sees a later
/// value.</remarks>
[FxLeaf]
public static class mvit
{
    /// <summary>Adds a dimension if one is missing, and returns the original rank.</summary>
    /// <exception cref="ArgumentException">The rank is neither the target's nor one less.</exception>
    public static (Tensor x, long tensor_dim) _unsqueeze(Tensor x, long target_dim, long expand_dim)
    {
        ArgumentNullException.ThrowIfNull(x);
        var tensor_dim = x.dim();
        if (tensor_dim == target_dim - 1) return (x.unsqueeze(expand_dim), tensor_dim);
        return tensor_dim == target_dim
            ? (x, tensor_dim) : throw new ArgumentException($"Unsupported input dimension [{string.Join(", ", x.shape)}]", nameof(x));
    }

    /// <summary>Removes the dimension that <see cref="_unsqueeze"/> added.</summary>
    public static Tensor _squeeze(Tensor x, long target_dim, long expand_dim, long tensor_dim)
    {
        ArgumentNullException.ThrowIfNull(x);
        return tensor_dim == target_dim - 1 ? x.squeeze(expand_dim) : x;
    }

    /// <summary>
    /// Adds the query's score for its relative position to each key: [N, heads, 1 + queries, 1 + keys] to the same shape. The class token
    /// has no position and is not changed.
    /// </summary>
    public static Tensor _add_rel_pos(Tensor attn, Tensor q, Thw q_thw, Thw k_thw, Tensor rel_pos_h, Tensor rel_pos_w, Tensor rel_pos_t)
    {
        ArgumentNullException.ThrowIfNull(attn);
        ArgumentNullException.ThrowIfNull(q);
        using var scope = NewDisposeScope();
        var (n, heads, _, dim) = q.shape;
        var r_q = q.narrow(2, 1, q.shape[2] - 1).reshape(n, heads, q_thw.t, q_thw.h, q_thw.w, dim);
        var rel_t = torch.einsum("bythwc,tkc->bythwk", r_q, Distances(rel_pos_t, q_thw.t, k_thw.t));
        var rel_h = torch.einsum("bythwc,hkc->bythwk", r_q, Distances(rel_pos_h, q_thw.h, k_thw.h));
        var rel_w = torch.einsum("bythwc,wkc->bythwk", r_q, Distances(rel_pos_w, q_thw.w, k_thw.w));
        var rel_pos = rel_h.unsqueeze(-2).unsqueeze(-1) + rel_w.unsqueeze(-2).unsqueeze(-2) + rel_t.unsqueeze(-1).unsqueeze(-1);

        var sum = attn.clone();
        sum.narrow(2, 1, attn.shape[2] - 1).narrow(3, 1, attn.shape[3] - 1)
            .add_(rel_pos.reshape(n, heads, attn.shape[2] - 1, attn.shape[3] - 1));
        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>Adds the pooled query to the attention's output, with or without that of the class token.</summary>
    public static Tensor _add_shortcut(Tensor x, Tensor shortcut, bool residual_with_cls_embed)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(shortcut);
        if (residual_with_cls_embed) return x + shortcut;
        using var scope = NewDisposeScope();
        var sum = x.clone();
        sum.narrow(2, 1, x.shape[2] - 1).add_(shortcut.narrow(2, 1, x.shape[2] - 1));
        return sum.MoveToOuterDisposeScope();
    }

    // The embedding of each query's distance from each key along one axis: [queries, keys, dim]
    private static Tensor Distances(Tensor rel_pos, long queries, long keys)
    {
        var q_ratio = Math.Max((double)keys / queries, 1);
        var k_ratio = Math.Max((double)queries / keys, 1);
        var q = torch.arange(queries, device: rel_pos.device).unsqueeze(1) * q_ratio;
        var k = (torch.arange(keys, device: rel_pos.device).unsqueeze(0) + (1 - keys)) * k_ratio;
        return Interpolated(rel_pos, 2 * Math.Max(queries, keys) - 1)[(q - k).to(ScalarType.Int64)];
    }

    private static Tensor Interpolated(Tensor embedding, long size) => embedding.shape[0] == size ? embedding
        : F.interpolate(embedding.permute(1, 0).unsqueeze(0), size: [size], mode: InterpolationMode.Linear, align_corners: false).squeeze(0)
            .permute(1, 0);
}

/// <summary>Pools a sequence over time and space, its class token aside. <c>torchvision.models.video.mvit.Pool</c></summary>
/// <remarks>[N, 1 + T * H * W, C], or with heads [N, heads, 1 + T * H * W, C], to fewer tokens; with the sizes before and after.</remarks>
public sealed class Pool : Module<Tensor, Thw, (Tensor, Thw)>
{
    private readonly Module<Tensor, Tensor> pool;
    private readonly Sequential? norm_act;

    /// <summary>Pools by the given module, which takes [N, C, T, H, W].</summary>
    public Pool(Module<Tensor, Tensor> pool, Module<Tensor, Tensor>? norm = null) : base(nameof(Pool))
    {
        this.pool = pool;
        norm_act = norm is null ? null : Sequential(norm);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override (Tensor, Thw) forward(Tensor x, Thw thw)
    {
        (x, var tensor_dim) = mvit._unsqueeze(x, 4, 1);

        (var class_token, x) = torch.tensor_split(x, [1], 2);
        x = x.transpose(2, 3);
        var (n, heads, c) = x.shape[..3];
        x = x.reshape(n * heads, c, thw.t, thw.h, thw.w).contiguous();

        x = pool.call(x);
        var (t, h, w) = x.shape[2..];
        x = x.reshape(n, heads, c, -1).transpose(2, 3);
        x = torch.cat([class_token, x], 2);
        if (norm_act is not null) x = norm_act.call(x);

        x = mvit._squeeze(x, 4, 1, tensor_dim);
        return (x, (t, h, w));
    }
}

/// <summary>Attention whose queries, keys and values are pooled first. <c>torchvision.models.video.mvit.MultiscaleAttention</c></summary>
public sealed class MultiscaleAttention : Module<Tensor, Thw, (Tensor, Thw)>
{
    private readonly Parameter? rel_pos_h;
    private readonly Parameter? rel_pos_w;
    private readonly Parameter? rel_pos_t;
    private readonly Linear qkv;
    private readonly Sequential project;
    private readonly Pool? pool_q;
    private readonly Pool? pool_k;
    private readonly Pool? pool_v;
    private readonly long output_dim;
    private readonly long num_heads;
    private readonly double scaler;
    private readonly bool residual_pool;
    private readonly bool residual_with_cls_embed;

    internal MultiscaleAttention(Thw input_size, MSBlockConfig cnf, long output_dim, MViTConfig config) : base(nameof(MultiscaleAttention))
    {
        this.output_dim = output_dim;
        num_heads = cnf.num_heads;
        var head_dim = output_dim / num_heads;
        scaler = 1 / Math.Sqrt(head_dim);
        (residual_pool, residual_with_cls_embed) = (config.residual_pool, config.residual_with_cls_embed);

        qkv = Linear(cnf.input_channels, 3 * output_dim, device: config.device);
        var output = Linear(output_dim, output_dim, device: config.device);
        project = config.attention_dropout > 0 ? Sequential(output, Dropout(config.attention_dropout, inplace: true)) : Sequential(output);
        pool_q = Pooling(cnf.kernel_q, cnf.stride_q);
        pool_k = Pooling(cnf.kernel_kv, cnf.stride_kv);
        pool_v = Pooling(cnf.kernel_kv, cnf.stride_kv);
        if (config.rel_pos_embed)
        {
            var size = Math.Max(input_size.h, input_size.w);
            var spatial_dim = 2 * Math.Max(size / cnf.stride_q.h, size / cnf.stride_kv.h) - 1;
            rel_pos_h = Embedding(spatial_dim);
            rel_pos_w = Embedding(spatial_dim);
            rel_pos_t = Embedding(2 * input_size.t - 1);
        }
        RegisterComponents();

        Pool? Pooling(Thw kernel, Thw stride) => kernel == (1, 1, 1) && stride == (1, 1, 1) ? null : new Pool(
            Conv3d(head_dim, head_dim, kernel, stride, (kernel.t / 2, kernel.h / 2, kernel.w / 2), groups: head_dim, bias: false,
                device: config.device), config.norm_layer(head_dim));

        Parameter Embedding(long distances)
        {
            var embedding = new Parameter(torch.empty(distances, head_dim, device: config.device));
            init.normal_(embedding, std: 0.02);
            return embedding;
        }
    }

    /// <inheritdoc/>
    public override (Tensor, Thw) forward(Tensor x, Thw thw)
    {
        var (n, tokens, _) = x.shape;
        var (q, k, v) = qkv.call(x).reshape(n, tokens, 3, num_heads, output_dim / num_heads).transpose(1, 3).unbind(2);

        var k_thw = thw;
        if (pool_k is not null) (k, k_thw) = pool_k.call(k, thw);
        if (pool_v is not null) v = pool_v.call(v, thw).Item1;
        if (pool_q is not null) (q, thw) = pool_q.call(q, thw);

        var attn = torch.matmul(scaler * q, k.transpose(2, 3));
        if (rel_pos_h is not null && rel_pos_w is not null && rel_pos_t is not null)
            attn = mvit._add_rel_pos(attn, q, thw, k_thw, rel_pos_h, rel_pos_w, rel_pos_t);
        attn = attn.softmax(-1);

        x = torch.matmul(attn, v);
        if (residual_pool) x = mvit._add_shortcut(x, q, residual_with_cls_embed);
        x = x.transpose(1, 2).reshape(n, -1, output_dim);
        x = project.call(x);
        return (x, thw);
    }
}
