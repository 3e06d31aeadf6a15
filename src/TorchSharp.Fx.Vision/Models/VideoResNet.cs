using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision;

/// <summary>ResNets for videos: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition" (2017).</summary>
/// <remarks><c>torchvision.models.video.VideoResNet</c> of basic blocks. Videos [N, 3, T, H, W] of any size to logits [N,
/// num_classes].</remarks>
public sealed class VideoResNet : Module<Tensor, Tensor>
{
    private readonly Sequential stem;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly AdaptiveAvgPool3d avgpool;
    private readonly Linear fc;

    /// <summary>Initialises random weights.</summary>
    /// <param name="conv_makers">The kind of convolution of each of the four stages.</param>
    /// <param name="layers">How many blocks each of the four stages has.</param>
    /// <param name="stem">The first layers; their output has 64 channels.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public VideoResNet(IReadOnlyList<VideoConv> conv_makers, IReadOnlyList<int> layers, Sequential stem, long num_classes = 400,
        Device? device = null) : base(nameof(VideoResNet))
    {
        ArgumentNullException.ThrowIfNull(conv_makers);
        ArgumentNullException.ThrowIfNull(layers);
        if (conv_makers.Count != 4 || layers.Count != 4)
            throw new ArgumentException(
                $"A video ResNet has four stages; conv_makers has {conv_makers.Count} elements and layers {layers.Count}.", nameof(layers));
        this.stem = stem;
        layer1 = Stage(conv_makers[0], 64, 64, layers[0], stride: 1, device);
        layer2 = Stage(conv_makers[1], 64, 128, layers[1], stride: 2, device);
        layer3 = Stage(conv_makers[2], 128, 256, layers[2], stride: 2, device);
        layer4 = Stage(conv_makers[3], 256, 512, layers[3], stride: 2, device);
        avgpool = AdaptiveAvgPool3d(1);
        fc = Linear(512, num_classes, device: device);
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = stem.call(x);

        x = layer1.call(x);
        x = layer2.call(x);
        x = layer3.call(x);
        x = layer4.call(x);

        x = avgpool.call(x);
        x = x.flatten(1);
        x = fc.call(x);
        return x;
    }

    private static Sequential Stage(VideoConv conv, long inplanes, long planes, int blocks, long stride, Device? device)
    {
        var downsample = stride == 1 ? null : Sequential(
            Conv3d(inplanes, planes, kernel_size: (1, 1, 1), stride: conv.downsample_stride(stride), bias: false, device: device),
            BatchNorm3d(planes, device: device));
        return Sequential(Enumerable.Range(0, blocks).Select(i =>
            (Module<Tensor, Tensor>)(i == 0
                ? new VideoBasicBlock(inplanes, planes, conv, stride, downsample, device)
                    : new VideoBasicBlock(planes, planes, conv, device: device))));
    }

    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv3d conv: Kaiming(conv.weight!); break;
                case PlainConv3d conv: Kaiming(conv.weight); break;
                case Linear linear:
                    init.normal_(linear.weight, 0, 0.01);
                    init.constant_(linear.bias, 0);
                    break;
            }

        static void Kaiming(Tensor weight)
            => init.kaiming_normal_(weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
    }
}

/// <summary>The convolutions of a video ResNet's stage.</summary>
/// <param name="create">Builds one convolution.</param>
/// <param name="downsample_stride">The shortcut's stride, so that it fits.</param>
public sealed record VideoConv(VideoConv.Constructor create, Func<long, (long, long, long)> downsample_stride)
{
    /// <summary>3 × 3 × 3. <c>torchvision.models.video.resnet.Conv3DSimple</c></summary>
    public static readonly VideoConv Conv3DSimple = new(
        (in_planes, out_planes, _, stride, device) =>
            new PlainConv3d(in_planes, out_planes, [3, 3, 3], [stride, stride, stride], [1, 1, 1], device),
                stride => (stride, stride, stride));

    /// <summary>3 × 3 in each frame. <c>torchvision.models.video.resnet.Conv3DNoTemporal</c></summary>
    public static readonly VideoConv Conv3DNoTemporal = new(
        (in_planes, out_planes, _, stride, device) =>
            new PlainConv3d(in_planes, out_planes, [1, 3, 3], [1, stride, stride], [0, 1, 1], device), stride => (1, stride, stride));

    /// <summary>3 × 3 in each frame, then 3 over time. <c>torchvision.models.video.resnet.Conv2Plus1D</c></summary>
    public static readonly VideoConv Conv2Plus1D = new(
        (in_planes, out_planes, midplanes, stride, device) => Sequential(
            Conv3d(in_planes, midplanes, kernel_size: (1, 3, 3), stride: (1, stride, stride), padding: (0, 1, 1), bias: false,
                device: device),
            BatchNorm3d(midplanes, device: device),
            ReLU(inplace: true),
            Conv3d(midplanes, out_planes, kernel_size: (3, 1, 1), stride: (stride, 1, 1), padding: (1, 0, 0), bias: false, device: device)),
        stride => (stride, stride, stride));

    /// <summary>The constructor all three of torchvision share.</summary>
    public delegate Module<Tensor, Tensor> Constructor(long in_planes, long out_planes, long midplanes, long stride, Device? device);
}

/// <summary>
/// A convolution without bias. torchvision derives its own from <c>nn.Conv3d</c>, so in a graph it is not one node but its function.
/// </summary>
public sealed class PlainConv3d : Module<Tensor, Tensor>
{
    private readonly long[] stride;
    private readonly long[] padding;

    internal PlainConv3d(long in_planes, long out_planes, long[] kernel_size, long[] stride, long[] padding, Device? device)
        : base("Conv3d")
    {
        (this.stride, this.padding) = (stride, padding);
        weight = new Parameter(torch.empty([out_planes, in_planes, .. kernel_size], device: device));
        RegisterComponents();
    }

    internal readonly Parameter weight;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => F.conv3d(input, weight, null, stride, padding);
}

/// <summary>Two convolutions around a shortcut. <c>torchvision.models.video.resnet.BasicBlock</c></summary>
public sealed class VideoBasicBlock : Module<Tensor, Tensor>
{
    private readonly Sequential conv1;
    private readonly Sequential conv2;
    private readonly ReLU relu;
    private readonly Sequential? downsample;

    /// <summary>Initialises random weights.</summary>
    public VideoBasicBlock(long inplanes, long planes, VideoConv conv, long stride = 1, Sequential? downsample = null,
        Device? device = null) : base("BasicBlock")
    {
        ArgumentNullException.ThrowIfNull(conv);
        // As many parameters as a 3 × 3 × 3 convolution has.
        var midplanes = inplanes * planes * 27 / (inplanes * 9 + 3 * planes);
        conv1 = Sequential(conv.create(inplanes, planes, midplanes, stride, device), BatchNorm3d(planes, device: device),
            ReLU(inplace: true));
        conv2 = Sequential(conv.create(planes, planes, midplanes, 1, device), BatchNorm3d(planes, device: device));
        relu = ReLU(inplace: true);
        this.downsample = downsample;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var residual = x;

        var y = conv1.call(x);
        y = conv2.call(y);
        if (downsample is not null) residual = downsample.call(x);

        y += residual;
        return relu.call(y);
    }
}

public static partial class models
{
    private static ModelInfo[] videoresnets =>
    [
        new("r3d_18", 33_371_472, [3, 16, 112, 112], (classes, device) => r3d_18(classes, device)) { num_classes = 400 },
        new("mc3_18", 11_695_440, [3, 16, 112, 112], (classes, device) => mc3_18(classes, device)) { num_classes = 400 },
        new("r2plus1d_18", 31_505_325, [3, 16, 112, 112], (classes, device) => r2plus1d_18(classes, device)) { num_classes = 400 },
    ];

    /// <summary>R3D-18: convolutions over space and time. <c>torchvision.models.video.r3d_18</c></summary>
    public static VideoResNet r3d_18(long num_classes = 400, Device? device = null) =>
        new([VideoConv.Conv3DSimple, VideoConv.Conv3DSimple, VideoConv.Conv3DSimple, VideoConv.Conv3DSimple], [2, 2, 2, 2],
            BasicStem(device), num_classes, device);

    /// <summary>MC3-18: over time in the first stage only. <c>torchvision.models.video.mc3_18</c></summary>
    public static VideoResNet mc3_18(long num_classes = 400, Device? device = null) =>
        new([VideoConv.Conv3DSimple, VideoConv.Conv3DNoTemporal, VideoConv.Conv3DNoTemporal, VideoConv.Conv3DNoTemporal], [2, 2, 2, 2],
            BasicStem(device), num_classes, device);

    /// <summary>R(2+1)D-18: over space, then over time. <c>torchvision.models.video.r2plus1d_18</c></summary>
    public static VideoResNet r2plus1d_18(long num_classes = 400, Device? device = null) =>
        new([VideoConv.Conv2Plus1D, VideoConv.Conv2Plus1D, VideoConv.Conv2Plus1D, VideoConv.Conv2Plus1D], [2, 2, 2, 2],
            R2Plus1dStem(device), num_classes, device);

    private static Sequential BasicStem(Device? device) => Sequential(
        Conv3d(3, 64, kernel_size: (3, 7, 7), stride: (1, 2, 2), padding: (1, 3, 3), bias: false, device: device),
        BatchNorm3d(64, device: device),
        ReLU(inplace: true));

    private static Sequential R2Plus1dStem(Device? device) => Sequential(
        Conv3d(3, 45, kernel_size: (1, 7, 7), stride: (1, 2, 2), padding: (0, 3, 3), bias: false, device: device),
        BatchNorm3d(45, device: device),
        ReLU(inplace: true),
        Conv3d(45, 64, kernel_size: (3, 1, 1), stride: (1, 1, 1), padding: (1, 0, 0), bias: false, device: device),
        BatchNorm3d(64, device: device),
        ReLU(inplace: true));
}
