using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The segmentation models beside what the golden features hold.</summary>
public sealed class SegmentationTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    public static TheoryData<string> Auxiliary => ["fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large"];

    [Theory]
    [MemberData(nameof(Auxiliary))]
    public void Both_classifiers_give_every_pixel_of_an_image_of_any_size_in_both_modes(string name)
    {
        var model = WithAuxiliary(name, null);
        var x = torch.rand(2, 3, 70, 45);
        model.train();
        var features = model.call(x);
        Assert.Equal(["out", "aux"], features.Keys);
        Assert.All(features.Values, y => Assert.Equal([2, 4, 70, 45], y.shape));
        model.eval();
        using var _ = no_grad();
        Assert.All(model.call(x).Values, y => Assert.Equal([2, 4, 70, 45], y.shape));
    }

    [Theory]
    [MemberData(nameof(Auxiliary))]
    public void The_auxiliary_classifier_comes_last_in_names_and_weights(string name)
    {
        var model = WithAuxiliary(name, META);
        Assert.Equal("aux_classifier.4.bias", model.state_dict().Keys.Last(key => !key.Contains("running", StringComparison.Ordinal) && !key.Contains("num_batches", StringComparison.Ordinal)));
        var names = feature_extraction.get_graph_node_names(model).eval_nodes;
        Assert.Equal(["interpolate", "aux_classifier.0", "aux_classifier.1", "aux_classifier.2", "aux_classifier.3", "aux_classifier.4", "interpolate_1"], names.TakeLast(7));
    }

    [Fact]
    public void Without_it_there_is_one_output()
    {
        nn.Module<Tensor, Dictionary<string, Tensor>>[] segmenters = [models.deeplabv3_mobilenet_v3_large(num_classes: 4), models.lraspp_mobilenet_v3_large(num_classes: 4)];
        Assert.All(segmenters, model =>
        {
            model.eval();
            using var _ = no_grad();
            var output = Assert.Single(model.call(torch.rand(1, 3, 65, 40)));
            Assert.Equal("out", output.Key);
            Assert.Equal([1, 4, 65, 40], output.Value.shape);
        });
    }

    private static nn.Module<Tensor, Dictionary<string, Tensor>> WithAuxiliary(string name, Device? device) => name switch
    {
        "fcn_resnet50" => models.fcn_resnet50(num_classes: 4, aux_loss: true, device),
        "deeplabv3_resnet50" => models.deeplabv3_resnet50(num_classes: 4, aux_loss: true, device),
        _ => models.deeplabv3_mobilenet_v3_large(num_classes: 4, aux_loss: true, device),
    };
}
