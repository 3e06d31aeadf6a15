using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>Expands, convolves each channel by itself, projects back. <c>torchvision.models.mnasnet._InvertedResidual</c></summary>
public sealed class MNASNetInvertedResidual : Module<Tensor, Tensor>
{
    private readonly bool apply_residual;
    private readonly Sequential layers;

    /// <summary>Initialises random weights.</summary>
    public MNASNetInvertedResidual(long in_ch, long out_ch, long kernel_size, long stride, long expansion_factor, double bn_momentum = 0.1,
        Device? device = null)
        : base(nameof(MNASNetInvertedResidual))
    {
        var mid_ch = in_ch * expansion_factor;
        apply_residual = in_ch == out_ch && stride == 1;
        layers = Sequential(
            Conv2d(in_ch, mid_ch, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(mid_ch, momentum: bn_momentum, device: device),
            ReLU(inplace: true),
            Conv2d(mid_ch, mid_ch, kernel_size, stride, padding: kernel_size / 2, groups: mid_ch, bias: false, device: device),
            BatchNorm2d(mid_ch, momentum: bn_momentum, device: device),
            ReLU(inplace: true),
            Conv2d(mid_ch, out_ch, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(out_ch, momentum: bn_momentum, device: device));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => apply_residual ? layers.call(input) + input : layers.call(input);
}

/// <summary>MNASNet: Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile" (2018).</summary>
/// <remarks>
/// <c>torchvision.models.MNASNet</c> of version 2, whose first convolutions scale with <c>alpha</c> too. Images [N, 3, H, W] of any size to
/// logits [N, num_classes].
/// </remarks>
public sealed class MNASNet : Module<Tensor, Tensor>
{
    // TensorFlow's 0.9997 in PyTorch's terms.
    private const double bn_momentum = 1 - 0.9997;

    private readonly Sequential layers;
    private readonly Sequential classifier;

    /// <summary>Initialises random weights.</summary>
    /// <param name="alpha">Scales the numbers of channels.</param>
    /// <param name="num_classes">The number of outputs of the classifier.</param>
    /// <param name="dropout">The dropout probability before the classifier.</param>
    /// <param name="device">The device of the weights; null for the default device.</param>
    public MNASNet(double alpha, long num_classes = 1000, double dropout = 0.2, Device? device = null) : base(nameof(MNASNet))
    {
        if (alpha <= 0) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "MNASNet's width multiplier is greater than 0.");
        long[] depths = [.. new[] { 32, 16, 24, 40, 80, 96, 192, 320 }.Select(depth => MobileNets.MakeDivisible(depth * alpha))];
        layers = Sequential(
            Conv2d(3, depths[0], kernel_size: 3, stride: 2, padding: 1, bias: false, device: device),
            BatchNorm2d(depths[0], momentum: bn_momentum, device: device),
            ReLU(inplace: true),
            Conv2d(depths[0], depths[0], kernel_size: 3, padding: 1, groups: depths[0], bias: false, device: device),
            BatchNorm2d(depths[0], momentum: bn_momentum, device: device),
            ReLU(inplace: true),
            Conv2d(depths[0], depths[1], kernel_size: 1, bias: false, device: device),
            BatchNorm2d(depths[1], momentum: bn_momentum, device: device),
            Stack(depths[1], depths[2], kernel_size: 3, stride: 2, expansion_factor: 3, repeats: 3, device),
            Stack(depths[2], depths[3], kernel_size: 5, stride: 2, expansion_factor: 3, repeats: 3, device),
            Stack(depths[3], depths[4], kernel_size: 5, stride: 2, expansion_factor: 6, repeats: 3, device),
            Stack(depths[4], depths[5], kernel_size: 3, stride: 1, expansion_factor: 6, repeats: 2, device),
            Stack(depths[5], depths[6], kernel_size: 5, stride: 2, expansion_factor: 6, repeats: 4, device),
            Stack(depths[6], depths[7], kernel_size: 3, stride: 1, expansion_factor: 6, repeats: 1, device),
            Conv2d(depths[7], 1280, kernel_size: 1, bias: false, device: device),
            BatchNorm2d(1280, momentum: bn_momentum, device: device),
            ReLU(inplace: true));
        classifier = Sequential(Dropout(dropout, inplace: true), Linear(1280, num_classes, device: device));
        RegisterComponents();
        InitWeights();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        x = layers.call(x);
        x = x.mean([2, 3]);
        return classifier.call(x);
    }

    // Only the first block changes the resolution and the number of channels.
    private static Sequential Stack(long in_ch, long out_ch, long kernel_size, long stride, long expansion_factor, int repeats,
        Device? device)
    {
        var blocks =
            new List<Module<Tensor, Tensor>> { new MNASNetInvertedResidual(in_ch, out_ch, kernel_size, stride, expansion_factor,
                bn_momentum, device) };
        for (var i = 1; i < repeats; i++)
            blocks.Add(new MNASNetInvertedResidual(out_ch, out_ch, kernel_size, 1, expansion_factor, bn_momentum, device));
        return Sequential(blocks);
    }

    // Batch norms keep TorchSharp's own initial values, which are the same ones and zeros.
    private void InitWeights()
    {
        foreach (var module in modules())
            switch (module)
            {
                case Conv2d conv: init.kaiming_normal_(conv.weight, mode: init.FanInOut.FanOut,
                    nonlinearity: init.NonlinearityType.ReLU); break;
                case Linear linear:
                    init.kaiming_uniform_(linear.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.Sigmoid);
                    init.constant_(linear.bias, 0);
                    break;
            }
    }
}

public static partial class models
{
    private static ModelInfo[] mnasnets =>
    [
        new("mnasnet0_5", 2_218_512, imagenet, (classes, device) => mnasnet0_5(classes, device: device)),
        new("mnasnet0_75", 3_170_208, imagenet, (classes, device) => mnasnet0_75(classes, device: device)),
        new("mnasnet1_0", 4_383_312, imagenet, (classes, device) => mnasnet1_0(classes, device: device)),
        new("mnasnet1_3", 6_282_256, imagenet, (classes, device) => mnasnet1_3(classes, device: device)),
    ];

    /// <summary>MNASNet of half the width. <c>torchvision.models.mnasnet0_5</c></summary>
    public static MNASNet mnasnet0_5(long num_classes = 1000, double dropout = 0.2, Device? device = null)
        => new(0.5, num_classes, dropout, device);

    /// <summary>MNASNet of three quarters of the width. <c>torchvision.models.mnasnet0_75</c></summary>
    public static MNASNet mnasnet0_75(long num_classes = 1000, double dropout = 0.2, Device? device = null)
        => new(0.75, num_classes, dropout, device);

    /// <summary>MNASNet, the paper's B1. <c>torchvision.models.mnasnet1_0</c></summary>
    public static MNASNet mnasnet1_0(long num_classes = 1000, double dropout = 0.2, Device? device = null)
        => new(1.0, num_classes, dropout, device);

    /// <summary>MNASNet of 1.3 times the width. <c>torchvision.models.mnasnet1_3</c></summary>
    public static MNASNet mnasnet1_3(long num_classes = 1000, double dropout = 0.2, Device? device = null)
        => new(1.3, num_classes, dropout, device);
}
