using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>ViT, Swin and MaxViT beside what the golden features hold.</summary>
public sealed class TransformerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // Swin pads what is not a multiple of its windows; the others know one size.
    [Theory]
    [InlineData("vit_b_32", 224, 224)]
    [InlineData("swin_t", 75, 50)]
    [InlineData("swin_v2_t", 75, 50)]
    [InlineData("maxvit_t", 224, 224)]
    public void Training_and_eval_mode_give_logits_and_gradients(string name, long height, long width)
    {
        var model = (Module<Tensor, Tensor>)models.get_model(name, num_classes: 5);
        var x = torch.rand(2, 3, height, width);
        model.train();
        var y = model.call(x);
        Assert.Equal([2, 5], y.shape);
        y.sum().backward();
        Assert.All(model.named_parameters(), item => Assert.True(item.parameter.grad is not null, $"{item.name} has no gradient."));
        model.eval();
        using var _ = no_grad();
        Assert.Equal([2, 5], model.call(x).shape);
        Assert.True(model.call(x).allclose(model.call(x)));
    }

    [Fact]
    public void ViT_refuses_what_it_was_not_built_for()
    {
        var model = models.vit_b_32(num_classes: 2);
        Assert.Equal("Wrong image height! Expected 224 but got 256!", Assert.Throws<ArgumentException>(() => model.call(torch.rand(1, 3, 256, 224))).Message);
        Assert.Equal("Wrong image width! Expected 224 but got 192!", Assert.Throws<ArgumentException>(() => model.call(torch.rand(1, 3, 224, 192))).Message);
        Assert.StartsWith("An image of 100 × 100 can't be cut into patches of 32 × 32; choose an image_size that patch_size divides.",
            Assert.Throws<ArgumentException>(() => models.vit_b_32(image_size: 100, device: META)).Message, StringComparison.Ordinal);
        Assert.StartsWith("A grid of 50 × 50 can't be cut into partitions of 7 × 7.",
            Assert.Throws<ArgumentException>(() => models.maxvit_t(input_size: (200, 200), device: META)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ViTs_positions_follow_the_size_of_its_images()
    {
        Assert.Equal([1, 1 + 24 * 24, 768], models.vit_b_16(image_size: 384, device: META).get_parameter("encoder.pos_embedding")!.shape);
        var model = new VisionTransformer(32, 16, num_layers: 1, num_heads: 2, hidden_dim: 8, mlp_dim: 16, num_classes: 3, representation_size: 6);
        Assert.Equal(["heads.pre_logits.weight", "heads.pre_logits.bias", "heads.head.weight", "heads.head.bias"], model.state_dict().Keys.TakeLast(4));
        Assert.Equal([4, 3], model.call(torch.rand(4, 3, 32, 32)).shape);
    }

    [Fact]
    public void Attention_is_TorchSharps_own_with_the_batch_in_front()
    {
        var ours = new MultiheadAttention(12, 3);
        using var theirs = nn.MultiheadAttention(12, 3);
        using var _ = no_grad();
        foreach (var (name, parameter) in theirs.named_parameters())
            parameter.copy_(ours.get_parameter(name) ?? throw new InvalidOperationException($"There is no {name}."));
        var (q, k, v) = (torch.rand(2, 5, 12), torch.rand(2, 7, 12), torch.rand(2, 7, 12));
        var (expected, weights) = theirs.call(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), need_weights: false);
        var (actual, none) = ours.call(q, k, v);
        Assert.True(actual.allclose(expected.transpose(0, 1), atol: 1e-6));
        Assert.Null(none);
    }

    [Fact]
    public void Attention_drops_weights_in_training_only()
    {
        var attention = new MultiheadAttention(8, 2, dropout: 0.5);
        var swin = new ShiftedWindowAttention(8, [4, 4], [2, 2], 2, attention_dropout: 0.5);
        var (tokens, image) = (torch.rand(1, 9, 8), torch.rand(1, 8, 8, 8));
        Assert.False(attention.call(tokens, tokens, tokens).Item1.allclose(attention.call(tokens, tokens, tokens).Item1));
        Assert.False(swin.call(image).allclose(swin.call(image)));
        attention.eval();
        swin.eval();
        Assert.True(attention.call(tokens, tokens, tokens).Item1.allclose(attention.call(tokens, tokens, tokens).Item1));
        Assert.True(swin.call(image).allclose(swin.call(image)));
    }

    [Fact]
    public void Shifted_windows_see_only_their_own_neighbours()
    {
        var attention = new ShiftedWindowAttention(4, [4, 4], [2, 2], 2);
        attention.eval();
        using var _ = no_grad();
        var image = torch.rand(1, 8, 8, 4);
        var changed = image.clone();
        changed[0, 0, 0].add_(1);
        // The window of the corner is the 2 × 2 pixels that the shift cuts off: the roll joins them with three other corners, the mask parts them.
        var differs = (attention.call(image) - attention.call(changed)).abs().sum(-1).squeeze(0).gt(1e-6);
        Assert.Equal(4, differs.sum().item<long>());
        Assert.True(differs[TensorIndex.Slice(0, 2), TensorIndex.Slice(0, 2)].all().item<bool>());
    }

    [Fact]
    public void Merging_patches_puts_four_side_by_side_and_pads_odd_sizes()
    {
        var x = torch.arange(15f).reshape(1, 3, 5, 1);
        var y = swin_transformer._patch_merging_pad(x);
        Assert.Equal([1, 2, 3, 4], y.shape);
        Assert.Equal([0f, 5, 1, 6], y[0, 0, 0].data<float>().ToArray());
        Assert.Equal([14f, 0, 0, 0], y[0, 1, 2].data<float>().ToArray());
    }

    [Fact]
    public void Fresh_weights_have_the_deviations_of_the_original()
    {
        var vit = models.vit_b_32(num_classes: 3);
        Initial.AssertNormal(vit.get_parameter("encoder.pos_embedding")!, 0.02);
        Initial.AssertNormal(vit.get_parameter("conv_proj.weight")!, Math.Sqrt(1.0 / (3 * 32 * 32)));
        Initial.AssertNormal(vit.get_parameter("encoder.layers.encoder_layer_3.mlp.0.bias")!, 1e-6);
        Initial.AssertUniform(vit.get_parameter("encoder.layers.encoder_layer_3.mlp.0.weight")!, Math.Sqrt(6.0 / (768 + 3072)));
        Initial.AssertUniform(vit.get_parameter("encoder.layers.encoder_layer_3.self_attention.in_proj_weight")!, Math.Sqrt(6.0 / (4 * 768)));
        Initial.AssertUniform(vit.get_parameter("encoder.layers.encoder_layer_3.self_attention.out_proj.weight")!, Math.Sqrt(1.0 / 768));
        foreach (var zero in new[] { "class_token", "heads.head.weight", "heads.head.bias", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias", "encoder.layers.encoder_layer_0.self_attention.out_proj.bias" })
            Assert.Equal(0, vit.get_parameter(zero)!.abs().max().item<float>());

        nn.Module[] swins = [models.swin_t(num_classes: 3), models.swin_v2_t(num_classes: 3)];
        foreach (var linear in swins.SelectMany(swin => swin.modules()).OfType<Linear>())
        {
            Initial.AssertNormal(linear.weight!, 0.02);
            if (linear.bias is not null) Assert.Equal(0, linear.bias.abs().max().item<float>());
        }
        Initial.AssertNormal(swins[0].get_parameter("features.7.1.attn.relative_position_bias_table")!, 0.02);
        Assert.True(swins[1].get_parameter("features.1.0.attn.logit_scale")!.allclose(torch.full([3, 1, 1], (float)Math.Log(10))));

        var maxvit = models.maxvit_t(num_classes: 3);
        foreach (var conv in maxvit.modules().OfType<Conv2d>()) Initial.AssertNormal(conv.weight!, 0.02);
        Assert.All(maxvit.modules().OfType<BatchNorm2d>(), norm => Assert.Equal((1e-3, 0.99), (norm.eps, norm.momentum)));
    }
}
