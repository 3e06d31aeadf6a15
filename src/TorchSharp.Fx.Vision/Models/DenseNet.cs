using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>Joins all features before it and adds <c>growth_rate</c> channels. <c>torchvision.models.densenet._DenseLayer</c></summary>
public sealed class DenseLayer : Module<List<Tensor>, Tensor>
{
    private readonly BatchNorm2d norm1;
    private readonly ReLU relu1;
    private readonly Conv2d conv1;
    private readonly BatchNorm2d norm2;
    private readonly ReLU relu2;
    private readonly Conv2d conv2;
    private readonly double drop_rate;

    /// <summary>Initialises random weights.</summary>
    public DenseLayer(long num_input_features, long growth_rate, long bn_size, double drop_rate, Device? device = null)
        : base(nameof(DenseLayer))
    {
        norm1 = BatchNorm2d(num_input_features, device: device);
        relu1 = ReLU(inplace: true);
        conv1 = Conv2d(num_input_features, bn_size * growth_rate, kernel_size: 1, bias: false, device: device);
        norm2 = BatchNorm2d(bn_size * growth_rate, device: device);
        relu2 = ReLU(inplace: true);
        conv2 = Conv2d(bn_size * growth_rate, growth_rate, kernel_size: 3, padding: 1, bias: false, device: device);
        this.drop_rate = drop_rate;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(List<Tensor> prev_features)
    {
        var x = torch.cat(prev_features, 1);
        x = conv1.call(relu1.call(norm1.call(x)));
        x = conv2.call(relu2.call(norm2.call(x)));
        if (drop_rate > 0) x = F.dropout(x, drop_rate, training);
        return x;
    }
}

/// <summary>Dense layers, each of which sees the outputs of all before it. <c>torchvision.models.densenet._DenseBlock</c></summary>
public sealed class DenseBlock : Module<Tensor, Tensor>
{
    private readonly List<DenseLayer> layers = [];

    /// <summary>Initialises random weights; the output has <c>num_layers * growth_rate</c> channels more than the input.</summary>
    public DenseBlock(int num_layers, long num_input_features, long bn_size, long growth_rate, double drop_rate, Device? device = null)
        : base(nameof(DenseBlock))
    {
        for (var i = 0; i < num_layers; i++)
        {
            layers.Add(new DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size, drop_rate, device));
            register_module($"denselayer{i + 1}", layers[i]);
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor init_features)
    {
        List<Tensor> features = [init_features];
        foreach (var layer in layers) features.Add(layer.call(features));
        return torch.cat(features, 1);
    }
}

/// <summary>DenseNet-BC: Huang et al., "Densely Connected Convolutional Networks" (2016).</summary>
/// <remarks>
/// <c>torchvision.models.DenseNet</c>. Images [N, 3, H, W] of at least 29 × 29 to logits [N, num_classes].
/// There is no <c>memory_efficient</c>: TorchSharp has no checkpointing.
/// </remarks>
public sealed class DenseNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Linear classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="growth_rate">How many channels a layer adds, the paper's k.</param>
    /// <param name="block_config">How many layers each block has.</param>
    /// <param name="num_init_features">Channels of the first convolution.</param>
    /// <param name="bn_size">How many times <paramref name="growth_rate"/> a layer's 1 × 1 convolution puts out.</param>
    /// <param name="drop_rate">The dropout probability after each layer.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public DenseNet(
        long growth_rate = 32, IReadOnlyList<int>? block_config = null, long num_init_features = 64,
        long bn_size = 4, double drop_rate = 0, long num_classes = 1000, Device? device = null) : base(nameof(DenseNet))
    {
        block_config ??= [6, 12, 24, 16];
        features = Sequential(
            ("conv0", Conv2d(3, num_init_features, kernel_size: 7, stride: 2, padding: 3, bias: false, device: device)),
            ("norm0", BatchNorm2d(num_init_features, device: device)),
            ("relu0", ReLU(inplace: true)),
            ("pool0", MaxPool2d(kernel_size: 3, stride: 2, padding: 1)));
        var num_features = num_init_features;
        for (var i = 0; i < block_config.Count; i++)
        {
            if (i > 0)
            {
                features.append($"transition{i}", Transition(num_features, num_features / 2, device));
                num_features /= 2;
            }
            features.append($"denseblock{i + 1}", new DenseBlock(block_config[i], num_features, bn_size, growth_rate, drop_rate, device));
            num_features += block_config[i] * growth_rate;
        }
        features.append("norm5", BatchNorm2d(num_features, device: device));
        classifier = Linear(num_features, num_classes, device: device);
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = F.relu(x, inplace: true);
        x = F.adaptive_avg_pool2d(x, (1, 1));
        x = torch.flatten(x, 1);
        return classifier.call(x);
    }

    private static Sequential Transition(long num_input_features, long num_output_features, Device? device) => Sequential(
        ("norm", BatchNorm2d(num_input_features, device: device)),
        ("relu", ReLU(inplace: true)),
        ("conv", Conv2d(num_input_features, num_output_features, kernel_size: 1, bias: false, device: device)),
        ("pool", AvgPool2d(kernel_size: 2, stride: 2)));

    // Batch norms keep TorchSharp's own initial values, which are the same ones and zeros.
    private void InitWeights()
    {
        foreach (var conv in modules().OfType<Conv2d>()) init.kaiming_normal_(conv.weight);
        init.constant_(classifier.bias, 0);
    }
}

public static partial class models
{
    private static ModelInfo[] densenets =>
    [
        new("densenet121", 7_978_856, imagenet, (classes, device) => densenet121(classes, device: device)),
        new("densenet161", 28_681_000, imagenet, (classes, device) => densenet161(classes, device: device)),
        new("densenet169", 14_149_480, imagenet, (classes, device) => densenet169(classes, device: device)),
        new("densenet201", 20_013_928, imagenet, (classes, device) => densenet201(classes, device: device)),
    ];

    /// <summary>DenseNet-121. <c>torchvision.models.densenet121</c></summary>
    public static DenseNet densenet121(long num_classes = 1000, double drop_rate = 0, Device? device = null) =>
        new(32, [6, 12, 24, 16], 64, drop_rate: drop_rate, num_classes: num_classes, device: device);

    /// <summary>DenseNet-161. <c>torchvision.models.densenet161</c></summary>
    public static DenseNet densenet161(long num_classes = 1000, double drop_rate = 0, Device? device = null) =>
        new(48, [6, 12, 36, 24], 96, drop_rate: drop_rate, num_classes: num_classes, device: device);

    /// <summary>DenseNet-169. <c>torchvision.models.densenet169</c></summary>
    public static DenseNet densenet169(long num_classes = 1000, double drop_rate = 0, Device? device = null) =>
        new(32, [6, 12, 32, 32], 64, drop_rate: drop_rate, num_classes: num_classes, device: device);

    /// <summary>DenseNet-201. <c>torchvision.models.densenet201</c></summary>
    public static DenseNet densenet201(long num_classes = 1000, double drop_rate = 0, Device? device = null) =>
        new(32, [6, 12, 48, 32], 64, drop_rate: drop_rate, num_classes: num_classes, device: device);
}
