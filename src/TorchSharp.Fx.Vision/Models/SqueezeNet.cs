using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>A squeezing 1 × 1 convolution, then 1 × 1 and 3 × 3 ones side by side. <c>torchvision.models.squeezenet.Fire</c></summary>
public sealed class Fire : Module<Tensor, Tensor>
{
    private readonly Conv2d squeeze;
    private readonly ReLU squeeze_activation;
    private readonly Conv2d expand1x1;
    private readonly ReLU expand1x1_activation;
    private readonly Conv2d expand3x3;
    private readonly ReLU expand3x3_activation;

    /// <summary>Initialises random weights; the output has the channels of both expansions.</summary>
    public Fire(long inplanes, long squeeze_planes, long expand1x1_planes, long expand3x3_planes, Device? device = null)
        : base(nameof(Fire))
    {
        squeeze = Conv2d(inplanes, squeeze_planes, kernel_size: 1, device: device);
        squeeze_activation = ReLU(inplace: true);
        expand1x1 = Conv2d(squeeze_planes, expand1x1_planes, kernel_size: 1, device: device);
        expand1x1_activation = ReLU(inplace: true);
        expand3x3 = Conv2d(squeeze_planes, expand3x3_planes, kernel_size: 3, padding: 1, device: device);
        expand3x3_activation = ReLU(inplace: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = squeeze_activation.call(squeeze.call(x));
        return torch.cat([expand1x1_activation.call(expand1x1.call(x)), expand3x3_activation.call(expand3x3.call(x))], 1);
    }
}

/// <summary>
/// SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and &lt;0.5MB model size" (2016).
/// </summary>
/// <remarks><c>torchvision.models.SqueezeNet</c>. Images [N, 3, H, W] of at least 21 × 21 (version 1_1: 17 × 17) to logits [N,
/// num_classes].</remarks>
public sealed class SqueezeNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="version">"1_0" is the paper's, "1_1" pools earlier and takes 2.4 times less computation.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="dropout">The dropout probability before the classifier's convolution.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <exception cref="ArgumentException">The version doesn't exist.</exception>
    public SqueezeNet(string version = "1_0", long num_classes = 1000, double dropout = 0.5, Device? device = null)
        : base(nameof(SqueezeNet))
    {
        features = version switch
        {
            "1_0" => Sequential(
                Conv2d(3, 96, kernel_size: 7, stride: 2, device: device), ReLU(inplace: true), Pool(),
                Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), Pool(),
                Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Pool(),
                Fire(512, 64, 256)),
            "1_1" => Sequential(
                Conv2d(3, 64, kernel_size: 3, stride: 2, device: device), ReLU(inplace: true), Pool(),
                Fire(64, 16, 64), Fire(128, 16, 64), Pool(),
                Fire(128, 32, 128), Fire(256, 32, 128), Pool(),
                Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
            _ => throw new ArgumentException($"SqueezeNet has the versions \"1_0\" and \"1_1\", not \"{version}\".", nameof(version)),
        };
        var final_conv = Conv2d(512, num_classes, kernel_size: 1, device: device);
        classifier = Sequential(Dropout(dropout), final_conv, ReLU(inplace: true), AdaptiveAvgPool2d((1, 1)));
        RegisterComponents();
        InitWeights(final_conv);

        static MaxPool2d Pool() => MaxPool2d(kernel_size: 3, stride: 2, ceil_mode: true);
        Fire Fire(long inplanes, long squeeze, long expand) => new(inplanes, squeeze, expand, expand, device);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = classifier.call(x);
        return torch.flatten(x, 1);
    }

    private void InitWeights(Conv2d final_conv)
    {
        foreach (var conv in modules().OfType<Conv2d>())
        {
            if (conv == final_conv) init.normal_(conv.weight, 0, 0.01);
            else init.kaiming_uniform_(conv.weight);
            init.constant_(conv.bias, 0);
        }
    }
}

public static partial class models
{
    private static ModelInfo[] squeezenets =>
    [
        new("squeezenet1_0", 1_248_424, imagenet, (classes, device) => squeezenet1_0(classes, device: device)),
        new("squeezenet1_1", 1_235_496, imagenet, (classes, device) => squeezenet1_1(classes, device: device)),
    ];

    /// <summary>SqueezeNet 1.0, the paper's. <c>torchvision.models.squeezenet1_0</c></summary>
    public static SqueezeNet squeezenet1_0(long num_classes = 1000, double dropout = 0.5, Device? device = null)
        => new("1_0", num_classes, dropout, device);

    /// <summary>SqueezeNet 1.1, 2.4 times less computation. <c>torchvision.models.squeezenet1_1</c></summary>
    public static SqueezeNet squeezenet1_1(long num_classes = 1000, double dropout = 0.5, Device? device = null)
        => new("1_1", num_classes, dropout, device);
}
