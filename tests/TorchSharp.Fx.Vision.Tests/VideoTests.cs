using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The video models beside what the golden features hold.</summary>
public sealed class VideoTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // A video Swin's windows shrink to a video that is smaller, and pad one that they don't divide.
    [Theory]
    [InlineData("r3d_18", 4, 40)]
    [InlineData("mc3_18", 4, 40)]
    [InlineData("r2plus1d_18", 4, 40)]
    [InlineData("swin3d_t", 2, 40)]
    [InlineData("swin3d_t", 9, 40)]
    public void Training_and_eval_mode_give_logits_and_gradients(string name, long frames, long size)
    {
        var model = (Module<Tensor, Tensor>)models.get_model(name, num_classes: 5);
        var x = torch.rand([2, 3, frames, size, size]);
        model.train();
        var y = model.call(x);
        Assert.Equal([2, 5], y.shape);
        y.sum().backward();
        Assert.All(model.named_parameters(), item => Assert.True(item.parameter.grad is not null, $"{item.name} has no gradient."));
        model.eval();
        using var _ = no_grad();
        Assert.True(model.call(x).allclose(model.call(x)));
    }

    [Fact]
    public void An_mvit_without_golden_features_gives_logits()
    {
        var model = models.mvit_v1_b(num_classes: 5);
        model.eval();
        using var _ = no_grad();
        Assert.Equal([1, 5], model.call(torch.rand([1, 3, 16, 224, 224])).shape);
    }

    [Fact]
    public void An_mvit_without_relative_positions_lists_what_it_adds()
    {
        var names = feature_extraction.get_graph_node_names(models.mvit_v1_b(device: META)).eval_nodes;
        Assert.Equal(
            ["pos_encoding_class_token", "size", "expand", "unsqueeze", "cat", "pos_encoding_spatial_pos", "pos_encoding_temporal_pos", "pos_encoding_class_pos", "getattr", "getitem", "getitem_1",
                "repeat_interleave", "unsqueeze_1", "expand_1", "reshape", "add_", "unsqueeze_2", "cat_1", "unsqueeze_3", "add__1"],
            names.Where(name => name.StartsWith("pos_encoding.", StringComparison.Ordinal)).Select(name => name["pos_encoding.".Length..]));
    }

    [Fact]
    public void Fresh_weights_have_the_deviations_of_the_original()
    {
        var r3d = models.mc3_18(num_classes: 9);
        Initial.AssertNormal(r3d.get_parameter("layer1.0.conv1.0.weight")!, Math.Sqrt(2.0 / (64 * 27)));
        Initial.AssertNormal(r3d.get_parameter("layer3.0.conv1.0.weight")!, Math.Sqrt(2.0 / (256 * 9)));
        Initial.AssertNormal(r3d.get_parameter("stem.0.weight")!, Math.Sqrt(2.0 / (64 * 3 * 49)));
        Initial.AssertNormal(r3d.get_parameter("fc.weight")!, 0.01);

        Assert.All(models.s3d(device: META).modules().OfType<BatchNorm3d>(), norm => Assert.Equal((1e-3, 1e-3), (norm.eps, norm.momentum)));
        foreach (var linear in models.swin3d_t(num_classes: 3).modules().OfType<Linear>()) Initial.AssertNormal(linear.weight!, 0.02);

        var mvit = models.mvit_v2_s(num_classes: 9);
        foreach (var linear in mvit.modules().OfType<Linear>()) Initial.AssertNormal(linear.weight!, 0.02);
        Initial.AssertNormal(mvit.get_parameter("blocks.3.attn.rel_pos_h")!, 0.02);
        Initial.AssertNormal(models.mvit_v1_b(num_classes: 9).get_parameter("pos_encoding.spatial_pos")!, 0.02);
    }
}
