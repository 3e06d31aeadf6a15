using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// S3D: Xie et al., "Rethinking Spatiotemporal Feature Learning: Speed-Accuracy Trade-offs in Video Classification" (2017).
/// </summary>
/// <remarks><c>torchvision.models.video.S3D</c>. Videos [N, 3, T, H, W] of at least 14 × 224 × 224 to logits [N, num_classes].</remarks>
public sealed class S3D : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AvgPool3d avgpool;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    public S3D(long num_classes = 400, double dropout = 0.2, NormLayer? norm_layer = null, Device? device = null) : base(nameof(S3D))
    {
        norm_layer ??= features => BatchNorm3d(features, eps: 0.001, momentum: 0.001, device: device);
        features = Sequential(
            new TemporalSeparableConv(3, 64, kernel_size: 7, stride: 2, padding: 3, norm_layer, device),
            MaxPool3d(kernel_size: (1, 3, 3), stride: (1, 2, 2), padding: (0, 1, 1)),
            new Conv3dNormActivation(64, 64, norm_layer, ReLU, kernel_size: (1, 1, 1), device: device),
            new TemporalSeparableConv(64, 192, kernel_size: 3, stride: 1, padding: 1, norm_layer, device),
            MaxPool3d(kernel_size: (1, 3, 3), stride: (1, 2, 2), padding: (0, 1, 1)),
            new SepInceptionBlock3D(192, 64, 96, 128, 16, 32, 32, norm_layer, device),
            new SepInceptionBlock3D(256, 128, 128, 192, 32, 96, 64, norm_layer, device),
            MaxPool3d(kernel_size: (3, 3, 3), stride: (2, 2, 2), padding: (1, 1, 1)),
            new SepInceptionBlock3D(480, 192, 96, 208, 16, 48, 64, norm_layer, device),
            new SepInceptionBlock3D(512, 160, 112, 224, 24, 64, 64, norm_layer, device),
            new SepInceptionBlock3D(512, 128, 128, 256, 24, 64, 64, norm_layer, device),
            new SepInceptionBlock3D(512, 112, 144, 288, 32, 64, 64, norm_layer, device),
            new SepInceptionBlock3D(528, 256, 160, 320, 32, 128, 128, norm_layer, device),
            MaxPool3d(kernel_size: (2, 2, 2), stride: (2, 2, 2)),
            new SepInceptionBlock3D(832, 256, 160, 320, 32, 128, 128, norm_layer, device),
            new SepInceptionBlock3D(832, 384, 192, 384, 48, 128, 128, norm_layer, device));
        avgpool = AvgPool3d(kernel_size: (2, 7, 7), stride: (1, 1, 1));
        classifier = Sequential(Dropout(dropout), Conv3d(1024, num_classes, kernel_size: 1, device: device));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = features.call(x);
        x = avgpool.call(x);
        x = classifier.call(x);
        x = torch.mean(x, [2, 3, 4]);
        return x;
    }
}

/// <summary>A convolution over space, then one over time. <c>torchvision.models.video.s3d.TemporalSeparableConv</c></summary>
public sealed class TemporalSeparableConv : Sequential
{
    /// <summary>Initialises random weights.</summary>
    public TemporalSeparableConv(long in_planes, long out_planes, long kernel_size, long stride, long padding, NormLayer norm_layer,
        Device? device = null) : base(
        new Conv3dNormActivation(in_planes, out_planes, norm_layer, ReLU, (1, kernel_size, kernel_size), (1, stride, stride),
            (0, padding, padding), bias: false, device: device),
        new Conv3dNormActivation(out_planes, out_planes, norm_layer, ReLU, (kernel_size, 1, 1), (stride, 1, 1), (padding, 0, 0),
            bias: false, device: device))
    {
    }
}

/// <summary>Four branches side by side. <c>torchvision.models.video.s3d.SepInceptionBlock3D</c></summary>
public sealed class SepInceptionBlock3D : Module<Tensor, Tensor>
{
    private readonly Conv3dNormActivation branch0;
    private readonly Sequential branch1;
    private readonly Sequential branch2;
    private readonly Sequential branch3;

    /// <summary>Initialises random weights; the numbers are each branch's channels, in the middle and at its end.</summary>
    public SepInceptionBlock3D(
        long in_planes, long b0_out, long b1_mid, long b1_out, long b2_mid, long b2_out, long b3_out, NormLayer norm_layer,
        Device? device = null) : base(nameof(SepInceptionBlock3D))
    {
        branch0 = Pointwise(b0_out);
        branch1 = Sequential(Pointwise(b1_mid),
            new TemporalSeparableConv(b1_mid, b1_out, kernel_size: 3, stride: 1, padding: 1, norm_layer, device));
        branch2 = Sequential(Pointwise(b2_mid),
            new TemporalSeparableConv(b2_mid, b2_out, kernel_size: 3, stride: 1, padding: 1, norm_layer, device));
        branch3 = Sequential(MaxPool3d(kernel_size: (3, 3, 3), stride: (1, 1, 1), padding: (1, 1, 1)), Pointwise(b3_out));
        RegisterComponents();

        Conv3dNormActivation Pointwise(long out_planes)
            => new(in_planes, out_planes, norm_layer, ReLU, kernel_size: (1, 1, 1), device: device);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var x0 = branch0.call(x);
        var x1 = branch1.call(x);
        var x2 = branch2.call(x);
        var x3 = branch3.call(x);
        return torch.cat([x0, x1, x2, x3], 1);
    }
}

public static partial class models
{
    private static ModelInfo[] s3ds =>
    [
        new("s3d", 8_320_048, [3, 16, 224, 224], (classes, device) => s3d(classes, device: device)) { num_classes = 400 },
    ];

    /// <summary>S3D. <c>torchvision.models.video.s3d</c></summary>
    public static S3D s3d(long num_classes = 400, double dropout = 0.2, Device? device = null) => new(num_classes, dropout, device: device);
}
