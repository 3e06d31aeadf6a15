using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>ResNet (He et al. 2015), ResNeXt (Xie et al. 2016) and wide ResNet (Zagoruyko and Komodakis 2016).</summary>
/// <remarks><c>torchvision.models.ResNet</c>. Images [N, 3, H, W] of any size to logits [N, num_classes]; the stages' strides are 4, 8, 16
/// and 32.</remarks>
public sealed class ResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Module<Tensor, Tensor> bn1;
    private readonly ReLU relu;
    private readonly MaxPool2d maxpool;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly AdaptiveAvgPool2d avgpool;
    private readonly Linear fc;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="block">The kind of blocks of the stages.</param>
    /// <param name="layers">How many blocks each of the four stages has.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="zero_init_residual">Whether every block starts as the identity: its last norm's weight is zero.</param>
    /// <param name="groups">ResNeXt's cardinality.</param>
    /// <param name="width_per_group">ResNeXt's width of a group, 64 for ResNet, 128 for wide ResNet.</param>
    /// <param name="replace_stride_with_dilation">For each of the stages 2 to 4, whether to keep the resolution and dilate instead; null
    /// for never.</param>
    /// <param name="norm_layer">Builds the norms; null is batch norm.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    public ResNet(
        ResidualBlock block, IReadOnlyList<int> layers, long num_classes = 1000, bool zero_init_residual = false, long groups = 1,
        long width_per_group = 64,
        IReadOnlyList<bool>? replace_stride_with_dilation = null, NormLayer? norm_layer = null, Device? device = null,
        bool quantizable = false) : base(nameof(ResNet))
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(layers);
        if (layers.Count != 4)
            throw new ArgumentException($"A ResNet has four stages; layers gives {layers.Count} numbers of blocks.", nameof(layers));
        var dilate = replace_stride_with_dilation ?? [false, false, false];
        if (dilate.Count != 3)
            throw new ArgumentException($"replace_stride_with_dilation is for the last three stages; it has {dilate.Count} elements.",
                nameof(replace_stride_with_dilation));
        norm_layer ??= features => BatchNorm2d(features, device: device);

        conv1 = Conv2d(3, 64, kernel_size: 7, stride: 2, padding: 3, bias: false, device: device);
        bn1 = norm_layer(64);
        relu = ReLU(inplace: !quantizable);
        maxpool = MaxPool2d(kernel_size: 3, stride: 2, padding: 1);
        var stages = new Stages(block, groups, width_per_group, norm_layer, device);
        layer1 = stages.Next(64, layers[0]);
        layer2 = stages.Next(128, layers[1], stride: 2, dilate[0]);
        layer3 = stages.Next(256, layers[2], stride: 2, dilate[1]);
        layer4 = stages.Next(512, layers[3], stride: 2, dilate[2]);
        avgpool = AdaptiveAvgPool2d((1, 1));
        out_channels = 512 * block.expansion;
        fc = Linear(out_channels, num_classes, device: device);
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
        InitWeights(zero_init_residual);
    }

    /// <summary>Channels of the last stage, twice those of the stage before, and so on.</summary>
    internal long out_channels { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        if (quant is not null) x = quant.call(x);
        x = conv1.call(x);
        x = bn1.call(x);
        x = relu.call(x);
        x = maxpool.call(x);

        x = layer1.call(x);
        x = layer2.call(x);
        x = layer3.call(x);
        x = layer4.call(x);

        x = avgpool.call(x);
        x = torch.flatten(x, 1);
        x = fc.call(x);
        return dequant is null ? x : dequant.call(x);
    }

    // Norms keep TorchSharp's own initial values, which are the ones and zeros torchvision sets; fc keeps its own too.
    private void InitWeights(bool zero_init_residual)
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: init.kaiming_normal_(conv.weight, mode: init.FanInOut.FanOut,
                    nonlinearity: init.NonlinearityType.ReLU); break;
                case BasicBlock block when zero_init_residual: Zero(block.last_norm); break;
                case Bottleneck block when zero_init_residual: Zero(block.last_norm); break;
            }

        static void Zero(Module<Tensor, Tensor> norm)
        {
            if (norm.get_parameter("weight") is { } weight) init.constant_(weight, 0);
        }
    }

    /// <summary>Builds one stage after the other, each continuing with the channels and the dilation of the one before.</summary>
    private sealed class Stages(ResidualBlock block, long groups, long width_per_group, NormLayer norm_layer, Device? device)
    {
        private long inplanes = 64;
        private long dilation = 1;

        public Sequential Next(long planes, int blocks, long stride = 1, bool dilate = false)
        {
            var first_dilation = dilation;
            if (dilate) (dilation, stride) = (dilation * stride, 1);

            var outplanes = planes * block.expansion;
            var downsample = stride == 1 && inplanes == outplanes ? null
                : Sequential(ResidualBlock.conv1x1(inplanes, outplanes, stride, device), norm_layer(outplanes));
            var layers =
                new List<Module<Tensor, Tensor>> { block.create(inplanes, planes, stride, downsample, groups, width_per_group,
                    first_dilation, norm_layer, device) };
            inplanes = outplanes;
            for (var i = 1; i < blocks; i++)
                layers.Add(block.create(inplanes, planes, 1, null, groups, width_per_group, dilation, norm_layer, device));
            return Sequential(layers);
        }
    }
}

public static partial class models
{
    private static ModelInfo[] resnets =>
    [
        new("resnet18", 11_689_512, imagenet, (classes, device) => resnet18(classes, device: device)),
        new("resnet34", 21_797_672, imagenet, (classes, device) => resnet34(classes, device: device)),
        new("resnet50", 25_557_032, imagenet, (classes, device) => resnet50(classes, device: device)),
        new("resnet101", 44_549_160, imagenet, (classes, device) => resnet101(classes, device: device)),
        new("resnet152", 60_192_808, imagenet, (classes, device) => resnet152(classes, device: device)),
        new("resnext50_32x4d", 25_028_904, imagenet, (classes, device) => resnext50_32x4d(classes, device: device)),
        new("resnext101_32x8d", 88_791_336, imagenet, (classes, device) => resnext101_32x8d(classes, device: device)),
        new("resnext101_64x4d", 83_455_272, imagenet, (classes, device) => resnext101_64x4d(classes, device: device)),
        new("wide_resnet50_2", 68_883_240, imagenet, (classes, device) => wide_resnet50_2(classes, device: device)),
        new("wide_resnet101_2", 126_886_696, imagenet, (classes, device) => wide_resnet101_2(classes, device: device)),
    ];

    /// <summary>ResNet-18. <c>torchvision.models.resnet18</c></summary>
    public static ResNet resnet18(long num_classes = 1000, bool zero_init_residual = false, NormLayer? norm_layer = null,
        Device? device = null) =>
        new(ResidualBlock.basic, [2, 2, 2, 2], num_classes, zero_init_residual, norm_layer: norm_layer, device: device);

    /// <summary>ResNet-34. <c>torchvision.models.resnet34</c></summary>
    public static ResNet resnet34(long num_classes = 1000, bool zero_init_residual = false, NormLayer? norm_layer = null,
        Device? device = null) =>
        new(ResidualBlock.basic, [3, 4, 6, 3], num_classes, zero_init_residual, norm_layer: norm_layer, device: device);

    /// <summary>ResNet-50. <c>torchvision.models.resnet50</c></summary>
    public static ResNet resnet50(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 6, 3], num_classes, zero_init_residual,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>ResNet-101. <c>torchvision.models.resnet101</c></summary>
    public static ResNet resnet101(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 23, 3], num_classes, zero_init_residual,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>ResNet-152. <c>torchvision.models.resnet152</c></summary>
    public static ResNet resnet152(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 8, 36, 3], num_classes, zero_init_residual,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>ResNeXt-50, 32 groups of width 4. <c>torchvision.models.resnext50_32x4d</c></summary>
    public static ResNet resnext50_32x4d(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 6, 3], num_classes, zero_init_residual, groups: 32, width_per_group: 4,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>ResNeXt-101, 32 groups of width 8. <c>torchvision.models.resnext101_32x8d</c></summary>
    public static ResNet resnext101_32x8d(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 23, 3], num_classes, zero_init_residual, groups: 32, width_per_group: 8,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>ResNeXt-101, 64 groups of width 4. <c>torchvision.models.resnext101_64x4d</c></summary>
    public static ResNet resnext101_64x4d(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 23, 3], num_classes, zero_init_residual, groups: 64, width_per_group: 4,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>Wide ResNet-50-2: the 3 × 3 convolutions are twice as wide. <c>torchvision.models.wide_resnet50_2</c></summary>
    public static ResNet wide_resnet50_2(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 6, 3], num_classes, zero_init_residual, width_per_group: 128,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);

    /// <summary>Wide ResNet-101-2: the 3 × 3 convolutions are twice as wide. <c>torchvision.models.wide_resnet101_2</c></summary>
    public static ResNet wide_resnet101_2(
        long num_classes = 1000, bool zero_init_residual = false, IReadOnlyList<bool>? replace_stride_with_dilation = null,
        NormLayer? norm_layer = null, Device? device = null) =>
        new(ResidualBlock.bottleneck, [3, 4, 23, 3], num_classes, zero_init_residual, width_per_group: 128,
            replace_stride_with_dilation: replace_stride_with_dilation, norm_layer: norm_layer, device: device);
}
