namespace TorchSharp.Fx.Vision;

/// <summary>How a width multiplier scales numbers of channels in the mobile networks.</summary>
internal static class Channels
{
    /// <summary>The nearest multiple, but never more than a tenth below the value. <c>torchvision.models._utils._make_divisible</c></summary>
    public static long MakeDivisible(double value, long divisor = 8)
    {
        var nearest = Math.Max(divisor, (long)(value + divisor / 2.0) / divisor * divisor);
        return nearest < 0.9 * value ? nearest + divisor : nearest;
    }
}
