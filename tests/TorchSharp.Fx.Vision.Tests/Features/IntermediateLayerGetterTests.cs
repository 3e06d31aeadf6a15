using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>Mirrors torchvision's test_feature_extraction_methods_equivalence: the older way of getting at intermediate layers gives the same.</summary>
public sealed class IntermediateLayerGetterTests
{
    /// <summary>Runs a model's children one after the other up to the last that is asked for. Counterpart: <c>torchvision.models._utils.IntermediateLayerGetter</c>.</summary>
    private sealed class IntermediateLayerGetter : Module<Tensor, Dictionary<string, Tensor>>
    {
        private readonly List<(string Name, Module<Tensor, Tensor> Module)> layers = [];
        private readonly Dictionary<string, string> return_layers;

        internal IntermediateLayerGetter(nn.Module model, Dictionary<string, string> return_layers) : base(nameof(IntermediateLayerGetter))
        {
            this.return_layers = return_layers;
            var wanted = return_layers.Keys.ToHashSet();
            foreach (var (name, child) in model.named_children().TakeWhile(_ => wanted.Count > 0))
            {
                layers.Add((name, (Module<Tensor, Tensor>)child));
                register_module(name, child);
                wanted.Remove(name);
            }
        }

        public override Dictionary<string, Tensor> forward(Tensor x)
        {
            var result = new Dictionary<string, Tensor>();
            foreach (var (name, layer) in layers)
            {
                x = layer.call(x);
                if (return_layers.TryGetValue(name, out var key))
                    result[key] = x;
            }
            return result;
        }
    }

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
}
