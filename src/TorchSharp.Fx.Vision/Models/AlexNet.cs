using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// AlexNet, the one-column version of Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014).
/// </summary>
/// <remarks><c>torchvision.models.AlexNet</c>. Images [N, 3, H, W] of at least 63 × 63 to logits [N, num_classes].</remarks>
public sealed class AlexNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    public AlexNet(long num_classes = 1000, double dropout = 0.5, Device? device = null) : base(nameof(AlexNet))
    {
        features = Sequential(
            Conv2d(3, 64, kernel_size: 11, stride: 4, padding: 2, device: device),
            ReLU(inplace: true),
            MaxPool2d(kernel_size: 3, stride: 2),
            Conv2d(64, 192, kernel_size: 5, padding: 2, device: device),
            ReLU(inplace: true),
            MaxPool2d(kernel_size: 3, stride: 2),
            Conv2d(192, 384, kernel_size: 3, padding: 1, device: device),
            ReLU(inplace: true),
            Conv2d(384, 256, kernel_size: 3, padding: 1, device: device),
            ReLU(inplace: true),
            Conv2d(256, 256, kernel_size: 3, padding: 1, device: device),
            ReLU(inplace: true),
            MaxPool2d(kernel_size: 3, stride: 2));
        avgpool = AdaptiveAvgPool2d((6, 6));
        classifier = Sequential(
            Dropout(dropout),
            Linear(256 * 6 * 6, 4096, device: device),
            ReLU(inplace: true),
            Dropout(dropout),
            Linear(4096, 4096, device: device),
            ReLU(inplace: true),
            Linear(4096, num_classes, device: device));
        RegisterComponents();
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
}

public static partial class models
{
    private static ModelInfo[] alexnets =>
    [
        new("alexnet", 61_100_840, imagenet, (classes, device) => alexnet(classes, device: device)),
    ];

    /// <summary>AlexNet. <c>torchvision.models.alexnet</c></summary>
    public static AlexNet alexnet(long num_classes = 1000, double dropout = 0.5, Device? device = null)
        => new(num_classes, dropout, device);
}
