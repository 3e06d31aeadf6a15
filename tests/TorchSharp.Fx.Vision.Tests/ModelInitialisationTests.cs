using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.Fx.Vision.Tests.Initial;

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

    [Fact]
    public void SqueezeNets_layers_are_uniform_but_for_the_last()
    {
        var model = models.squeezenet1_1(num_classes: 10);
        AssertUniform(model.get_parameter("features.12.expand3x3.weight")!, Math.Sqrt(6.0 / (64 * 9)));
        AssertNormal(model.get_parameter("classifier.1.weight")!, 0.01);
        Assert.All(model.named_parameters().Where(item => item.name.EndsWith("bias", StringComparison.Ordinal)), item => Assert.Equal(0, item.parameter.abs().max().item<float>()));
    }

    [Fact]
    public void DenseNets_convolutions_follow_he_by_their_inputs()
    {
        foreach (var conv in models.densenet121().modules().OfType<Conv2d>())
            AssertNormal(conv.weight!, Math.Sqrt(2.0 / (conv.in_channels * conv.kernel_size[0] * conv.kernel_size[1])));
    }

    [Fact]
    public void Mobile_networks_follow_he_by_their_outputs()
    {
        nn.Module[] networks = [models.mobilenet_v2(), models.mobilenet_v3_small(), models.mnasnet0_5(), models.efficientnet_b0()];
        foreach (var model in networks)
            foreach (var conv in model.modules().OfType<Conv2d>())
            {
                AssertNormal(conv.weight!, Math.Sqrt(2.0 / (conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1])));
                if (conv.bias is not null) Assert.Equal(0, conv.bias.abs().max().item<float>());
            }
        AssertNormal(networks[0].get_parameter("classifier.1.weight")!, 0.01);
        AssertNormal(networks[1].get_parameter("classifier.0.weight")!, 0.01);
        AssertUniform(networks[2].get_parameter("classifier.1.weight")!, Math.Sqrt(3.0 / 1000));
        AssertUniform(networks[3].get_parameter("classifier.1.weight")!, 1 / Math.Sqrt(1000));
    }

    [Fact]
    public void RegNets_convolutions_follow_he_by_their_outputs()
    {
        var model = models.regnet_y_400mf();
        AssertNormal(model.get_parameter("trunk_output.block4.block4-0.f.b.0.weight")!, Math.Sqrt(2.0 / (440 * 9)));
        AssertNormal(model.get_parameter("fc.weight")!, 0.01);
    }

    [Fact]
    public void ConvNeXts_layers_are_narrow_and_its_blocks_begin_as_the_identity()
    {
        var model = models.convnext_tiny();
        foreach (var module in model.modules())
            if (module is Conv2d conv) AssertNormal(conv.weight!, 0.02);
            else if (module is Linear linear) AssertNormal(linear.weight!, 0.02);
        var scale = model.get_parameter("features.1.0.layer_scale")!;
        Assert.Equal([96, 1, 1], scale.shape);
        Assert.True(scale.allclose(torch.full_like(scale, 1e-6f), atol: 0));
    }

    [Theory]
    [InlineData("mobilenet_v2", 1e-5, 0.1)]
    [InlineData("mobilenet_v3_small", 1e-3, 0.01)]
    [InlineData("mnasnet0_5", 1e-5, 3e-4)]
    [InlineData("efficientnet_b4", 1e-5, 0.1)]
    [InlineData("efficientnet_b5", 1e-3, 0.01)]
    [InlineData("efficientnet_v2_s", 1e-3, 0.1)]
    [InlineData("regnet_x_400mf", 1e-5, 0.1)]
    public void Batch_norms_have_the_epsilon_and_momentum_of_the_original(string name, double eps, double momentum) =>
        Assert.All(models.get_model(name, device: META).modules().OfType<BatchNorm2d>(), norm =>
        {
            Assert.Equal(eps, norm.eps, 1e-12);
            Assert.Equal(momentum, norm.momentum!.Value, 1e-12);
        });
}
