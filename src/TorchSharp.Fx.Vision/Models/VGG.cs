using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014).</summary>
/// <remarks><c>torchvision.models.VGG</c>. Images [N, 3, H, W] of at least 32 × 32 to logits [N, num_classes].</remarks>
public sealed class VGG : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Sequential classifier;

    /// <summary>Combines the classifier with the given convolutional part, whose output has 512 channels.</summary>
    public VGG(Sequential features, long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null)
        : base(nameof(VGG))
    {
        this.features = features;
        avgpool = AdaptiveAvgPool2d((7, 7));
        classifier = Sequential(
            Linear(512 * 7 * 7, 4096, device: device),
            ReLU(inplace: true),
            Dropout(dropout),
            Linear(4096, 4096, device: device),
            ReLU(inplace: true),
            Dropout(dropout),
            Linear(4096, num_classes, device: device));
        RegisterComponents();
        if (init_weights) InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        x = classifier.call(x);
        return x;
    }

    // Batch norms keep TorchSharp's own initial values, which are the same ones and zeros.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv:
                    init.kaiming_normal_(conv.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
                    init.constant_(conv.bias, 0);
                    break;
                case Linear linear:
                    init.normal_(linear.weight, 0, 0.01);
                    init.constant_(linear.bias, 0);
                    break;
            }
    }
}

public static partial class models
{
    // A pooling layer between the widths of a column of the paper's table 1.
    private const long M = 0;

    private static readonly long[] vgg_A = [64, M, 128, M, 256, 256, M, 512, 512, M, 512, 512, M];
    private static readonly long[] vgg_B = [64, 64, M, 128, 128, M, 256, 256, M, 512, 512, M, 512, 512, M];
    private static readonly long[] vgg_D = [64, 64, M, 128, 128, M, 256, 256, 256, M, 512, 512, 512, M, 512, 512, 512, M];
    private static readonly long[] vgg_E = [64, 64, M, 128, 128, M, 256, 256, 256, 256, M, 512, 512, 512, 512, M, 512, 512, 512, 512, M];

    private static ModelInfo[] vggs =>
    [
        new("vgg11", 132_863_336, imagenet, (classes, device) => vgg11(classes, device: device)),
        new("vgg11_bn", 132_868_840, imagenet, (classes, device) => vgg11_bn(classes, device: device)),
        new("vgg13", 133_047_848, imagenet, (classes, device) => vgg13(classes, device: device)),
        new("vgg13_bn", 133_053_736, imagenet, (classes, device) => vgg13_bn(classes, device: device)),
        new("vgg16", 138_357_544, imagenet, (classes, device) => vgg16(classes, device: device)),
        new("vgg16_bn", 138_365_992, imagenet, (classes, device) => vgg16_bn(classes, device: device)),
        new("vgg19", 143_667_240, imagenet, (classes, device) => vgg19(classes, device: device)),
        new("vgg19_bn", 143_678_248, imagenet, (classes, device) => vgg19_bn(classes, device: device)),
    ];

    /// <summary>VGG-11, column A. <c>torchvision.models.vgg11</c></summary>
    public static VGG vgg11(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_A, batch_norm: false, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-11 with batch norm. <c>torchvision.models.vgg11_bn</c></summary>
    public static VGG vgg11_bn(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_A, batch_norm: true, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-13, column B. <c>torchvision.models.vgg13</c></summary>
    public static VGG vgg13(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_B, batch_norm: false, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-13 with batch norm. <c>torchvision.models.vgg13_bn</c></summary>
    public static VGG vgg13_bn(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_B, batch_norm: true, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-16, column D. <c>torchvision.models.vgg16</c></summary>
    public static VGG vgg16(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_D, batch_norm: false, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-16 with batch norm. <c>torchvision.models.vgg16_bn</c></summary>
    public static VGG vgg16_bn(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_D, batch_norm: true, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-19, column E. <c>torchvision.models.vgg19</c></summary>
    public static VGG vgg19(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_E, batch_norm: false, device), num_classes, init_weights, dropout, device);

    /// <summary>VGG-19 with batch norm. <c>torchvision.models.vgg19_bn</c></summary>
    public static VGG vgg19_bn(long num_classes = 1000, bool init_weights = true, double dropout = 0.5, Device? device = null) =>
        new(vgg_features(vgg_E, batch_norm: true, device), num_classes, init_weights, dropout, device);

    private static Sequential vgg_features(long[] widths, bool batch_norm, Device? device)
    {
        var layers = new List<Module<Tensor, Tensor>>();
        long in_channels = 3;
        foreach (var width in widths)
        {
            if (width == M)
            {
                layers.Add(MaxPool2d(kernel_size: 2, stride: 2));
                continue;
            }
            layers.Add(Conv2d(in_channels, width, kernel_size: 3, padding: 1, device: device));
            if (batch_norm) layers.Add(BatchNorm2d(width, device: device));
            layers.Add(ReLU(inplace: true));
            in_channels = width;
        }
        return Sequential(layers);
    }
}
