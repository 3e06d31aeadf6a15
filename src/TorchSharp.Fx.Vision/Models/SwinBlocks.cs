using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Builds one block of a Swin transformer, as torchvision's <c>block</c> arguments do.</summary>
public delegate Module<Tensor, Tensor> SwinBlock(
    long dim, long num_heads, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, double mlp_ratio, double dropout,
    double attention_dropout,
    double stochastic_depth_prob, NormLayer norm_layer, Device? device);

/// <summary>Builds what halves the resolution between two stages, as torchvision's <c>downsample_layer</c> arguments do.</summary>
public delegate Module<Tensor, Tensor> DownsampleLayer(long dim, NormLayer norm_layer, Device? device);

/// <summary>
/// Halves the resolution and doubles the channels: norm, then reduction. <c>torchvision.models.swin_transformer.PatchMerging</c>
/// </summary>
/// <remarks>[..., H, W, dim] to [..., H / 2, W / 2, 2 dim].</remarks>
public sealed class PatchMerging : Module<Tensor, Tensor>
{
    private readonly Linear reduction;
    private readonly Module<Tensor, Tensor> norm;

    /// <summary>Initialises random weights.</summary>
    public PatchMerging(long dim, NormLayer norm_layer, Device? device = null) : base(nameof(PatchMerging))
    {
        ArgumentNullException.ThrowIfNull(norm_layer);
        reduction = Linear(4 * dim, 2 * dim, hasBias: false, device: device);
        norm = norm_layer(4 * dim);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = swin_transformer._patch_merging_pad(x);
        x = norm.call(x);
        x = reduction.call(x);
        return x;
    }
}

/// <summary>
/// Halves the resolution and doubles the channels: reduction, then norm. <c>torchvision.models.swin_transformer.PatchMergingV2</c>
/// </summary>
/// <remarks>[..., H, W, dim] to [..., H / 2, W / 2, 2 dim].</remarks>
public sealed class PatchMergingV2 : Module<Tensor, Tensor>
{
    private readonly Linear reduction;
    private readonly Module<Tensor, Tensor> norm;

    /// <summary>Initialises random weights.</summary>
    public PatchMergingV2(long dim, NormLayer norm_layer, Device? device = null) : base(nameof(PatchMergingV2))
    {
        ArgumentNullException.ThrowIfNull(norm_layer);
        reduction = Linear(4 * dim, 2 * dim, hasBias: false, device: device);
        norm = norm_layer(2 * dim);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = swin_transformer._patch_merging_pad(x);
        x = reduction.call(x);
        x = norm.call(x);
        return x;
    }
}

/// <summary>
/// Attention and an MLP, each around a shortcut and after a norm. <c>torchvision.models.swin_transformer.SwinTransformerBlock</c>
/// </summary>
public class SwinTransformerBlock : Module<Tensor, Tensor>
{
    // Not private: components are registered by the fields that the derived class sees.
    private protected readonly Module<Tensor, Tensor> norm1;
    private protected readonly Module<Tensor, Tensor> attn;
    private protected readonly StochasticDepth stochastic_depth;
    private protected readonly Module<Tensor, Tensor> norm2;
    private protected readonly MLP mlp;

    /// <summary>Initialises random weights around the given attention.</summary>
    public SwinTransformerBlock(long dim, Module<Tensor, Tensor> attn, double mlp_ratio, double dropout, double stochastic_depth_prob,
        NormLayer norm_layer, Device? device = null)
        : this(nameof(SwinTransformerBlock), dim, attn, mlp_ratio, dropout, stochastic_depth_prob, norm_layer, device)
    {
    }

    private protected SwinTransformerBlock(
        string name, long dim, Module<Tensor, Tensor> attn, double mlp_ratio, double dropout, double stochastic_depth_prob,
        NormLayer norm_layer, Device? device) : base(name)
    {
        ArgumentNullException.ThrowIfNull(norm_layer);
        norm1 = norm_layer(dim);
        this.attn = attn;
        stochastic_depth = new StochasticDepth(stochastic_depth_prob, "row");
        norm2 = norm_layer(dim);
        mlp = TransformerMLP.Create(dim, [(long)(dim * mlp_ratio), dim], dropout, device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = x + stochastic_depth.call(attn.call(norm1.call(x)));
        x = x + stochastic_depth.call(mlp.call(norm2.call(x)));
        return x;
    }

    internal static SwinTransformerBlock Create(
        long dim, long num_heads, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, double mlp_ratio, double dropout,
        double attention_dropout,
        double stochastic_depth_prob, NormLayer norm_layer, Device? device) =>
        new(dim, new ShiftedWindowAttention(dim, window_size, shift_size, num_heads, attention_dropout, dropout, device), mlp_ratio,
            dropout, stochastic_depth_prob, norm_layer, device);
}

/// <summary>
/// Attention and an MLP, each around a shortcut and before a norm. <c>torchvision.models.swin_transformer.SwinTransformerBlockV2</c>
/// </summary>
public sealed class SwinTransformerBlockV2 : SwinTransformerBlock
{
    /// <summary>Initialises random weights around the given attention.</summary>
    public SwinTransformerBlockV2(long dim, Module<Tensor, Tensor> attn, double mlp_ratio, double dropout, double stochastic_depth_prob,
        NormLayer norm_layer, Device? device = null)
        : base(nameof(SwinTransformerBlockV2), dim, attn, mlp_ratio, dropout, stochastic_depth_prob, norm_layer, device)
    {
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = x + stochastic_depth.call(norm1.call(attn.call(x)));
        x = x + stochastic_depth.call(norm2.call(mlp.call(x)));
        return x;
    }

    internal static new SwinTransformerBlockV2 Create(
        long dim, long num_heads, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, double mlp_ratio, double dropout,
        double attention_dropout,
        double stochastic_depth_prob, NormLayer norm_layer, Device? device) =>
        new(dim, new ShiftedWindowAttentionV2(dim, window_size, shift_size, num_heads, attention_dropout, dropout, device), mlp_ratio,
            dropout, stochastic_depth_prob, norm_layer, device);
}
