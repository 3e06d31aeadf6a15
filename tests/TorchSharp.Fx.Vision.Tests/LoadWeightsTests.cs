using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Loading a file into a model: all of it or nothing.</summary>
public sealed class LoadWeightsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    [Fact]
    public void Model_computes_what_the_saved_one_computes()
    {
        var saved = DeterministicWeights.Fill(models.resnet18(num_classes: 10));
        Safetensors.save_file(saved.state_dict(), file);
        var loaded = models.resnet18(num_classes: 10).load_weights(file);
        saved.eval();
        loaded.eval();
        var x = torch.rand(1, 3, 64, 64);
        Assert.True(saved.call(x).Equals(loaded.call(x)));
    }

    [Fact]
    public void Types_are_converted()
    {
        Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.full([1, 2], 0.5, dtype: ScalarType.Float16), ["bias"] = torch.full([1], 2, dtype: ScalarType.Int64) }, file);
        var linear = Linear(2, 1).load_weights(file);
        Assert.Equal([0.5f, 0.5f], linear.weight!.data<float>().ToArray());
        Assert.Equal(2, linear.bias!.item<float>());
    }

    [Fact]
    public void What_does_not_fit_is_named_and_nothing_is_changed()
    {
        Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.zeros(1, 2), ["bias"] = torch.zeros(3), ["extra"] = torch.zeros(1) }, file);
        var model = Sequential(("fc", Linear(2, 1)));
        var error = Assert.Throws<IncompatibleWeightsException>(() => model.load_weights(file));
        Assert.Equal($"{file} does not fit the model, which is unchanged: missing: fc.weight, fc.bias; unexpected: bias, extra, weight.", error.Message);

        var linear = Linear(2, 1);
        var before = linear.weight!.data<float>().ToArray();
        error = Assert.Throws<IncompatibleWeightsException>(() => linear.load_weights(file));
        Assert.Equal($"{file} does not fit the model, which is unchanged: unexpected: extra; of another shape: bias (file [3], model [1]).", error.Message);
        Assert.Equal(before, linear.weight.data<float>().ToArray());
    }

    [Fact]
    public void Only_the_first_few_of_many_are_named()
    {
        Safetensors.save_file(new Dictionary<string, Tensor>(), file);
        var error = Assert.Throws<IncompatibleWeightsException>(() => models.resnet18().load_weights(file));
        Assert.EndsWith("and 114 more.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Safetensors_whose_header_has_a_length_that_looks_like_a_pickle_is_read()
    {
        // Pickles begin with 0x80, and so does this file.
        for (var padding = ""; !File.Exists(file) || File.ReadAllBytes(file)[0] != 0x80; padding += ".")
            Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.full([1, 2], 7f), ["bias"] = torch.zeros(1) }, file, new Dictionary<string, string> { ["padding"] = padding });
        Assert.Equal([7f, 7f], Linear(2, 1).load_weights(file).weight!.data<float>().ToArray());
    }

    [Theory]
    [InlineData("DenseNet", "denselayer1.norm1.", "denselayer1.norm.1.")]
    [InlineData("DenseNet", "denselayer2.conv2.", "denselayer2.conv.2.")]
    [InlineData("ViT", ".mlp.0.", ".mlp.linear_1.")]
    [InlineData("ViT", ".mlp.3.", ".mlp.linear_2.")]
    [InlineData("FPN", "inner_blocks.0.0.", "inner_blocks.0.")]
    [InlineData("FPN", "layer_blocks.1.0.", "layer_blocks.1.")]
    [InlineData("Masks", "mask_head.1.0.", "mask_head.mask_fcn2.")]
    [InlineData("RetinaNet", "classification_head.conv.3.0.", "classification_head.conv.6.")]
    [InlineData("RetinaNet", "regression_head.conv.1.0.", "regression_head.conv.2.")]
    public void Files_older_than_the_layers_names_load(string model, string today, string old)
    {
        var (saved, loaded) = (DeterministicWeights.Fill(Small()).state_dict(), Small());
        Assert.Contains(saved.Keys, key => key.Contains(today, StringComparison.Ordinal));
        Safetensors.save_file(saved.ToDictionary(item => item.Key.Replace(today, old, StringComparison.Ordinal), item => item.Value), file);
        loaded.load_weights(file);
        Assert.All(loaded.state_dict(), item => Assert.True(item.Value.Equals(saved[item.Key]), item.Key));

        // The old name beside today's is too much, as any other name would be.
        Safetensors.save_file(saved.Concat(saved.Where(item => item.Key.Contains(today, StringComparison.Ordinal))
            .Select(item => KeyValuePair.Create(item.Key.Replace(today, old, StringComparison.Ordinal), item.Value))).ToDictionary(), file);
        Assert.All(Assert.Throws<IncompatibleWeightsException>(() => loaded.load_weights(file)).keys.unexpected_keys, item => Assert.Contains(old, item.key, StringComparison.Ordinal));

        nn.Module Small() => model switch
        {
            "DenseNet" => new DenseNet(growth_rate: 4, block_config: [2, 1], num_init_features: 4, num_classes: 2),
            "ViT" => new VisionTransformer(image_size: 4, patch_size: 2, num_layers: 2, num_heads: 1, hidden_dim: 4, mlp_dim: 6, num_classes: 2),
            "FPN" => new FeaturePyramidNetwork([3, 4], 2),
            "Masks" => Sequential(("mask_head", new MaskRCNNHeads(2, [2, 2], dilation: 1))),
            _ => new RetinaNetHead(2, 1, 2),
        };
    }

    [Fact]
    public void Published_googlenet_is_without_its_auxiliary_classifiers_and_takes_imagenets_normalisation()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var published = DeterministicWeights.Fill(models.googlenet(init_weights: false)).state_dict();
            Safetensors.save_file(published, Path.Combine(folder.FullName, "googlenet-1378be20.pth"));
            var model = (GoogLeNet)models.get_model("googlenet", GoogLeNet_Weights.DEFAULT, options: new() { model_dir = folder.FullName });
            Assert.Equal(GoogLeNet_Weights.DEFAULT.meta.num_params, model.parameters().Sum(parameter => parameter.numel()));
            Assert.All(model.state_dict(), item => Assert.True(item.Value.Equals(published[item.Key]), item.Key));

            var same = models.googlenet(aux_logits: false, init_weights: false);
            same.load_state_dict(model.state_dict());
            model.eval();
            same.eval();
            var x = torch.rand(1, 3, 32, 32);
            // The mean and deviation of every channel as they are in the range from -1 to 1.
            var mean = torch.tensor(new[] { 0.485f, 0.456f, 0.406f }).view(1, 3, 1, 1);
            var std = torch.tensor(new[] { 0.229f, 0.224f, 0.225f }).view(1, 3, 1, 1);
            Assert.True(model.call(x).logits.allclose(same.call((x * std + mean) * 2 - 1).logits, atol: 1e-4));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Published_detectors_have_frozen_norms_without_an_epsilon()
    {
        const string norm = "backbone.body.bn1.";
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            // Published before norms were frozen and before the proposals could have several convolutions.
            var published = models.fasterrcnn_resnet50_fpn().state_dict();
            published[$"{norm}running_var"].fill_(1e-6);
            Safetensors.save_file(published.ToDictionary(item => item.Key.Replace("rpn.head.conv.0.0.", "rpn.head.conv.", StringComparison.Ordinal), item => item.Value),
                Path.Combine(folder.FullName, Path.GetFileName(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.url.AbsolutePath)));
            var model = models.get_model("fasterrcnn_resnet50_fpn", FasterRCNN_ResNet50_FPN_Weights.DEFAULT, options: new() { model_dir = folder.FullName });
            Assert.All(model.state_dict(), item => Assert.True(item.Value.Equals(published[item.Key]), item.Key));
            var norms = model.named_modules().Where(item => item.module is FrozenBatchNorm2d).ToDictionary(item => item.name, item => (FrozenBatchNorm2d)item.module);
            Assert.Equal(53, norms.Count);
            Assert.Equal(1000, norms[norm[..^1]].call(torch.ones(1, 64, 1, 1))[0, 0, 0, 0].item<float>(), 1e-2);
            Assert.False(model.get_parameter("backbone.body.layer1.0.conv1.weight")!.requires_grad);
            Assert.True(model.get_parameter("backbone.body.layer2.0.conv1.weight")!.requires_grad);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Model_without_memory_is_refused()
    {
        Safetensors.save_file(new Dictionary<string, Tensor>(), file);
        var error = Assert.Throws<InvalidOperationException>(() => models.resnet18(device: META).load_weights(file));
        Assert.Equal("'conv1.weight' is on the meta device and has no memory; build the model on another device before loading weights.", error.Message);
    }
}
