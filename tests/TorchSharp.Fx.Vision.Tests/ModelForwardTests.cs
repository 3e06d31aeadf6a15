using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>What the models compute, against torchvision with the same weights and input.</summary>
public sealed class ModelForwardTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("alexnet", "classifier.6")]
    [InlineData("vgg11_bn", "classifier.6")]
    [InlineData("resnet18", "fc")]
    [InlineData("resnet50", "fc")]
    [InlineData("resnext50_32x4d", "fc")]
    [InlineData("wide_resnet50_2", "fc")]
    public void Logits_are_torchvisions(string name, string output)
    {
        var model = (Module<Tensor, Tensor>)DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        AssertOutput(name, output, model.call);
    }

    [Fact]
    public void Inceptions_logits_are_torchvisions()
    {
        var model = DeterministicWeights.Fill(models.inception_v3(init_weights: false));
        model.eval();
        AssertOutput("inception_v3", "fc", x => model.call(x).logits);
    }

    [Fact]
    public void Every_modules_output_on_the_way_is_torchvisions()
    {
        var model = DeterministicWeights.Fill(models.resnet18());
        var (shape, nodes) = Golden.Features("resnet18");
        var modules = model.named_modules().ToDictionary(item => item.name, item => item.module);
        var compared = 0;
        foreach (var (node, expected) in nodes)
        {
            // The in-place ReLU overwrites what a batch norm put out, but only after its hook has run.
            if (!modules.TryGetValue(node, out var module)) continue;
            if (module is Conv2d conv) conv.register_forward_hook((_, _, y) => Compare(y, node, expected));
            else if (module is BatchNorm2d norm) norm.register_forward_hook((_, _, y) => Compare(y, node, expected));
        }
        model.eval();
        using var _ = no_grad();
        model.call(DeterministicWeights.Input(shape));
        Assert.True(compared > 10, $"Only {compared} modules were compared.");

        Tensor Compare(Tensor y, string node, TensorStatistics expected)
        {
            expected.AssertMatches(y, node);
            compared++;
            return y;
        }
    }

    [Fact]
    public void Auxiliary_logits_are_there_in_training_only()
    {
        var google = models.googlenet(num_classes: 5, init_weights: false);
        var inception = models.inception_v3(num_classes: 5, init_weights: false);
        using var _ = no_grad();

        google.train();
        var (logits, aux2, aux1) = google.call(torch.rand(2, 3, 224, 224));
        Assert.All([logits, aux2!, aux1!], output => Assert.Equal([2, 5], output.shape));
        google.eval();
        Assert.All([google.call(torch.rand(1, 3, 64, 64))], y => Assert.Equal((null, null), (y.aux_logits2, y.aux_logits1)));

        inception.train();
        Assert.Equal([2, 5], inception.call(torch.rand(2, 3, 299, 299)).aux_logits!.shape);
        inception.eval();
        Assert.Null(inception.call(torch.rand(1, 3, 75, 75)).aux_logits);
    }

    [Fact]
    public void Auxiliary_classifiers_can_be_left_out()
    {
        Assert.DoesNotContain(models.googlenet(aux_logits: false, device: META).state_dict().Keys, key => key.StartsWith("aux", StringComparison.Ordinal));
        Assert.DoesNotContain(models.inception_v3(aux_logits: false, device: META).state_dict().Keys, key => key.StartsWith("Aux", StringComparison.Ordinal));
    }

    [Fact]
    public void Transform_input_undoes_the_normalisation_and_scales_to_minus_one_to_one()
    {
        var image = torch.rand(1, 3, 75, 75);
        var normalised = transforms.normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        Assert.True(FirstConvolutionsInput(models.googlenet(transform_input: true, init_weights: false)).allclose(image * 2 - 1, atol: 1e-6));
        Assert.True(FirstConvolutionsInput(models.inception_v3(transform_input: true, init_weights: false)).allclose(image * 2 - 1, atol: 1e-6));

        Tensor FirstConvolutionsInput<TResult>(Module<Tensor, TResult> model)
        {
            Tensor? input = null;
            ((BasicConv2d)model.named_children().First().module).register_forward_pre_hook((_, x) => input = x);
            model.eval();
            using var _ = no_grad();
            model.call(normalised);
            return input!;
        }
    }

    [Theory]
    [InlineData("vgg11")]
    [InlineData("resnet18")]
    [InlineData("densenet121")]
    [InlineData("squeezenet1_0")]
    [InlineData("mnasnet0_75")]
    [InlineData("mobilenet_v2")]
    [InlineData("mobilenet_v3_small")]
    [InlineData("shufflenet_v2_x1_5")]
    [InlineData("efficientnet_b0")]
    [InlineData("efficientnet_v2_s")]
    [InlineData("regnet_y_1_6gf")]
    [InlineData("convnext_tiny")]
    public void Training_and_eval_mode_give_logits_of_the_batch(string name)
    {
        var model = (Module<Tensor, Tensor>)models.get_model(name, num_classes: 10);
        var x = torch.rand(2, 3, 64, 64);
        model.train();
        var loss = model.call(x).sum();
        loss.backward();
        Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
        model.eval();
        Assert.Equal([2, 10], model.call(x).shape);
    }

    // The smallest of each family, at the size that torchvision's weights state as their smallest.
    [Theory]
    [InlineData("densenet121")]
    [InlineData("squeezenet1_0")]
    [InlineData("squeezenet1_1")]
    [InlineData("mnasnet0_5")]
    [InlineData("mobilenet_v2")]
    [InlineData("mobilenet_v3_small")]
    [InlineData("shufflenet_v2_x0_5")]
    [InlineData("efficientnet_b0")]
    [InlineData("efficientnet_v2_s")]
    [InlineData("regnet_x_400mf")]
    [InlineData("convnext_tiny")]
    public void Smallest_image_gives_logits(string name)
    {
        var weights = Golden.Json("weights.json").GetProperty(name).EnumerateObject().First().Value;
        var size = weights.GetProperty("min_size").EnumerateArray().Select(side => side.GetInt64()).ToArray();
        var model = (Module<Tensor, Tensor>)models.get_model(name, num_classes: 10);
        model.eval();
        using var _ = no_grad();
        Assert.Equal([1, 10], model.call(torch.rand(1, 3, size[0], size[1])).shape);
    }

    [Fact]
    public void MobileNets_tail_can_be_dilated_and_reduced()
    {
        Assert.Equal([1, 960, 4, 4], Features(models.mobilenet_v3_large(num_classes: 1, dilated: true)).shape);
        Assert.Equal([1, 288, 2, 2], Features(models.mobilenet_v3_small(num_classes: 1, reduced_tail: true)).shape);

        static Tensor Features(MobileNetV3 model)
        {
            model.eval();
            using var _ = no_grad();
            return ((Sequential)model.named_children().First().module).call(torch.rand(1, 3, 64, 64));
        }
    }

    [Fact]
    public void Dropout_inside_dense_layers_changes_training_only()
    {
        var model = models.densenet121(num_classes: 3, drop_rate: 0.5);
        var x = torch.rand(2, 3, 32, 32);
        using var _ = no_grad();
        model.eval();
        Assert.True(model.call(x).allclose(model.call(x)));
        model.train();
        Assert.False(model.call(x).allclose(model.call(x)));
    }

    [Fact]
    public void Impossible_shapes_are_refused()
    {
        AssertRefused("SqueezeNet has the versions \"1_0\" and \"1_1\", not \"2_0\".", () => new SqueezeNet("2_0"));
        AssertRefused("MNASNet's width multiplier is greater than 0.", () => new MNASNet(0));
        AssertRefused("A ShuffleNet block of stride 1 keeps an even number of channels; it can't turn 24 into 48.", () => new ShuffleNetInvertedResidual(24, 48, 1));
        AssertRefused("A ShuffleNet v2 has three stages; stages_repeats gives 2 numbers of blocks.", () => new ShuffleNetV2([4, 8], [24, 48, 96, 192, 1024]));
        AssertRefused("An inverted residual has stride 1 or 2.", () => new MobileNetV2InvertedResidual(8, 8, stride: 3, expand_ratio: 6));
        AssertRefused("An EfficientNet needs at least one stage.", () => new EfficientNet([], dropout: 0.2));
        AssertRefused("A RegNet needs w_a >= 0, w_0 a positive multiple of 8 and w_m > 1, not w_a = 20, w_0 = 20 and w_m = 2.",
            () => BlockParams.from_init_params(depth: 8, w_0: 20, w_a: 20, w_m: 2, group_width: 8));

        static void AssertRefused(string message, Func<object> build) =>
            Assert.StartsWith(message, Assert.ThrowsAny<ArgumentException>(build).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stride_can_be_replaced_by_dilation()
    {
        var dilated = models.resnet50(num_classes: 1, replace_stride_with_dilation: [false, true, true]);
        dilated.eval();
        using var _ = no_grad();
        var y = dilated.named_children().TakeWhile(child => child.name != "avgpool")
            .Aggregate(torch.rand(1, 3, 32, 32), (x, child) => ((Module<Tensor, Tensor>)child.module).call(x));
        Assert.Equal([1, 2048, 4, 4], y.shape);
        var last = dilated.named_children().First(child => child.name == "layer4").module;
        Assert.Equal([2, 4, 4], last.modules().OfType<Conv2d>().Where(conv => conv.kernel_size[0] == 3).Select(conv => conv.dilation[0]));
    }

    private static void AssertOutput(string name, string output, Func<Tensor, Tensor> model)
    {
        var (shape, nodes) = Golden.Features(name);
        using var _ = no_grad();
        nodes.Single(node => node.node == output).expected.AssertMatches(model(DeterministicWeights.Input(shape)), $"{name}'s {output}");
    }
}
