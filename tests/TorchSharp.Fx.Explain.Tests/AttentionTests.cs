using TorchSharp.Fx.Vision;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Explain.Tests;

public sealed class AttentionTests
{
    [Fact]
    public void Rollout_multiplies_what_stays_and_what_moves()
    {
        var first = tensor(new[,] { { 1.0, 0 }, { 1, 0 } }).reshape(1, 1, 2, 2);
        // Two heads, whose mean is [[0.5, 0.5], [0, 1]].
        var second = tensor(new[] { 1.0, 0, 0, 1, 0, 1, 0, 1 }).reshape(1, 2, 2, 2);
        // ½(A + I): [[1, 0], [½, ½]], then [[¾, ¼], [0, 1]]; their product by hand.
        var expected = tensor(new[,] { { 0.875, 0.125 }, { 0.5, 0.5 } }).unsqueeze(0);
        Assert.True(explain.attention_rollout([first, second]).allclose(expected));
        Assert.StartsWith(
            "Rollout multiplies weights from each token to each, [N, heads, L, L], of the same tokens in all layers; one has the shape [1, 1, 3, 3].",
            Assert.Throws<ArgumentException>(() => explain.attention_rollout([first, rand(1, 1, 3, 3)])).Message);
    }

    [Fact]
    public void The_weights_of_a_vision_transformer_are_those_of_its_layers()
    {
        using var model = new VisionTransformer(image_size: 8, patch_size: 2, num_layers: 2, num_heads: 2, hidden_dim: 6, mlp_dim: 8,
            num_classes: 3);
        model.eval();
        var x = rand(2, 3, 8, 8);
        var maps = explain.attention_maps(model, x);
        Assert.Equal(
            [.. Enumerable.Range(0, 2).Select(i => $"encoder.layers.encoder_layer_{i}.self_attention.scaled_dot_product_attention")],
            maps.Keys);

        using var extractor = feature_extraction.create_feature_extractor(model,
            ["encoder.layers.encoder_layer_0.ln_1", "encoder.layers.encoder_layer_1.ln_1"]);
        using var features = extractor.call(x);
        foreach (var (i, weights) in maps.Values.Index())
        {
            var state = model.state_dict();
            var attention = $"encoder.layers.encoder_layer_{i}.self_attention.in_proj_";
            var projected = functional.linear(features[$"encoder.layers.encoder_layer_{i}.ln_1"], state[attention + "weight"],
                state[attention + "bias"]);
            var (query, key) = (Heads(projected[.., .., ..6]), Heads(projected[.., .., 6..12]));
            Assert.True(weights.allclose((query.matmul(key.transpose(2, 3)) / Math.Sqrt(3)).softmax(-1), atol: 1e-5));
        }
        var rollout = explain.attention_rollout([.. maps.Values]);
        Assert.True(rollout.sum(-1).allclose(ones(2, 17)));
        Assert.True(explain.attention_rollout(model, x).allclose(rollout[.., 0, 1..].reshape(2, 4, 4)));

        static Tensor Heads(Tensor value) => value.reshape(2, 17, 2, 3).transpose(1, 2);
    }

    private sealed class Written(bool isKernel) : Module<Tensor, Tensor>(nameof(Written))
    {
        public override Tensor forward(Tensor x) => isKernel ? functional.scaled_dot_product_attention(x, x, x, is_casual: true)
            : (x.matmul(x.transpose(-2, -1)) / Math.Sqrt(x.shape[^1])).masked_fill(ones(4, 4, ScalarType.Bool).triu(1),
                float.NegativeInfinity).softmax(-1).matmul(x);
    }

    [Fact]
    public void A_kernel_and_attention_written_out_have_the_same_weights()
    {
        var x = rand(2, 3, 4, 5);
        var (kernel, written) = (explain.attention_maps(new Written(true), x), explain.attention_maps(new Written(false), x));
        Assert.Equal(["scaled_dot_product_attention"], kernel.Keys);
        Assert.Equal(["softmax"], written.Keys);
        Assert.True(kernel.Values.Single().allclose(written.Values.Single(), atol: 1e-6));
    }

    private sealed class ByName(double? scale, bool shares_keys) : Module<Tensor, Tensor>(nameof(ByName))
    {
        public override Tensor forward(Tensor x) => aten.call("scaled_dot_product_attention", x, x.narrow(1, 0, shares_keys ? 2 : 4),
            x.narrow(1, 0, shares_keys ? 2 : 4), null, 0.0, false, scale, shares_keys);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(0.25, false)]
    [InlineData(0.25, true)]
    public void PyTorchs_kernel_has_a_scale_of_its_own_and_heads_that_share_keys(double? scale, bool shares_keys)
    {
        var x = rand(2, 4, 3, 5) * 3;
        using var model = new ByName(scale, shares_keys);
        var weights = explain.attention_maps(model, x).Values.Single();
        // The weights times the values are what the kernel itself gives.
        var values = shares_keys ? x[.., ..2].repeat_interleave(2, 1) : x;
        Assert.True(weights.matmul(values).allclose(model.call(x), atol: 1e-5));
        var keys = shares_keys ? x[.., ..2].repeat_interleave(2, 1) : x;
        Assert.True(weights.allclose((x.matmul(keys.transpose(2, 3)) * (scale ?? 1 / Math.Sqrt(5))).softmax(-1), atol: 1e-5));
    }

    private sealed class TorchSharpsOwn(bool asks) : Module<Tensor, Tensor>(nameof(TorchSharpsOwn))
    {
        public readonly TorchSharp.Modules.MultiheadAttention attention = MultiheadAttention(6, 2);

        public override Tensor forward(Tensor x) => attention.call(x, x, x, null, asks, null).Item1;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TorchSharps_layer_tells_the_mean_over_its_heads(bool asks)
    {
        using var model = new TorchSharpsOwn(asks);
        model.register_module("attention", model.attention);
        model.eval();
        // Tokens come first there: [L, N, E].
        var x = rand(5, 2, 6) * 3;
        var state = model.attention.state_dict();
        var projected = functional.linear(x, state["in_proj_weight"], state["in_proj_bias"]);
        var (query, key) = (Heads(projected[.., .., ..6]), Heads(projected[.., .., 6..12]));
        var expected = (query.matmul(key.transpose(2, 3)) / Math.Sqrt(3)).softmax(-1).mean([1], keepdim: true);
        var maps = explain.attention_maps(model, x);
        Assert.Equal(["attention"], maps.Keys);
        Assert.True(maps["attention"].allclose(expected, atol: 1e-5));

        static Tensor Heads(Tensor value) => value.reshape(5, 2, 2, 3).permute(1, 2, 0, 3);
    }

    [Fact]
    public void A_model_without_attention_is_told_so()
        => Assert.Equal(
            "There is no attention in the model: no softmax over the last of three dimensions or more, and no scaled_dot_product_attention.",
            Assert.Throws<ArgumentException>(() => explain.attention_maps(Sequential(Linear(3, 3), Softmax(1)), rand(2, 3))).Message);
}
