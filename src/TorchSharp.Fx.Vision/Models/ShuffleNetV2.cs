using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// One half of the channels passes, the other is convolved, then they are mixed. <c>torchvision.models.shufflenetv2.InvertedResidual</c>
/// </summary>
public sealed class ShuffleNetInvertedResidual : Module<Tensor, Tensor>
{
    private readonly Sequential? branch1;
    private readonly Sequential branch2;
    private readonly FloatFunctional? cat;

    /// <summary>Initialises random weights; with a stride both branches see all channels.</summary>
    /// <exception cref="ArgumentException">The stride is none of 1, 2 and 3, or it is 1 and the numbers of channels differ or are
    /// odd.</exception>
    public ShuffleNetInvertedResidual(long inp, long oup, long stride, Device? device = null, bool quantizable = false)
        : base(nameof(ShuffleNetInvertedResidual))
    {
        if (stride is not (>= 1 and <= 3))
            throw new ArgumentOutOfRangeException(nameof(stride), stride, "A ShuffleNet block has stride 1, 2 or 3.");
        var branch_features = oup / 2;
        if (stride == 1 && inp != 2 * branch_features)
            throw new ArgumentException($"A ShuffleNet block of stride 1 keeps an even number of channels; it can't turn {inp} into {oup}.",
                nameof(oup));

        if (stride > 1)
            branch1 = Sequential(
                DepthwiseConv(inp, stride, device),
                BatchNorm2d(inp, device: device),
                Conv2d(inp, branch_features, kernel_size: 1, bias: false, device: device),
                BatchNorm2d(branch_features, device: device),
                ReLU(inplace: true));
        branch2 = Sequential(
            Conv2d(stride > 1 ? inp : branch_features, branch_features, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(branch_features, device: device),
            ReLU(inplace: true),
            DepthwiseConv(branch_features, stride, device),
            BatchNorm2d(branch_features, device: device),
            Conv2d(branch_features, branch_features, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(branch_features, device: device),
            ReLU(inplace: true));
        cat = Quantizable.Functional(quantizable);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        if (branch1 is not null) return ChannelShuffle(cat.Cat([branch1.call(x), branch2.call(x)]), groups: 2);
        var halves = x.chunk(2, 1);
        var (x1, x2) = (halves[0], halves[1]);
        return ChannelShuffle(cat.Cat([x1, branch2.call(x2)]), groups: 2);
    }

    // [a1 a2 b1 b2] to [a1 b1 a2 b2]
    private static Tensor ChannelShuffle(Tensor x, long groups)
    {
        var size = x.size();
        var (batchsize, num_channels, height, width) = (size[0], size[1], size[2], size[3]);
        var channels_per_group = num_channels / groups;
        x = x.view(batchsize, groups, channels_per_group, height, width);
        x = torch.transpose(x, 1, 2).contiguous();
        return x.view(batchsize, -1, height, width);
    }

    private static Conv2d DepthwiseConv(long channels, long stride, Device? device) =>
        Conv2d(channels, channels, kernel_size: 3, stride: stride, padding: 1, groups: channels, bias: false, device: device);
}

/// <summary>ShuffleNet v2: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design" (2018).</summary>
/// <remarks><c>torchvision.models.ShuffleNetV2</c>. Images [N, 3, H, W] of any size to logits [N, num_classes]; weights are drawn from
/// PyTorch's defaults.</remarks>
public sealed class ShuffleNetV2 : Module<Tensor, Tensor>
{
    private readonly Sequential conv1;
    private readonly MaxPool2d maxpool;
    private readonly Sequential stage2;
    private readonly Sequential stage3;
    private readonly Sequential stage4;
    private readonly Sequential conv5;
    private readonly Linear fc;
    private readonly QuantStub? quant;
    private readonly DeQuantStub? dequant;

    /// <summary>Initialises random weights.</summary>
    /// <param name="stages_repeats">How many blocks each of the three stages has.</param>
    /// <param name="stages_out_channels">Channels of the first convolution, of the three stages and of the last convolution.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    /// <param name="quantizable">Whether to build the quantisable variant, as in <see cref="models.quantization"/>.</param>
    /// <exception cref="ArgumentException">There are not three stages.</exception>
    public ShuffleNetV2(IReadOnlyList<int> stages_repeats, IReadOnlyList<long> stages_out_channels, long num_classes = 1000,
        Device? device = null, bool quantizable = false)
        : base(nameof(ShuffleNetV2))
    {
        ArgumentNullException.ThrowIfNull(stages_repeats);
        ArgumentNullException.ThrowIfNull(stages_out_channels);
        if (stages_repeats.Count != 3)
            throw new ArgumentException($"A ShuffleNet v2 has three stages; stages_repeats gives {stages_repeats.Count} numbers of blocks.",
                nameof(stages_repeats));
        if (stages_out_channels.Count != 5)
            throw new ArgumentException(
                $"stages_out_channels is for conv1, three stages and conv5; it has {stages_out_channels.Count} elements.",
                nameof(stages_out_channels));

        conv1 = Sequential(
            Conv2d(3, stages_out_channels[0], kernel_size: 3, stride: 2, padding: 1, bias: false, device: device),
            BatchNorm2d(stages_out_channels[0], device: device),
            ReLU(inplace: true));
        maxpool = MaxPool2d(kernel_size: 3, stride: 2, padding: 1);
        stage2 = Stage(stages_repeats[0], stages_out_channels[0], stages_out_channels[1], device, quantizable);
        stage3 = Stage(stages_repeats[1], stages_out_channels[1], stages_out_channels[2], device, quantizable);
        stage4 = Stage(stages_repeats[2], stages_out_channels[2], stages_out_channels[3], device, quantizable);
        conv5 = Sequential(
            Conv2d(stages_out_channels[3], stages_out_channels[4], kernel_size: 1, bias: false, device: device),
            BatchNorm2d(stages_out_channels[4], device: device),
            ReLU(inplace: true));
        fc = Linear(stages_out_channels[4], num_classes, device: device);
        if (quantizable) (quant, dequant) = (new(), new());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        if (quant is not null) x = quant.call(x);
        x = conv1.call(x);
        x = maxpool.call(x);
        x = stage2.call(x);
        x = stage3.call(x);
        x = stage4.call(x);
        x = conv5.call(x);
        x = x.mean([2, 3]);
        x = fc.call(x);
        return dequant is null ? x : dequant.call(x);
    }

    private static Sequential Stage(int repeats, long input_channels, long output_channels, Device? device, bool quantizable)
    {
        var blocks =
            new List<Module<Tensor, Tensor>> { new ShuffleNetInvertedResidual(input_channels, output_channels, 2, device, quantizable) };
        for (var i = 1; i < repeats; i++)
            blocks.Add(new ShuffleNetInvertedResidual(output_channels, output_channels, 1, device, quantizable));
        return Sequential(blocks);
    }
}

public static partial class models
{
    private static ModelInfo[] shufflenets =>
    [
        new("shufflenet_v2_x0_5", 1_366_792, imagenet, (classes, device) => shufflenet_v2_x0_5(classes, device)),
        new("shufflenet_v2_x1_0", 2_278_604, imagenet, (classes, device) => shufflenet_v2_x1_0(classes, device)),
        new("shufflenet_v2_x1_5", 3_503_624, imagenet, (classes, device) => shufflenet_v2_x1_5(classes, device)),
        new("shufflenet_v2_x2_0", 7_393_996, imagenet, (classes, device) => shufflenet_v2_x2_0(classes, device)),
    ];

    /// <summary>ShuffleNet v2 of half the width. <c>torchvision.models.shufflenet_v2_x0_5</c></summary>
    public static ShuffleNetV2 shufflenet_v2_x0_5(long num_classes = 1000, Device? device = null)
        => new([4, 8, 4], [24, 48, 96, 192, 1024], num_classes, device);

    /// <summary>ShuffleNet v2. <c>torchvision.models.shufflenet_v2_x1_0</c></summary>
    public static ShuffleNetV2 shufflenet_v2_x1_0(long num_classes = 1000, Device? device = null)
        => new([4, 8, 4], [24, 116, 232, 464, 1024], num_classes, device);

    /// <summary>ShuffleNet v2 of 1.5 times the width. <c>torchvision.models.shufflenet_v2_x1_5</c></summary>
    public static ShuffleNetV2 shufflenet_v2_x1_5(long num_classes = 1000, Device? device = null)
        => new([4, 8, 4], [24, 176, 352, 704, 1024], num_classes, device);

    /// <summary>ShuffleNet v2 of twice the width. <c>torchvision.models.shufflenet_v2_x2_0</c></summary>
    public static ShuffleNetV2 shufflenet_v2_x2_0(long num_classes = 1000, Device? device = null)
        => new([4, 8, 4], [24, 244, 488, 976, 2048], num_classes, device);
}
