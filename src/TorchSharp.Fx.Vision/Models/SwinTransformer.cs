using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Swin Transformer: Liu et al., "Hierarchical Vision Transformer using Shifted Windows" (2021) and "Swin Transformer V2" (2021).
/// </summary>
/// <remarks><c>torchvision.models.SwinTransformer</c>. Images [N, 3, H, W] of any size to logits [N, num_classes]; the stages' strides are
/// 4, 8, 16 and 32.</remarks>
public sealed class SwinTransformer : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Module<Tensor, Tensor> norm;
    private readonly Permute permute;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Flatten flatten;
    private readonly Linear head;

    /// <summary>Initialises random weights.</summary>
    /// <param name="patch_size">Height and width of the patches that the image is cut into.</param>
    /// <param name="embed_dim">How many channels a patch's embedding has.</param>
    /// <param name="depths">How many blocks each stage has.</param>
    /// <param name="num_heads">How many heads each stage's attention has.</param>
    /// <param name="window_size">Height and width of the windows.</param>
    /// <param name="mlp_ratio">How many times wider an MLP's hidden layer is.</param>
    /// <param name="dropout">The probability of dropping an element.</param>
    /// <param name="attention_dropout">The probability of dropping an attention weight.</param>
    /// <param name="stochastic_depth_prob">The probability of skipping the last block; the earlier ones are less likely, down to 0.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="norm_layer">Builds the norms; null is layer norm.</param>
    /// <param name="block">Builds the blocks; null is Swin v1's.</param>
    /// <param name="downsample_layer">Builds the downsampling between two stages; null is Swin v1's patch merging.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public SwinTransformer(
        IReadOnlyList<long> patch_size, long embed_dim, IReadOnlyList<int> depths, IReadOnlyList<long> num_heads,
        IReadOnlyList<long> window_size, double mlp_ratio = 4, double dropout = 0,
        double attention_dropout = 0, double stochastic_depth_prob = 0.1, long num_classes = 1000, NormLayer? norm_layer = null,
        SwinBlock? block = null,
        DownsampleLayer? downsample_layer = null, Device? device = null) : base(nameof(SwinTransformer))
    {
        ArgumentNullException.ThrowIfNull(patch_size);
        norm_layer ??= features => LayerNorm(features, device: device);
        var patch = (patch_size[0], patch_size[1]);
        var stages =
            new SwinStages(depths, num_heads, window_size, mlp_ratio, dropout, attention_dropout, stochastic_depth_prob, norm_layer,
                device);

        features = Sequential([
            Sequential(Conv2d(3, embed_dim, kernel_size: patch, stride: patch, device: device), new Permute(0, 2, 3, 1),
                norm_layer(embed_dim)),
            .. stages.Build(embed_dim, block ?? SwinTransformerBlock.Create, downsample_layer
                ?? ((dim, norm, device) => new PatchMerging(dim, norm, device)))]);
        var num_features = stages.NumFeatures(embed_dim);
        norm = norm_layer(num_features);
        permute = new Permute(0, 3, 1, 2);
        avgpool = AdaptiveAvgPool2d(1);
        flatten = Flatten(1);
        head = Linear(num_features, num_classes, device: device);
        RegisterComponents();
        SwinStages.InitWeights(this);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = norm.call(x);
        x = permute.call(x);
        x = avgpool.call(x);
        x = flatten.call(x);
        x = head.call(x);
        return x;
    }
}

/// <summary>
/// The stages that the image and the video transformer share: blocks with every second one's windows shifted, then half the resolution.
/// </summary>
internal sealed class SwinStages(
    IReadOnlyList<int> depths, IReadOnlyList<long> num_heads, IReadOnlyList<long> window_size, double mlp_ratio, double dropout,
    double attention_dropout,
    double stochastic_depth_prob, NormLayer norm_layer, Device? device)
{
    public IEnumerable<Module<Tensor, Tensor>> Build(long dim, SwinBlock block, DownsampleLayer downsample_layer)
    {
        var (depth, total) = (0, depths.Sum());
        for (var stage = 0; stage < depths.Count; stage++, dim *= 2)
        {
            var blocks = new List<Module<Tensor, Tensor>>();
            for (var i = 0; i < depths[stage]; i++)
            {
                var shift_size = window_size.Select(size => i % 2 == 0 ? 0 : size / 2).ToArray();
                var skip = stochastic_depth_prob * depth++ / (total - 1);
                blocks.Add(block(dim, num_heads[stage], window_size, shift_size, mlp_ratio, dropout, attention_dropout, skip, norm_layer,
                    device));
            }
            yield return Sequential(blocks);
            if (stage < depths.Count - 1) yield return downsample_layer(dim, norm_layer, device);
        }
    }

    public long NumFeatures(long embed_dim) => embed_dim << (depths.Count - 1);

    public static void InitWeights(nn.Module model)
    {
        foreach (var linear in model.modules().OfType<Linear>())
        {
            init.normal_(linear.weight, std: 0.02);
            if (linear.bias is not null) init.zeros_(linear.bias);
        }
    }
}

public static partial class models
{
    private static ModelInfo[] swins =>
    [
        new("swin_t", 28_288_354, imagenet, (classes, device) => swin_t(classes, device: device)),
        new("swin_s", 49_606_258, imagenet, (classes, device) => swin_s(classes, device: device)),
        new("swin_b", 87_768_224, imagenet, (classes, device) => swin_b(classes, device: device)),
        new("swin_v2_t", 28_351_570, [3, 256, 256], (classes, device) => swin_v2_t(classes, device: device)),
        new("swin_v2_s", 49_737_442, [3, 256, 256], (classes, device) => swin_v2_s(classes, device: device)),
        new("swin_v2_b", 87_930_848, [3, 256, 256], (classes, device) => swin_v2_b(classes, device: device)),
    ];

    /// <summary>Swin-T. <c>torchvision.models.swin_t</c></summary>
    public static SwinTransformer swin_t(long num_classes = 1000, double stochastic_depth_prob = 0.2, Device? device = null) =>
        new([4, 4], 96, [2, 2, 6, 2], [3, 6, 12, 24], [7, 7], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            device: device);

    /// <summary>Swin-S. <c>torchvision.models.swin_s</c></summary>
    public static SwinTransformer swin_s(long num_classes = 1000, double stochastic_depth_prob = 0.3, Device? device = null) =>
        new([4, 4], 96, [2, 2, 18, 2], [3, 6, 12, 24], [7, 7], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            device: device);

    /// <summary>Swin-B. <c>torchvision.models.swin_b</c></summary>
    public static SwinTransformer swin_b(long num_classes = 1000, double stochastic_depth_prob = 0.5, Device? device = null) =>
        new([4, 4], 128, [2, 2, 18, 2], [4, 8, 16, 32], [7, 7], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            device: device);

    /// <summary>Swin v2-T. <c>torchvision.models.swin_v2_t</c></summary>
    public static SwinTransformer swin_v2_t(long num_classes = 1000, double stochastic_depth_prob = 0.2, Device? device = null) =>
        swin_v2(96, [2, 2, 6, 2], [3, 6, 12, 24], stochastic_depth_prob, num_classes, device);

    /// <summary>Swin v2-S. <c>torchvision.models.swin_v2_s</c></summary>
    public static SwinTransformer swin_v2_s(long num_classes = 1000, double stochastic_depth_prob = 0.3, Device? device = null) =>
        swin_v2(96, [2, 2, 18, 2], [3, 6, 12, 24], stochastic_depth_prob, num_classes, device);

    /// <summary>Swin v2-B. <c>torchvision.models.swin_v2_b</c></summary>
    public static SwinTransformer swin_v2_b(long num_classes = 1000, double stochastic_depth_prob = 0.5, Device? device = null) =>
        swin_v2(128, [2, 2, 18, 2], [4, 8, 16, 32], stochastic_depth_prob, num_classes, device);

    private static SwinTransformer swin_v2(long embed_dim, int[] depths, long[] num_heads, double stochastic_depth_prob, long num_classes,
        Device? device) =>
        new([4, 4], embed_dim, depths, num_heads, [8, 8], stochastic_depth_prob: stochastic_depth_prob, num_classes: num_classes,
            block: SwinTransformerBlockV2.Create,
            downsample_layer: (dim, norm, device) => new PatchMergingV2(dim, norm, device), device: device);
}
