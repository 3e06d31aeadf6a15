using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Vision Transformer: Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020).</summary>
/// <remarks><c>torchvision.models.VisionTransformer</c>. Images [N, 3, image_size, image_size] to logits [N, num_classes].</remarks>
public sealed class VisionTransformer : Module<Tensor, Tensor>
{
    private readonly long image_size;
    private readonly long patch_size;
    private readonly long hidden_dim;
    private readonly Parameter class_token;
    private readonly Conv2d conv_proj;
    private readonly ViTEncoder encoder;
    private readonly Sequential heads;

    /// <summary>Initialises random weights.</summary>
    /// <param name="image_size">The only height and width of images it takes.</param>
    /// <param name="patch_size">The height and width of a patch, which must divide the image's.</param>
    /// <param name="num_layers">How many blocks the encoder has.</param>
    /// <param name="num_heads">How many heads each block's attention has.</param>
    /// <param name="hidden_dim">The size of a patch's embedding.</param>
    /// <param name="mlp_dim">The hidden size of each block's MLP.</param>
    /// <param name="dropout">The probability of dropping an element of an embedding.</param>
    /// <param name="attention_dropout">The probability of dropping an attention weight.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="representation_size">The size of the layer before the classifier, as in pre-training; null is none.</param>
    /// <param name="norm_layer">Builds the norms; null is layer norm.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">The image can't be cut into whole patches.</exception>
    public VisionTransformer(
        long image_size, long patch_size, int num_layers, long num_heads, long hidden_dim, long mlp_dim, double dropout = 0,
        double attention_dropout = 0,
        long num_classes = 1000, long? representation_size = null, NormLayer? norm_layer = null, Device? device = null)
            : base(nameof(VisionTransformer))
    {
        if (image_size % patch_size != 0)
            throw new ArgumentException(
                $"An image of {image_size} × {image_size} can't be cut into patches of {patch_size} × {patch_size}; choose an image_size "
                    + "that patch_size divides.", nameof(image_size));
        norm_layer ??= features => LayerNorm(features, eps: 1e-6, device: device);
        this.image_size = image_size;
        this.patch_size = patch_size;
        this.hidden_dim = hidden_dim;

        class_token = new Parameter(torch.zeros(1, 1, hidden_dim, device: device));
        conv_proj = Conv2d(3, hidden_dim, kernel_size: patch_size, stride: patch_size, device: device);
        var patches = image_size / patch_size * (image_size / patch_size);
        encoder = new ViTEncoder(patches + 1, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer, device);
        var head = Linear(representation_size ?? hidden_dim, num_classes, device: device);
        heads = representation_size is { } size
            ? Sequential(("pre_logits", Linear(hidden_dim, size, device: device)), ("act", Tanh()), ("head", head))
            : Sequential(("head", head));
        RegisterComponents();
        InitWeights(head);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = ProcessInput(x);
        var n = x.shape[0];

        var batch_class_token = class_token.expand(n, -1, -1);
        x = torch.cat([batch_class_token, x], 1);

        x = encoder.call(x);

        // The class token stands for the image.
        x = x[TensorIndex.Colon, 0];
        x = heads.call(x);
        return x;
    }

    // [N, 3, H, W] to one embedding a patch: [N, H / p * W / p, hidden_dim]
    private Tensor ProcessInput(Tensor x)
    {
        var (n, _, h, w) = x.shape;
        if (h != image_size) throw new ArgumentException($"Wrong image height! Expected {image_size} but got {h}!");
        if (w != image_size) throw new ArgumentException($"Wrong image width! Expected {image_size} but got {w}!");
        var n_h = h / patch_size;
        var n_w = w / patch_size;

        x = conv_proj.call(x);
        x = x.reshape(n, hidden_dim, n_h * n_w);
        return x.permute(0, 2, 1);
    }

    private void InitWeights(Linear head)
    {
        init.normal_(conv_proj.weight, std: Math.Sqrt(1.0 / (3 * patch_size * patch_size)));
        init.zeros_(conv_proj.bias);
        foreach (var (name, layer) in heads.named_children())
            if (name == "pre_logits" && layer is Linear pre_logits)
            {
                init.normal_(pre_logits.weight, std: Math.Sqrt(1.0 / hidden_dim));
                init.zeros_(pre_logits.bias);
            }
        init.zeros_(head.weight);
        init.zeros_(head.bias);
    }
}

/// <summary>The transformer's encoder with its learned positions. <c>torchvision.models.vision_transformer.Encoder</c></summary>
public sealed class ViTEncoder : Module<Tensor, Tensor>
{
    private readonly Parameter pos_embedding;
    private readonly Dropout dropout;
    private readonly Sequential layers;
    private readonly Module<Tensor, Tensor> ln;

    internal ViTEncoder(
        long seq_length, int num_layers, long num_heads, long hidden_dim, long mlp_dim, double dropout, double attention_dropout,
        NormLayer norm_layer, Device? device) : base("Encoder")
    {
        pos_embedding = new Parameter(torch.empty(1, seq_length, hidden_dim, device: device));
        this.dropout = Dropout(dropout);
        layers = Sequential(Enumerable.Range(0, num_layers).Select(i =>
            ($"encoder_layer_{i}",
                (Module<Tensor, Tensor>)new ViTEncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer,
                    device))));
        ln = norm_layer(hidden_dim);
        RegisterComponents();
        init.normal_(pos_embedding, std: 0.02);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() != 3)
            throw new ArgumentException($"Expected (batch_size, seq_length, hidden_dim) got {string.Join(", ", input.shape)}");
        input = input + pos_embedding;
        return ln.call(layers.call(dropout.call(input)));
    }
}

/// <summary>
/// Attention and an MLP, each around a shortcut and after a norm. <c>torchvision.models.vision_transformer.EncoderBlock</c>
/// </summary>
public sealed class ViTEncoderBlock : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> ln_1;
    private readonly MultiheadAttention self_attention;
    private readonly Dropout dropout;
    private readonly Module<Tensor, Tensor> ln_2;
    private readonly MLP mlp;

    internal ViTEncoderBlock(long num_heads, long hidden_dim, long mlp_dim, double dropout, double attention_dropout, NormLayer norm_layer,
        Device? device) : base("EncoderBlock")
    {
        ln_1 = norm_layer(hidden_dim);
        self_attention = new MultiheadAttention(hidden_dim, num_heads, attention_dropout, device);
        this.dropout = Dropout(dropout);
        ln_2 = norm_layer(hidden_dim);
        mlp = TransformerMLP.Create(hidden_dim, [mlp_dim, hidden_dim], dropout, device);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() != 3)
            throw new ArgumentException($"Expected (batch_size, seq_length, hidden_dim) got {string.Join(", ", input.shape)}");
        var x = ln_1.call(input);
        (x, _) = self_attention.call(x, x, x);
        x = dropout.call(x);
        x = x + input;

        var y = ln_2.call(x);
        y = mlp.call(y);
        return x + y;
    }
}

/// <summary>The MLP of the transformer blocks.</summary>
internal static class TransformerMLP
{
    // GELU, and the initial values of the ViT paper's code.
    public static MLP Create(long in_channels, long[] hidden_channels, double dropout, Device? device)
    {
        var mlp = new MLP(in_channels, hidden_channels, activation_layer: GELU, dropout: dropout, device: device);
        foreach (var linear in mlp.children().OfType<Linear>())
        {
            init.xavier_uniform_(linear.weight);
            init.normal_(linear.bias, std: 1e-6);
        }
        return mlp;
    }
}

public static partial class models
{
    private static ModelInfo[] vits =>
    [
        new("vit_b_16", 86_567_656, imagenet,
            (classes, device) => vit_b_16(classes, device: device)) { pretrained = (weights, device) =>
                vit_b_16(image_size: weights.meta.min_size[0], device: device) },
        new("vit_b_32", 88_224_232, imagenet,
            (classes, device) => vit_b_32(classes, device: device)) { pretrained = (weights, device) =>
                vit_b_32(image_size: weights.meta.min_size[0], device: device) },
        new("vit_l_16", 304_326_632, imagenet,
            (classes, device) => vit_l_16(classes, device: device)) { pretrained = (weights, device) =>
                vit_l_16(image_size: weights.meta.min_size[0], device: device) },
        new("vit_l_32", 306_535_400, imagenet,
            (classes, device) => vit_l_32(classes, device: device)) { pretrained = (weights, device) =>
                vit_l_32(image_size: weights.meta.min_size[0], device: device) },
        new("vit_h_14", 632_045_800, imagenet,
            (classes, device) => vit_h_14(classes, device: device)) { pretrained = (weights, device) =>
                vit_h_14(image_size: weights.meta.min_size[0], device: device) },
    ];

    /// <summary>ViT-Base, patches of 16 × 16. <c>torchvision.models.vit_b_16</c></summary>
    public static VisionTransformer vit_b_16(long num_classes = 1000, long image_size = 224, double dropout = 0,
        double attention_dropout = 0, Device? device = null) =>
        new(image_size, 16, num_layers: 12, num_heads: 12, hidden_dim: 768, mlp_dim: 3072, dropout, attention_dropout, num_classes,
            device: device);

    /// <summary>ViT-Base, patches of 32 × 32. <c>torchvision.models.vit_b_32</c></summary>
    public static VisionTransformer vit_b_32(long num_classes = 1000, long image_size = 224, double dropout = 0,
        double attention_dropout = 0, Device? device = null) =>
        new(image_size, 32, num_layers: 12, num_heads: 12, hidden_dim: 768, mlp_dim: 3072, dropout, attention_dropout, num_classes,
            device: device);

    /// <summary>ViT-Large, patches of 16 × 16. <c>torchvision.models.vit_l_16</c></summary>
    public static VisionTransformer vit_l_16(long num_classes = 1000, long image_size = 224, double dropout = 0,
        double attention_dropout = 0, Device? device = null) =>
        new(image_size, 16, num_layers: 24, num_heads: 16, hidden_dim: 1024, mlp_dim: 4096, dropout, attention_dropout, num_classes,
            device: device);

    /// <summary>ViT-Large, patches of 32 × 32. <c>torchvision.models.vit_l_32</c></summary>
    public static VisionTransformer vit_l_32(long num_classes = 1000, long image_size = 224, double dropout = 0,
        double attention_dropout = 0, Device? device = null) =>
        new(image_size, 32, num_layers: 24, num_heads: 16, hidden_dim: 1024, mlp_dim: 4096, dropout, attention_dropout, num_classes,
            device: device);

    /// <summary>ViT-Huge, patches of 14 × 14. <c>torchvision.models.vit_h_14</c></summary>
    public static VisionTransformer vit_h_14(long num_classes = 1000, long image_size = 224, double dropout = 0,
        double attention_dropout = 0, Device? device = null) =>
        new(image_size, 14, num_layers: 32, num_heads: 16, hidden_dim: 1280, mlp_dim: 5120, dropout, attention_dropout, num_classes,
            device: device);
}
