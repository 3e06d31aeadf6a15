using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Video Swin Transformer: Liu et al., "Video Swin Transformer" (2021).</summary>
/// <remarks><c>torchvision.models.video.SwinTransformer3d</c>. Videos [N, 3, T, H, W] of any size to logits [N, num_classes].</remarks>
public sealed class SwinTransformer3d : Module<Tensor, Tensor>
{
    private readonly PatchEmbed3d patch_embed;
    private readonly Dropout pos_drop;
    private readonly Sequential features;
    private readonly Module<Tensor, Tensor> norm;
    private readonly AdaptiveAvgPool3d avgpool;
    private readonly Linear head;

    /// <summary>Initialises random weights.</summary>
    /// <param name="patch_size">Frames, height and width of the patches that the video is cut into.</param>
    /// <param name="embed_dim">How many channels a patch's embedding has.</param>
    /// <param name="depths">How many blocks each stage has.</param>
    /// <param name="num_heads">How many heads each stage's attention has.</param>
    /// <param name="window_size">Frames, height and width of the windows.</param>
    /// <param name="mlp_ratio">How many times wider an MLP's hidden layer is.</param>
    /// <param name="dropout">The probability of dropping an element.</param>
    /// <param name="attention_dropout">The probability of dropping an attention weight.</param>
    /// <param name="stochastic_depth_prob">The probability of skipping the last block; the earlier ones are less likely, down to 0.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms; null is layer norm.</param>
    /// <param name="block">Builds the blocks; null is Swin v1's with attention over three dimensions.</param>
    /// <param name="downsample_layer">Builds the downsampling between two stages; null is patch merging.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public SwinTransformer3d(
        IReadOnlyList<long> patch_size, long embed_dim, IReadOnlyList<int> depths, IReadOnlyList<long> num_heads,
        IReadOnlyList<long> window_size, double mlp_ratio = 4, double dropout = 0,
        double attention_dropout = 0, double stochastic_depth_prob = 0.1, long num_classes = 400, NormLayer? norm_layer = null,
        SwinBlock? block = null,
        DownsampleLayer? downsample_layer = null, Device? device = null) : base(nameof(SwinTransformer3d))
    {
        ArgumentNullException.ThrowIfNull(patch_size);
        norm_layer ??= features => LayerNorm(features, device: device);
        var stages =
            new SwinStages(depths, num_heads, window_size, mlp_ratio, dropout, attention_dropout, stochastic_depth_prob, norm_layer,
                device);

        patch_embed = new PatchEmbed3d((patch_size[0], patch_size[1], patch_size[2]), embed_dim, norm_layer, device);
        pos_drop = Dropout(dropout);
        features = Sequential(
            stages.Build(embed_dim, block ?? Block, downsample_layer ?? ((dim, norm, device) => new PatchMerging(dim, norm, device))));
        var num_features = stages.NumFeatures(embed_dim);
        norm = norm_layer(num_features);
        avgpool = AdaptiveAvgPool3d(1);
        head = Linear(num_features, num_classes, device: device);
        RegisterComponents();
        SwinStages.InitWeights(this);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = patch_embed.call(x);
        x = pos_drop.call(x);
        x = features.call(x);
        x = norm.call(x);
        x = x.permute(0, 4, 1, 2, 3);
        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        x = head.call(x);
        return x;
    }

    private static SwinTransformerBlock Block(
        long dim, long num_heads, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, double mlp_ratio, double dropout,
        double attention_dropout,
        double stochastic_depth_prob, NormLayer norm_layer, Device? device) =>
        new(dim, new ShiftedWindowAttention3d(dim, window_size, shift_size, num_heads, attention_dropout, dropout, device), mlp_ratio,
            dropout, stochastic_depth_prob, norm_layer, device);
}

/// <summary>
/// Cuts a video into patches, padding it to whole ones: [N, 3, T, H, W] to [N, t, h, w, embed_dim].
/// <c>torchvision.models.video.swin_transformer.PatchEmbed3d</c>
/// </summary>
public sealed class PatchEmbed3d : Module<Tensor, Tensor>
{
    private readonly Conv3d proj;
    private readonly Module<Tensor, Tensor> norm;
    private readonly (long, long, long) patch_size;

    internal PatchEmbed3d((long, long, long) patch_size, long embed_dim, NormLayer norm_layer, Device? device) : base(nameof(PatchEmbed3d))
    {
        this.patch_size = patch_size;
        proj = Conv3d(3, embed_dim, kernel_size: patch_size, stride: patch_size, device: device);
        norm = norm_layer(embed_dim);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var (_, _, t, h, w) = x.size();
        var (pad_t, pad_h, pad_w) = video_swin_transformer._compute_pad_size_3d((t, h, w), patch_size);
        x = F.pad(x, [0, pad_w, 0, pad_h, 0, pad_t]);
        x = proj.call(x);
        x = x.permute(0, 2, 3, 4, 1);
        return norm.call(x);
    }
}

/// <summary>
/// Attention inside windows over frames, height and width. <c>torchvision.models.video.swin_transformer.ShiftedWindowAttention3d</c>
/// </summary>
/// <remarks>[N, T, H, W, dim] to the same shape.</remarks>
public sealed class ShiftedWindowAttention3d : Module<Tensor, Tensor>
{
    private readonly Parameter relative_position_bias_table;
    private readonly Tensor relative_position_index;
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly long[] window_size;
    private readonly long[] shift_size;
    private readonly long num_heads;
    private readonly double attention_dropout;
    private readonly double dropout;

    /// <summary>Initialises random weights.</summary>
    public ShiftedWindowAttention3d(
        long dim, IReadOnlyList<long> window_size, IReadOnlyList<long> shift_size, long num_heads, double attention_dropout = 0,
        double dropout = 0, Device? device = null)
        : base(nameof(ShiftedWindowAttention3d))
    {
        (this.window_size, this.shift_size) = SwinWindows.Checked(window_size, shift_size, dimensions: 3);
        (this.num_heads, this.attention_dropout, this.dropout) = (num_heads, attention_dropout, dropout);
        relative_position_bias_table = new Parameter(torch.empty(SwinWindows.Positions(window_size), num_heads, device: device));
        relative_position_index = WindowAttention.RelativePositionIndex(window_size, device);
        qkv = Linear(dim, dim * 3, device: device);
        proj = Linear(dim, dim, device: device);
        register_buffer(nameof(relative_position_index), relative_position_index);
        RegisterComponents();
        init.normal_(relative_position_bias_table, std: 0.02);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var (_, t, h, w, _) = x.shape;
        var (window, shift) = video_swin_transformer._get_window_and_shift_size(shift_size, (t, h, w), window_size);
        var relative_position_bias =
            video_swin_transformer._get_relative_position_bias(relative_position_bias_table, relative_position_index, window);
        return video_swin_transformer.shifted_window_attention_3d(
            x, qkv.weight!, proj.weight!, relative_position_bias, window, num_heads, shift, attention_dropout, dropout, qkv.bias, proj.bias,
            training);
    }
}

/// <summary>
/// The functions that the video transformer's modules are written with, each one node of a graph.
/// <c>torchvision.models.video.swin_transformer</c>
/// </summary>
[FxLeaf]
public static class video_swin_transformer
{
    /// <summary>The padding that a video needs for whole patches, in each dimension.</summary>
    public static (long t, long h, long w) _compute_pad_size_3d((long t, long h, long w) size_dhw, (long t, long h, long w) patch_size) =>
        (WindowAttention.Missing(size_dhw.t, patch_size.t), WindowAttention.Missing(size_dhw.h, patch_size.h),
            WindowAttention.Missing(size_dhw.w, patch_size.w));

    /// <summary>
    /// The windows and their shift for a video that may be smaller than a window: then the window is the video, and there is nothing to
    /// shift.
    /// </summary>
    public static (long[] window_size, long[] shift_size) _get_window_and_shift_size(long[] shift_size, (long t, long h, long w) size_dhw,
        long[] window_size)
    {
        ArgumentNullException.ThrowIfNull(shift_size);
        ArgumentNullException.ThrowIfNull(window_size);
        long[] sizes = [size_dhw.t, size_dhw.h, size_dhw.w];
        return ([.. window_size.Zip(sizes, Math.Min)], [.. shift_size.Select((shift, i) => sizes[i] <= window_size[i] ? 0 : shift)]);
    }

    /// <summary>
    /// Looks up each pair's bias, of a window that may be smaller than the table's: a table [positions, heads] and the pairs' rows to [1,
    /// heads, tokens, tokens].
    /// </summary>
    public static Tensor _get_relative_position_bias(Tensor relative_position_bias_table, Tensor relative_position_index,
        long[] window_size)
    {
        ArgumentNullException.ThrowIfNull(relative_position_bias_table);
        ArgumentNullException.ThrowIfNull(relative_position_index);
        ArgumentNullException.ThrowIfNull(window_size);
        var tokens = window_size[0] * window_size[1] * window_size[2];
        var index = relative_position_index.narrow(0, 0, tokens).narrow(1, 0, tokens).flatten();
        return relative_position_bias_table[index].view(tokens, tokens, -1).permute(2, 0, 1).contiguous().unsqueeze(0);
    }

    /// <summary>Multi-head attention inside windows that may be shifted: [N, T, H, W, C] to the same shape.</summary>
    [FxLeaf(Draws = true)]
    public static Tensor shifted_window_attention_3d(
        Tensor input, Tensor qkv_weight, Tensor proj_weight, Tensor relative_position_bias, long[] window_size, long num_heads,
        long[] shift_size, double attention_dropout = 0,
        double dropout = 0, Tensor? qkv_bias = null, Tensor? proj_bias = null, bool training = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new WindowAttention(window_size, shift_size, num_heads)
            .Apply(input, new(qkv_weight, proj_weight, relative_position_bias, qkv_bias, proj_bias, null, attention_dropout, dropout),
                training);
    }
}

public static partial class models
{
    private static ModelInfo[] swin3ds =>
    [
        new("swin3d_t", 28_158_070, [3, 32, 224, 224], (classes, device) => swin3d_t(classes, device: device)) { num_classes = 400 },
        new("swin3d_s", 49_816_678, [3, 32, 224, 224], (classes, device) => swin3d_s(classes, device: device)) { num_classes = 400 },
        new("swin3d_b", 88_048_984, [3, 32, 224, 224], (classes, device) => swin3d_b(classes, device: device)) { num_classes = 400 },
    ];

    /// <summary>Video Swin-T. <c>torchvision.models.video.swin3d_t</c></summary>
    public static SwinTransformer3d swin3d_t(long num_classes = 400, double stochastic_depth_prob = 0.1, Device? device = null) =>
        new([2, 4, 4], 96, [2, 2, 6, 2], [3, 6, 12, 24], [8, 7, 7], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            device: device);

    /// <summary>Video Swin-S. <c>torchvision.models.video.swin3d_s</c></summary>
    public static SwinTransformer3d swin3d_s(long num_classes = 400, double stochastic_depth_prob = 0.1, Device? device = null) =>
        new([2, 4, 4], 96, [2, 2, 18, 2], [3, 6, 12, 24], [8, 7, 7], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            device: device);

    /// <summary>Video Swin-B. <c>torchvision.models.video.swin3d_b</c></summary>
    public static SwinTransformer3d swin3d_b(long num_classes = 400, double stochastic_depth_prob = 0.1, Device? device = null) =>
        new([2, 4, 4], 128, [2, 2, 18, 2], [4, 8, 16, 32], [8, 7, 7], stochastic_depth_prob: stochastic_depth_prob,
            num_classes: num_classes, device: device);
}
