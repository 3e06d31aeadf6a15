using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>The library's example, as it is written where the library is introduced.</summary>
public sealed class SampleTests
{
    private sealed class LeafModule() : Module<Tensor, Tensor>(nameof(LeafModule))
    {
        // A trace can't follow it: it branches on a number that depends on the input.
        public override Tensor forward(Tensor x) => x.shape[2] == 3 ? x + 1 : x;
    }

    private sealed class MyModule : Module<Tensor, Tensor>
    {
        private readonly LeafModule leaf_module = new();

        public MyModule() : base(nameof(MyModule)) => RegisterComponents();

        public override Tensor forward(Tensor x) => leaf_module.call(LeafFunction(x));
    }

    private static Tensor LeafFunction(Tensor x) => x.shape[1] == 3 ? x + 1 : x;

    [Fact]
    public void It_compiles_and_prints_what_it_says()
    {
        var model = models.resnet18();
        var (train_nodes, eval_nodes) = feature_extraction.get_graph_node_names(model);
        using var extractor = feature_extraction.create_feature_extractor(model, new() { ["layer1"] = "feat1", ["layer3"] = "feat2" });
        using var features = extractor.call(torch.rand(1, 3, 224, 224));
        using var list = feature_extraction.create_feature_extractor(model, ["layer4", "layer4.1"]);
        using var custom = feature_extraction.create_feature_extractor(new MyModule(), ["leaf_module"],
            tracer_kwargs: new() { leaf_modules = [typeof(LeafModule)], autowrap_functions = [LeafFunction] });

        Assert.Equal(eval_nodes, train_nodes);
        Assert.Equal("feat1 [1, 64, 56, 56]   feat2 [1, 256, 14, 14]", string.Join("   ", features.Select(feature => $"{feature.Key} [{string.Join(", ", feature.Value.shape)}]")));

        using var nested = list.call(torch.rand(1, 3, 64, 64));
        Assert.Equal(["layer4", "layer4.1"], nested.Keys);
        Assert.All(nested.Values, value => Assert.Equal([1, 512, 2, 2], value.shape));

        using var incremented = custom.call(torch.zeros(1, 3, 3));
        Assert.Equal(2f, incremented["leaf_module"].max().item<float>());
    }
}
