using TorchSharp.Fx.Testing;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Feature pyramids and the backbones below them; mirrors torchvision's test_backbone_utils.py.</summary>
public sealed class PyramidTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Levels_are_the_features_and_what_comes_from_above()
    {
        var fpn = new FeaturePyramidNetwork([3, 5], 4);
        var state = fpn.state_dict();
        Assert.Equal(["inner_blocks.0.0.weight", "inner_blocks.0.0.bias", "inner_blocks.1.0.weight", "inner_blocks.1.0.bias",
            "layer_blocks.0.0.weight", "layer_blocks.0.0.bias", "layer_blocks.1.0.weight", "layer_blocks.1.0.bias"], state.Keys);
        // 7 × 7 is no multiple of 3 × 3.
        var (low, high) = (rand(2, 3, 7, 7), rand(2, 5, 3, 3));
        var levels = fpn.call(new() { ["a"] = low, ["b"] = high });
        Assert.Equal(["a", "b"], levels.Keys);

        var top = Conv("inner_blocks.1", high, 0);
        Assert.True(levels["b"].allclose(Conv("layer_blocks.1", top, 1)));
        var nearest = torch.tensor(new long[] { 0, 0, 0, 1, 1, 2, 2 });
        var below = Conv("inner_blocks.0", low, 0) + top.index_select(2, nearest).index_select(3, nearest);
        Assert.True(levels["a"].allclose(Conv("layer_blocks.0", below, 1), atol: 1e-6));

        Tensor Conv(string name, Tensor x, long padding) => F.conv2d(x, state[$"{name}.0.weight"], state[$"{name}.0.bias"], padding: [padding]);
    }

    [Fact]
    public void Extra_levels_follow_under_their_names()
    {
        var features = new Dictionary<string, Tensor> { ["a"] = rand(1, 3, 8, 8), ["b"] = rand(1, 5, 4, 4) };
        var pooled = new FeaturePyramidNetwork([3, 5], 4, new LastLevelMaxPool()).call(features);
        Assert.Equal(["a", "b", "pool"], pooled.Keys);
        Assert.True(pooled["pool"].Equals(pooled["b"][.., .., TensorIndex.Slice(0, null, 2), TensorIndex.Slice(0, null, 2)]));

        foreach (var in_channels in new long[] { 5, 4 })
        {
            var extra = new LastLevelP6P7(in_channels, 4);
            var levels = new FeaturePyramidNetwork([3, 5], 4, extra).call(features);
            Assert.Equal(["a", "b", "p6", "p7"], levels.Keys);
            var state = extra.state_dict();
            // As many channels as the pyramid has mean its last level; others what it stands on.
            var sixth = F.conv2d(in_channels == 4 ? levels["b"] : features["b"], state["p6.weight"], state["p6.bias"], strides: [2], padding: [1]);
            Assert.True(levels["p6"].allclose(sixth));
            Assert.True(levels["p7"].allclose(F.conv2d(F.relu(sixth), state["p7.weight"], state["p7.bias"], strides: [2], padding: [1])));
        }
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    public void Resnet_with_a_pyramid(string name)
    {
        using var backbone = models.resnet_fpn_backbone(name);
        backbone.eval();
        using var _ = no_grad();
        var levels = backbone.call(rand(1, 3, 64, 64));
        Assert.Equal(["0", "1", "2", "3", "pool"], levels.Keys);
        Assert.Equal([16, 8, 4, 2, 1], levels.Values.Select(level => level.shape[^1]));
        Assert.All(levels.Values, level => Assert.Equal(256, level.shape[1]));
    }

    [Theory]
    [InlineData(0, new string[0])]
    [InlineData(1, new[] { "layer4" })]
    [InlineData(3, new[] { "layer2", "layer3", "layer4" })]
    [InlineData(5, new[] { "bn1", "conv1", "layer1", "layer2", "layer3", "layer4" })]
    public void Only_the_last_layers_train(int trainable_layers, string[] expected)
    {
        using var backbone = models.resnet_fpn_backbone("resnet18", norm_layer: features => BatchNorm2d(features), trainable_layers: trainable_layers);
        var training = backbone.named_parameters().Where(item => item.parameter.requires_grad).Select(item => item.name.Split('.')).ToList();
        Assert.Equal(expected, training.Where(name => name[0] == "body").Select(name => name[1]).Distinct().Order());
        Assert.Contains(training, name => name[0] == "fpn");
    }

    [Fact]
    public void Resnets_arguments_are_checked()
    {
        Refused("Trainable layers should be in the range [0,5], got 6.", () => models.resnet_fpn_backbone("resnet18", trainable_layers: 6));
        Refused("Trainable layers should be in the range [0,5], got -1.", () => models.resnet_fpn_backbone("resnet18", trainable_layers: -1));
        Refused("Each returned layer should be in the range [1,4]. Got [0, 1, 2, 3].", () => models.resnet_fpn_backbone("resnet18", returned_layers: [0, 1, 2, 3]));
        Refused("Each returned layer should be in the range [1,4]. Got [2, 3, 4, 5].", () => models.resnet_fpn_backbone("resnet18", returned_layers: [2, 3, 4, 5]));
        Refused("'vgg11' is no ResNet; the backbones are resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d, resnext101_64x4d, wide_resnet50_2, wide_resnet101_2.",
            () => models.resnet_fpn_backbone("vgg11"));
        Refused("ResNet18_Weights.IMAGENET1K_V1 are weights of 'resnet18', not of 'resnet34'.", () => models.resnet_fpn_backbone("resnet34", ResNet18_Weights.IMAGENET1K_V1));
    }

    [Theory]
    [InlineData("mobilenet_v2", 6)]
    [InlineData("mobilenet_v3_large", 6)]
    [InlineData("mobilenet_v3_small", 6)]
    public void Mobilenet_with_and_without_a_pyramid(string name, int stages)
    {
        using var _ = no_grad();
        var images = rand(1, 3, 64, 64);
        using var plain = Assert.IsType<Sequential>(models.mobilenet_backbone(name, weights: null, fpn: false));
        plain.eval();
        Assert.Equal([1, 256, 2, 2], plain.call(images).shape);

        using var pyramid = Assert.IsType<BackboneWithFPN>(models.mobilenet_backbone(name, weights: null, fpn: true));
        pyramid.eval();
        Assert.Equal(["0", "1", "pool"], pyramid.call(images).Keys);
        using var all = (BackboneWithFPN)models.mobilenet_backbone(name, weights: null, fpn: true, returned_layers: [.. Enumerable.Range(0, stages)], trainable_layers: stages);
        all.eval();
        Assert.Equal([.. Enumerable.Range(0, stages).Select(i => $"{i}"), "pool"], all.call(images).Keys);
        Assert.All(all.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Fact]
    public void Mobilenets_arguments_are_checked()
    {
        Refused("Trainable layers should be in the range [0,6], got 7.", () => models.mobilenet_backbone("mobilenet_v3_small", null, fpn: true, trainable_layers: 7));
        Refused("Trainable layers should be in the range [0,6], got -1.", () => models.mobilenet_backbone("mobilenet_v3_small", null, fpn: false, trainable_layers: -1));
        Refused("Each returned layer should be in the range [0,5]. Got [-1, 0].", () => models.mobilenet_backbone("mobilenet_v2", null, fpn: true, returned_layers: [-1, 0]));
        Refused("Each returned layer should be in the range [0,5]. Got [3, 6].", () => models.mobilenet_backbone("mobilenet_v3_large", null, fpn: true, returned_layers: [3, 6]));
        Refused("'resnet18' is no MobileNet; the backbones are mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small.", () => models.mobilenet_backbone("resnet18", null, fpn: true));
    }

    [Fact]
    public void The_pyramid_is_one_node_and_can_be_traced_through()
    {
        using var backbone = models.resnet_fpn_backbone("resnet18");
        backbone.eval();
        var names = feature_extraction.get_graph_node_names(backbone).eval_nodes;
        Assert.Equal(["x", "body.conv1", "body.bn1", "body.relu"], names.Take(4));
        Assert.Equal("fpn", names[^1]);

        using var graph = fx.symbolic_trace(backbone);
        Assert.Contains("fpn_inner_blocks_3_0", graph.graph.nodes.Select(node => node.name));
        using var _ = no_grad();
        var images = rand(1, 3, 64, 64);
        var expected = backbone.call(images);
        var actual = graph.call(images);
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, level => Assert.True(level.Value.allclose(actual[level.Key], atol: 1e-5), level.Key));
    }

    [Fact]
    public void Frozen_norm_is_batch_norm_in_eval_mode_and_takes_its_weights()
    {
        var norm = BatchNorm2d(6);
        using (no_grad())
            foreach (var tensor in norm.state_dict().Values.Where(tensor => tensor.numel() == 6)) tensor.copy_(rand(6) + 0.5);
        norm.eval();
        var frozen = new FrozenBatchNorm2d(6);
        Assert.Equal(["weight", "bias", "running_mean", "running_var"], frozen.state_dict().Keys);
        Assert.Empty(frozen.parameters());
        Assert.True(frozen.load_state_dict(norm.state_dict(), strict: true, prefix: "").all_match);
        frozen.train();
        var x = rand(2, 6, 3, 3);
        Assert.True(frozen.call(x).allclose(norm.call(x), atol: 1e-6));
    }

    private static void Refused(string sentence, Action build) => Assert.StartsWith(sentence, Assert.Throws<ArgumentException>(build).Message, StringComparison.Ordinal);
}
