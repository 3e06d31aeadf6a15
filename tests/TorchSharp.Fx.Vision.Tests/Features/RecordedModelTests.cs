using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>A recorder against the graph's extractor, node by node, and against hooks where hooks see something.</summary>
[Collection(nameof(OneAtATime))]
public sealed class RecordedModelTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    /// <summary>What holds a graph to its example is no part of a recording.</summary>
    private static readonly string[] OfGuards = ["eq", "ne", "mod", "_assert", "and_", "or_", "getattr"];

    private static bool IsOfGuard(string name) => OfGuards.Contains(System.Text.RegularExpressions.Regex.Replace(name[(name.LastIndexOf('.') + 1)..], "_\\d+$", ""));

    private static FeatureRecorder<Tensor> Recorder(nn.Module model, ReturnNodes nodes) => feature_extraction.create_recorder((nn.Module<Tensor, Tensor>)model, nodes);

    [Theory, InlineData("resnet18"), InlineData("vit_b_32"), InlineData("swin_t"), InlineData("mobilenet_v3_small")]
    public void Names_and_values_are_those_of_the_graph_bit_for_bit(string name)
    {
        using var model = DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        using var _ = no_grad();
        using var x = Models.SmallInput(name);
        var (_, all) = feature_extraction.get_graph_node_names(model, suppress_diff_warning: true);
        var recorded = Recorder(model, ["x"]).nodes(x);
        Assert.All(all.Except(recorded), node => Assert.True(IsOfGuard(node), $"{name}'s {node} is not recorded."));
        string[] names = [.. all.Intersect(recorded)];
        Assert.Equal(names, recorded);

        using var extractor = Models.Extractor(model, names);
        using var expected = extractor.call(x);
        using var features = Recorder(model, names).call(x);
        Assert.Equal(expected.Keys, features.Keys);
        foreach (var key in expected.Keys)
            if (expected.value<object>(key) is Tensor tensor)
                Assert.True(tensor.contiguous().bytes.SequenceEqual(features[key].contiguous().bytes), $"{name}'s {key} differs.");
            else
                Assert.Equal(expected.value<object>(key), features.value<object>(key));
    }

    [Theory, InlineData("resnet18"), InlineData("vit_b_32"), InlineData("swin_t")]
    public void Modules_have_what_their_hooks_see(string name)
    {
        using var model = DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        using var _ = no_grad();
        using var x = Models.SmallInput(name);
        var recorded = Recorder(model, ["x"]).nodes(x);
        var seen = new Dictionary<string, Tensor>();
        foreach (var (path, module) in model.named_modules())
            if (module is nn.Module<Tensor, Tensor> plain && recorded.Contains(path) && module is not TorchSharp.Modules.ReLU)
                plain.register_forward_hook((_, _, output) =>
                {
                    seen.TryAdd(path, output.clone().DetachFromDisposeScope());
                    return output;
                });
        ((nn.Module<Tensor, Tensor>)model).call(x).Dispose();
        Assert.True(seen.Count > 20);
        using var features = Recorder(model, [.. seen.Keys]).call(x);
        foreach (var (path, value) in seen)
            Assert.True(value.contiguous().bytes.SequenceEqual(features[path].contiguous().bytes), $"{name}'s {path} differs.");
    }

    [Fact]
    public void Training_equals_eager_bit_for_bit_in_loss_gradients_and_statistics()
    {
        using var model = (ResNet)models.get_model("resnet18", num_classes: 5);
        using var eager = (ResNet)models.get_model("resnet18", num_classes: 5);
        eager.load_state_dict(model.state_dict());
        using var x = rand(2, 3, 64, 64);
        using var features = Recorder(model, ["layer1", "layer4.1.relu_1", "fc"]).call(x);
        using var result = eager.call(x);
        Assert.True(result.bytes.SequenceEqual(features["fc"].bytes));
        features["fc"].square().sum().backward();
        result.square().sum().backward();
        foreach (var ((parameter, found), (_, expected)) in model.named_parameters().Zip(eager.named_parameters()))
            Assert.True(expected.grad!.contiguous().bytes.SequenceEqual(found.grad!.contiguous().bytes), $"The gradient of {parameter} differs.");
        foreach (var ((buffer, found), (_, expected)) in model.named_buffers().Zip(eager.named_buffers()))
            Assert.True(expected.contiguous().bytes.SequenceEqual(found.contiguous().bytes), $"The buffer {buffer} differs.");
    }
}
