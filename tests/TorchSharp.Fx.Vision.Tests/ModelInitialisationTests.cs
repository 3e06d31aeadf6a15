using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The distributions that fresh weights are drawn from: torchvision's.</summary>
public sealed class ModelInitialisationTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void ResNets_convolutions_follow_he()
    {
        foreach (var conv in models.resnet18().modules().OfType<Conv2d>())
        {
            var fan_out = conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1];
            AssertNormal(conv.weight!, Math.Sqrt(2.0 / fan_out));
        }
    }

    [Fact]
    public void Zero_init_residual_makes_every_block_the_identity()
    {
        var model = models.resnet50(zero_init_residual: true);
        foreach (var (name, parameter) in model.named_parameters())
            if (name.Contains("bn3.weight", StringComparison.Ordinal)) Assert.Equal(0, parameter.abs().max().item<float>());
            else if (name.Contains("bn2.weight", StringComparison.Ordinal)) Assert.Equal(1, parameter.min().item<float>());
    }

    [Fact]
    public void VGGs_layers_follow_the_paper()
    {
        var model = models.vgg11(num_classes: 10);
        foreach (var linear in model.modules().OfType<Linear>()) AssertNormal(linear.weight!, 0.01);
        foreach (var conv in model.modules().OfType<Conv2d>())
        {
            AssertNormal(conv.weight!, Math.Sqrt(2.0 / (conv.out_channels * 9)));
            Assert.Equal(0, conv.bias!.abs().max().item<float>());
        }
    }

    [Fact]
    public void Inceptions_layers_have_the_deviations_of_the_original()
    {
        var model = models.inception_v3();
        AssertNormal(model.get_parameter("Conv2d_2b_3x3.conv.weight")!, 0.1);
        AssertNormal(model.get_parameter("AuxLogits.conv1.conv.weight")!, 0.1);
        AssertNormal(model.get_parameter("AuxLogits.fc.weight")!, 0.001);
        AssertNormal(models.googlenet().get_parameter("fc.weight")!, 0.01);
    }

    private static void AssertNormal(Tensor weight, double std)
    {
        // Four standard errors of a deviation and of a mean of that many numbers.
        var n = weight.numel();
        Assert.InRange(weight.std().item<float>(), std * (1 - 4 / Math.Sqrt(2.0 * n)), std * (1 + 4 / Math.Sqrt(2.0 * n)));
        Assert.InRange(weight.mean().item<float>(), -4 * std / Math.Sqrt(n), 4 * std / Math.Sqrt(n));
    }
}
