using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Whether numbers may have been drawn from a distribution.</summary>
internal static class Initial
{
    public static void AssertNormal(Tensor weight, double std)
    {
        // Six standard errors of a deviation and of a mean of that many numbers: the suite draws hundreds, and four are exceeded now and then.
        var n = weight.numel();
        Assert.InRange(weight.std().item<float>(), std * (1 - 6 / Math.Sqrt(2.0 * n)), std * (1 + 6 / Math.Sqrt(2.0 * n)));
        Assert.InRange(weight.mean().item<float>(), -6 * std / Math.Sqrt(n), 6 * std / Math.Sqrt(n));
    }

    public static void AssertUniform(Tensor weight, double bound)
    {
        Assert.InRange(weight.abs().max().item<float>(), bound * 0.99, bound * (1 + 1e-6));
        // The deviation of a uniform distribution's deviation: its kurtosis is 1.8.
        var n = weight.numel();
        var std = bound / Math.Sqrt(3);
        Assert.InRange(weight.std().item<float>(), std * (1 - 6 * Math.Sqrt(0.2 / n)), std * (1 + 6 * Math.Sqrt(0.2 / n)));
        Assert.InRange(weight.mean().item<float>(), -6 * std / Math.Sqrt(n), 6 * std / Math.Sqrt(n));
    }
}
