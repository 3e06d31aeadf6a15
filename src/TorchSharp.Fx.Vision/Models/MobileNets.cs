using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision;

/// <summary>A block of a MobileNet, where segmentation and detection tap it.</summary>
internal interface IMobileNetBlock
{
    /// <summary>Channels of the output.</summary>
    long out_channels { get; }

    /// <summary>Whether it begins a stage. torchvision's <c>_is_cn</c></summary>
    bool is_strided { get; }
}

/// <summary>The parts that the networks for small devices share.</summary>
internal static class MobileNets
{
    /// <summary>
    /// The nearest multiple, but never more than a tenth below the value. <c>torchvision.models._utils._make_divisible</c>
    /// </summary>
    public static long MakeDivisible(double value, long divisor = 8)
    {
        var nearest = Math.Max(divisor, (long)(value + divisor / 2.0) / divisor * divisor);
        return nearest < 0.9 * value ? nearest + divisor : nearest;
    }

    /// <summary>
    /// He's normal distribution for convolutions, a narrow one for the classifier. Norms keep TorchSharp's own initial values, which are
    /// ones and zeros.
    /// </summary>
    public static void InitWeights(Module model)
    {
        foreach (var module in model.modules())
            switch (module)
            {
                case Conv2d conv: InitConvolution(conv); break;
                case Linear linear:
                    init.normal_(linear.weight, 0, 0.01);
                    init.constant_(linear.bias, 0);
                    break;
            }
    }

    /// <summary>He's normal distribution by the outputs, and no bias.</summary>
    public static void InitConvolution(Conv2d conv)
    {
        init.kaiming_normal_(conv.weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
        if (conv.bias is not null) init.constant_(conv.bias, 0);
    }
}
