using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Mirrors torchvision's test_feature_extraction_methods_equivalence: the older way of getting at intermediate layers gives the same.</summary>
public sealed class IntermediateLayerGetterTests
{
    private static readonly Dictionary<string, string> ReturnLayers = new() { ["layer1"] = "layer1", ["layer2"] = "layer2", ["layer3"] = "layer3", ["layer4"] = "layer4" };

    [Fact]
    public void Both_have_the_same_parameters_and_outputs()
    {
        using var scope = NewDisposeScope();
        using var model = models.resnet18();
        model.eval();
        var getter = new IntermediateLayerGetter(model, ReturnLayers);
        getter.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ReturnLayers);

        Assert.Equal(getter.named_parameters().Select(item => item.name), extractor.named_parameters().Select(item => item.name));
        Assert.All(getter.parameters().Zip(extractor.parameters()), pair => Assert.Same(pair.First, pair.Second));
        Assert.Equal(getter.state_dict().Keys, extractor.state_dict().Keys);

        using var _ = no_grad();
        var input = rand(2, 3, 224, 224);
        var expected = getter.call(input);
        using var actual = extractor.call(input);
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, layer => Assert.True(layer.Value.bytes.SequenceEqual(actual[layer.Key].bytes), $"{layer.Key} differs."));
    }

    [Fact]
    public void Children_after_the_last_are_left_out() =>
        Assert.Equal(["conv1", "bn1", "relu", "maxpool", "layer1"],
            new IntermediateLayerGetter(models.resnet18(device: META), new Dictionary<string, string> { ["layer1"] = "a", ["conv1"] = "b" }).named_children().Select(child => child.name));

    [Fact]
    public void What_cant_be_returned_is_refused()
    {
        var unknown = Assert.Throws<ArgumentException>(() => new IntermediateLayerGetter(models.resnet18(device: META), new Dictionary<string, string> { ["layer5"] = "x" }));
        Assert.StartsWith("return_layers are not present in model: ResNet has no child 'layer5'; it has conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4, avgpool, fc.", unknown.Message);
        var twofold = Assert.Throws<ArgumentException>(() => new IntermediateLayerGetter(models.lraspp_mobilenet_v3_large(device: META), new Dictionary<string, string> { ["classifier"] = "x" }));
        Assert.StartsWith("The child 'backbone' of LRASPP does not take and return one tensor, so it can't be run in a row; use feature extraction.", twofold.Message);
    }
}
