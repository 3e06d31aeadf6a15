using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Thw = (long t, long h, long w);

namespace TorchSharp.Fx.Vision;

/// <summary>
/// One block of an MViT: its widths, and the pooling of its attention over (frames, height, width).
/// <c>torchvision.models.video.mvit.MSBlockConfig</c>
/// </summary>
/// <param name="num_heads">How many heads the attention has.</param>
/// <param name="input_channels">Channels of the input.</param>
/// <param name="output_channels">Channels of the output.</param>
/// <param name="kernel_q">The pooling kernel of the queries; (1, 1, 1) with stride (1, 1, 1) for no pooling.</param>
/// <param name="kernel_kv">The pooling kernel of the keys and values.</param>
/// <param name="stride_q">The pooling's stride for queries, and so for the block's output.</param>
/// <param name="stride_kv">The pooling's stride for keys and values.</param>
public sealed record MSBlockConfig(long num_heads, long input_channels, long output_channels, Thw kernel_q, Thw kernel_kv, Thw stride_q,
    Thw stride_kv);

/// <summary>The settings that all blocks of an MViT share.</summary>
/// <param name="residual_pool">Whether the pooled queries are added to the attention's output, as in v2.</param>
/// <param name="residual_with_cls_embed">Whether the class token's is added as well.</param>
/// <param name="rel_pos_embed">Whether positions are relative, as in v2, or absolute.</param>
/// <param name="proj_after_attn">Whether the attention changes the number of channels, as in v2, or the MLP.</param>
/// <param name="attention_dropout">The probability of dropping an element in a block.</param>
/// <param name="norm_layer">Builds the norms.</param>
/// <param name="device">The device of the weights; null for the default device.</param>
internal sealed record MViTConfig(
    bool residual_pool, bool residual_with_cls_embed, bool rel_pos_embed, bool proj_after_attn, double attention_dropout,
    NormLayer norm_layer, Device? device);

/// <summary>Multiscale vision transformer: Fan et al., "Multiscale Vision Transformers" (2021), and Li et al., "MViTv2" (2021).</summary>
/// <remarks><c>torchvision.models.video.MViT</c>. Videos [N, 3, temporal_size, spatial_size] to logits [N, num_classes].</remarks>
public sealed class MViT : Module<Tensor, Tensor>
{
    private readonly Conv3d conv_proj;
    private readonly MViTPositionalEncoding pos_encoding;
    private readonly ModuleList<MultiscaleBlock> blocks;
    private readonly Module<Tensor, Tensor> norm;
    private readonly Sequential head;
    private readonly Thw patches;

    /// <summary>Initialises random weights.</summary>
    /// <param name="spatial_size">Height and width of the videos.</param>
    /// <param name="temporal_size">How many frames the videos have.</param>
    /// <param name="block_setting">The blocks.</param>
    /// <param name="residual_pool">Whether the pooled queries are added to the attention's output, as in v2.</param>
    /// <param name="residual_with_cls_embed">Whether the class token's is added as well.</param>
    /// <param name="rel_pos_embed">Whether positions are relative, as in v2, or absolute.</param>
    /// <param name="proj_after_attn">Whether the attention changes the number of channels, as in v2, or the MLP.</param>
    /// <param name="dropout">The probability of dropping an element before the classifier.</param>
    /// <param name="attention_dropout">The probability of dropping an element in a block.</param>
    /// <param name="stochastic_depth_prob">The probability of skipping the last block; the earlier ones are less likely, down to 0.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms; null is layer norm.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">There are no blocks.</exception>
    public MViT(
        (long h, long w) spatial_size, long temporal_size, IReadOnlyList<MSBlockConfig> block_setting, bool residual_pool,
        bool residual_with_cls_embed, bool rel_pos_embed, bool proj_after_attn,
        double dropout = 0.5, double attention_dropout = 0, double stochastic_depth_prob = 0, long num_classes = 400,
        NormLayer? norm_layer = null, Device? device = null) : base(nameof(MViT))
    {
        ArgumentNullException.ThrowIfNull(block_setting);
        if (block_setting.Count == 0)
            throw new ArgumentException("The configuration parameter can't be empty: block_setting has no blocks.", nameof(block_setting));
        norm_layer ??= features => LayerNorm(features, eps: 1e-6, device: device);
        var config =
            new MViTConfig(residual_pool, residual_with_cls_embed, rel_pos_embed, proj_after_attn, attention_dropout, norm_layer, device);
        var (first, last) = (block_setting[0], block_setting[^1]);

        conv_proj = Conv3d(3, first.input_channels, kernel_size: (3, 7, 7), stride: (2, 4, 4), padding: (1, 3, 3), device: device);
        patches = (temporal_size / 2, spatial_size.h / 4, spatial_size.w / 4);
        pos_encoding = new MViTPositionalEncoding(first.input_channels, patches, rel_pos_embed, device);
        blocks = new ModuleList<MultiscaleBlock>();
        var size = patches;
        foreach (var cnf in block_setting)
        {
            blocks.Add(new MultiscaleBlock(size, cnf, stochastic_depth_prob * blocks.Count / (block_setting.Count - 1.0), config));
            size = (size.t / cnf.stride_q.t, size.h / cnf.stride_q.h, size.w / cnf.stride_q.w);
        }
        norm = norm_layer(last.output_channels);
        head = Sequential(Dropout(dropout, inplace: true), Linear(last.output_channels, num_classes, device: device));
        RegisterComponents();
        foreach (var linear in modules().OfType<Linear>())
        {
            init.normal_(linear.weight, std: 0.02);
            init.zeros_(linear.bias);
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        // An image is a video of one frame.
        x = mvit._unsqueeze(x, 5, 2).x;
        x = conv_proj.call(x);
        x = x.flatten(2).transpose(1, 2);

        x = pos_encoding.call(x);

        var thw = patches;
        foreach (var block in blocks) (x, thw) = block.call(x, thw);
        x = norm.call(x);

        // The class token stands for the video.
        x = x[TensorIndex.Colon, 0];
        x = head.call(x);
        return x;
    }
}

/// <summary>
/// Prepends the class token and, unless positions are relative, adds the position embeddings.
/// <c>torchvision.models.video.mvit.PositionalEncoding</c>
/// </summary>
public sealed class MViTPositionalEncoding : Module<Tensor, Tensor>
{
    private readonly Parameter class_token;
    private readonly Parameter? spatial_pos;
    private readonly Parameter? temporal_pos;
    private readonly Parameter? class_pos;
    private readonly long temporal_size;

    internal MViTPositionalEncoding(long embed_size, Thw size, bool rel_pos_embed, Device? device) : base("PositionalEncoding")
    {
        temporal_size = size.t;
        class_token = new Parameter(torch.empty(embed_size, device: device));
        if (!rel_pos_embed)
        {
            spatial_pos = new Parameter(torch.empty(size.h * size.w, embed_size, device: device));
            temporal_pos = new Parameter(torch.empty(temporal_size, embed_size, device: device));
            class_pos = new Parameter(torch.empty(embed_size, device: device));
        }
        RegisterComponents();
        foreach (var parameter in parameters()) init.normal_(parameter, std: 0.02);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var tokens = class_token.expand(x.size(0), -1).unsqueeze(1);
        x = torch.cat([tokens, x], 1);

        if (spatial_pos is not null && temporal_pos is not null && class_pos is not null)
        {
            var (hw_size, embed_size) = spatial_pos.shape;
            var pos_embedding = torch.repeat_interleave(temporal_pos, hw_size, dim: 0);
            pos_embedding.add_(spatial_pos.unsqueeze(0).expand(temporal_size, -1, -1).reshape(-1, embed_size));
            pos_embedding = torch.cat([class_pos.unsqueeze(0), pos_embedding], 0).unsqueeze(0);
            x.add_(pos_embedding);
        }
        return x;
    }
}

/// <summary>Attention that may pool, and an MLP, each around a shortcut. <c>torchvision.models.video.mvit.MultiscaleBlock</c></summary>
public sealed class MultiscaleBlock : Module<Tensor, Thw, (Tensor, Thw)>
{
    private readonly Pool? pool_skip;
    private readonly Module<Tensor, Tensor> norm1;
    private readonly Module<Tensor, Tensor> norm2;
    private readonly MultiscaleAttention attn;
    private readonly MLP mlp;
    private readonly StochasticDepth stochastic_depth;
    private readonly Linear? project;
    private readonly bool proj_after_attn;

    internal MultiscaleBlock(Thw input_size, MSBlockConfig cnf, double stochastic_depth_prob, MViTConfig config)
        : base(nameof(MultiscaleBlock))
    {
        proj_after_attn = config.proj_after_attn;
        pool_skip = cnf.stride_q == (1, 1, 1) ? null : new Pool(Skip(cnf.stride_q));
        var attn_dim = proj_after_attn ? cnf.output_channels : cnf.input_channels;
        norm1 = config.norm_layer(cnf.input_channels);
        norm2 = config.norm_layer(attn_dim);
        attn = new MultiscaleAttention(input_size, cnf, attn_dim, config);
        mlp = new MLP(attn_dim, [4 * attn_dim, cnf.output_channels], activation_layer: inplace => GELU(), dropout: config.attention_dropout,
            device: config.device);
        stochastic_depth = new StochasticDepth(stochastic_depth_prob, "row");
        project = cnf.input_channels == cnf.output_channels ? null : Linear(cnf.input_channels, cnf.output_channels, device: config.device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override (Tensor, Thw) forward(Tensor x, Thw thw)
    {
        var x_norm1 = norm1.call(x);
        var (x_attn, thw_new) = attn.call(x_norm1, thw);
        if (project is not null && proj_after_attn) x = project.call(x_norm1);
        var x_skip = pool_skip is null ? x : pool_skip.call(x, thw).Item1;
        x = x_skip + stochastic_depth.call(x_attn);

        var x_norm2 = norm2.call(x);
        var x_proj = project is null || proj_after_attn ? x : project.call(x_norm2);
        return (x_proj + stochastic_depth.call(mlp.call(x_norm2)), thw_new);
    }

    // Where the stride is s, the kernel is s + 1.
    private static MaxPool3d Skip(Thw stride)
    {
        var kernel = (t: Kernel(stride.t), h: Kernel(stride.h), w: Kernel(stride.w));
        return MaxPool3d(kernel, stride, (kernel.t / 2, kernel.h / 2, kernel.w / 2));

        static long Kernel(long stride) => stride > 1 ? stride + 1 : 1;
    }
}

public static partial class models
{
    private static ModelInfo[] mvits =>
    [
        new("mvit_v1_b", 36_610_672, [3, 16, 224, 224], (classes, device) => mvit_v1_b(classes, device: device)) { num_classes = 400 },
        new("mvit_v2_s", 34_537_744, [3, 16, 224, 224], (classes, device) => mvit_v2_s(classes, device: device)) { num_classes = 400 },
    ];

    private static readonly long[] mvit_heads = [1, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8];

    // The blocks before which the resolution is halved, and by how much keys and values have been pooled less by then.
    private static Thw mvit_stride_q(int block) => block is 1 or 3 or 14 ? (1, 2, 2) : (1, 1, 1);

    private static Thw mvit_stride_kv(int block) => block switch { 0 => (1, 8, 8), < 3 => (1, 4, 4), < 14 => (1, 2, 2), _ => (1, 1, 1) };

    /// <summary>MViT v1-B. <c>torchvision.models.video.mvit_v1_b</c></summary>
    public static MViT mvit_v1_b(long num_classes = 400, double stochastic_depth_prob = 0.2, Device? device = null)
    {
        long[] channels = [96, 192, 192, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 768, 768, 768];
        return new(
            (224, 224), 16,
            [.. mvit_heads.Select((heads, i) => new MSBlockConfig(
                heads, channels[i], channels[i + 1], mvit_stride_q(i) == (1, 1, 1) ? (1, 1, 1) : (3, 3, 3), (3, 3, 3), mvit_stride_q(i),
                mvit_stride_kv(i)))],
            residual_pool: false, residual_with_cls_embed: false, rel_pos_embed: false, proj_after_attn: false,
            stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes, device: device);
    }

    /// <summary>MViT v2-S. <c>torchvision.models.video.mvit_v2_s</c></summary>
    public static MViT mvit_v2_s(long num_classes = 400, double stochastic_depth_prob = 0.2, Device? device = null)
    {
        long[] channels = [96, 96, 192, 192, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 384, 768, 768];
        return new(
            (224, 224), 16,
            [.. mvit_heads.Select((heads, i) =>
                new MSBlockConfig(heads, channels[i], channels[i + 1], (3, 3, 3), (3, 3, 3), mvit_stride_q(i), mvit_stride_kv(i)))],
            residual_pool: true, residual_with_cls_embed: false, rel_pos_embed: true, proj_after_attn: true,
            stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes, device: device);
    }
}
