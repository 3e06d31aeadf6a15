using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Models of Vision, exported and loaded again, give what they gave, for a batch of another size too: small ones of ten
/// families. TORCHFX_ALL_MODELS takes all.</summary>
public sealed class RoundTripTests
{
    public static TheoryData<string> Chosen => ModelTests.OfEachFamily;

    [Theory, MemberData(nameof(Chosen))]
    public void A_model_exported_and_loaded_again_gives_the_same(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = ModelTests.Built(() => models.get_model(name));
        using var extractor = ModelTests.Extractor(model, ModelTests.Nodes(model, ModelTests.Shape(name)));
        using var exported = new OnnxModel();
        onnx.export(extractor, exported.Path, [InputShape.Parse($"Nx{string.Join('x', ModelTests.Shape(name))}")]);
        using var loaded = onnx.load(exported.Path);
        foreach (var batch in new[] { 1, 2 })
        {
            var input = rand([batch, .. ModelTests.Shape(name)]);
            using var expected = extractor.call(input);
            using var several = loaded is GraphModule<torch.Tensor, Features> many ? many.call(input) : null;
            foreach (var key in expected.Keys)
                OnnxModel.AssertClose(expected[key], several is null ? ((nn.Module<torch.Tensor, torch.Tensor>)loaded).call(input)
                    : several[key], key);
        }
    }

    /// <summary>What the file lacks does nothing in evaluation mode.</summary>
    [Theory]
    [InlineData("resnet18", "")]
    [InlineData("mobilenet_v3_small", "classifier.2")]
    [InlineData("squeezenet1_1", "classifier.0")]
    public void Nodes_of_the_file_have_the_paths_that_the_model_s_have(string name, string missing)
    {
        using var scope = NewDisposeScope();
        using var model = ModelTests.Built(() => models.get_model(name));
        using var exported = new OnnxModel();
        var names = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true).eval_nodes;
        using var whole = feature_extraction.create_feature_extractor(model, [names[^1]], suppress_diff_warning: true);
        onnx.export(whole, exported.Path, [InputShape.Parse("Nx3x64x64")]);
        using var loaded = onnx.load(exported.Path);
        Assert.Equal(missing, string.Join(' ', names.Except(feature_extraction.get_graph_node_names(loaded).eval_nodes)));
    }
}
