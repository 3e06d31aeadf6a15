using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>The spellings of attention that an optimised copy computes by one kernel, and those that it must leave alone.</summary>
[Collection("Tensor counts")]
public sealed class AttentionFusionTests
{
    private static readonly Tensor Bias = randn(1, 3, 10, 10).DetachFromDisposeScope();
    private static readonly Tensor Mask = randn([1, 4, 1, 10, 10]).DetachFromDisposeScope();
    private static readonly Tensor TwoMasks = randn([1, 2, 1, 10, 10]).DetachFromDisposeScope();
    private static readonly Tensor HeadFactor = (rand([3, 1, 1]) + 1).DetachFromDisposeScope();

    public static TheoryData<string> Spellings => [.. Attentions.Keys];

    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor, Tensor>> Attentions = new()
    {
        ["one function"] = (q, k, v) => functional.scaled_dot_product_attention(q, k, v),
        ["of nothing else"] = (q, k, v) => q.matmul(k.transpose(-2, -1)).softmax(-1).matmul(v),
        ["queries scaled"] = (q, k, v) => functional.softmax((q * 0.3).matmul(k.transpose(-1, -2)), -1).matmul(v),
        ["dimensions from the front"] = (q, k, v) => (0.3 * q).matmul(k.transpose(2, 3)).softmax(-1).matmul(v),
        ["three dimensions from the front"] = (q, k, v) => q.flatten(0, 1).matmul(k.flatten(0, 1).transpose(2, 1)).softmax(-1).matmul(v.flatten(0, 1)).view(v.shape),
        ["keys scaled"] = (q, k, v) => q.matmul((0.3 * k).transpose(-1, -2)).softmax(-1).matmul(v),
        ["products scaled"] = (q, k, v) => functional.softmax(torch.matmul(q, k.transpose(-2, -1)) * 0.3 * 0.7 + Bias, -1).matmul(v),
        ["a bias"] = (q, k, v) => functional.dropout((q.matmul(k.transpose(-2, -1)) + Bias).softmax(-1), 0.5, training: false).matmul(v),
        ["a bias in front"] = (q, k, v) => (Bias + q.matmul(k.transpose(-2, -1))).softmax(-1).matmul(v),
        ["two biases, one from the inputs"] = (q, k, v) => (q.matmul(k.transpose(-2, -1)) + Bias + v.sum(-1).unsqueeze(-2)).softmax(-1).matmul(v),
        ["a factor for each head"] = (q, k, v) => (q.matmul(k.transpose(-2, -1)) * HeadFactor + Bias).softmax(-1).matmul(v),
        ["a mask for each window"] = (q, k, v) => ((q.matmul(k.transpose(-2, -1)) + Bias).view(-1, 4, 3, 10, 10) + Mask).view(-1, 3, 10, 10).softmax(-1).matmul(v),
        ["a mask for each of two windows"] = (q, k, v) => (q.matmul(k.transpose(-2, -1)).view(-1, 2, 3, 10, 10) + TwoMasks).view(-1, 3, 10, 10).softmax(-1).matmul(v),
        ["a bias that makes it larger"] = (q, k, v) => (q.narrow(1, 0, 1).matmul(k.narrow(1, 0, 1).transpose(-2, -1)) + Bias).softmax(-1).matmul(v.narrow(1, 1, 1)),
        ["keys for all heads"] = (q, k, v) => (q.matmul(k.narrow(1, 0, 1).transpose(-2, -1)) + Bias).softmax(-1).matmul(v.narrow(1, 0, 1)),
        ["equations"] = (q, k, v) => einsum("b h i j, b h j d -> b h i d", (einsum("bhid, bhjd -> bhij", q, k) + Bias).softmax(-1), v),
        ["five dimensions of nothing else"] = (q, k, v) => functional.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)).squeeze(1),
        ["five dimensions"] = (q, k, v) => (q.unsqueeze(1).matmul(k.unsqueeze(1).transpose(-2, -1)) + Bias).softmax(-1).matmul(v.unsqueeze(1)).squeeze(1),
        ["three dimensions"] = (q, k, v) => q.flatten(0, 1).matmul(k.flatten(0, 1).transpose(-2, -1)).softmax(-1).matmul(v.flatten(0, 1)).view(v.shape),
    };

    /// <summary>oneDNN takes three times as many entries as there are tokens for a batch that lies within the tokens where queries, keys and values lie side by side.</summary>
    [Theory]
    [InlineData(48, 16)]
    [InlineData(16, 16)]
    [InlineData(51, 17)]
    public void Queries_keys_and_values_of_one_layer_may_have_any_sizes(long entries, long tokens)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var parts = randn([entries, tokens, 3, 2, 8]).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts[0], parts[1], parts[2]);
        using var fused = new FusedAttention(0.3);
        Assert.True(fused.forward(q, k, v, null).allclose((q * 0.3).matmul(k.transpose(-2, -1)).softmax(-1).matmul(v), rtol: 1e-4, atol: 1e-5));
    }

    [Theory]
    [MemberData(nameof(Spellings))]
    public void Attention_becomes_one_node_and_gives_the_same(string spelling)
    {
        using var mode = no_grad();
        using var traced = fx.symbolic_trace(Attentions[spelling]);
        using var optimised = traced.optimize_for_inference();
        var targets = optimised.graph.nodes.Select(node => node.target.name).ToArray();
        Assert.Contains(targets, target => target.EndsWith("_attention", StringComparison.Ordinal));
        Assert.DoesNotContain("softmax", targets);
        foreach (var batch in (long[])[4, 8])
            AssertSame(Attentions[spelling], optimised, batch);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.Float64, 1e-10)]
    [InlineData(ScalarType.BFloat16, 0.05)]
    public void Many_tokens_of_many_samples_are_computed_in_parts(ScalarType type, double tolerance)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var attention = Attentions["queries scaled"];
        using var optimised = fx.symbolic_trace(attention).optimize_for_inference();
        var qkv = randn([3, 300, 3, 8, 16], dtype: type).permute(2, 0, 3, 1, 4).unbind();
        var exact = Array.ConvertAll(qkv, tensor => tensor.to(ScalarType.Float64));
        var (expected, actual) = (attention(exact[0], exact[1], exact[2]), optimised.call(qkv[0], qkv[1], qkv[2]));
        Assert.Equal(type, actual.dtype);
        Assert.InRange((expected - actual).abs().max().item<double>(), 0, tolerance);
    }

    [Fact]
    public void Keys_with_more_dimensions_are_transposed_as_the_program_does()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var optimised = fx.symbolic_trace((Tensor q, Tensor k, Tensor v) => q.matmul(k.transpose(2, 3)).softmax(-1).matmul(v)).optimize_for_inference();
        Assert.Contains(optimised.graph.nodes, node => node.target.name.EndsWith("_attention", StringComparison.Ordinal));
        // All dimensions have the same size, so that transposing the last two would fail nowhere.
        long[] sizes = [4, 4, 4, 4, 4];
        var (q, k, v) = (randn(sizes), randn(sizes), randn(sizes));
        Assert.True(optimised.call(q, k, v).allclose(q.matmul(k.transpose(2, 3)).softmax(-1).matmul(v), rtol: 1e-4, atol: 1e-5));
        // And too few are an error, as they are in the program.
        Assert.ThrowsAny<Exception>(() => optimised.call(q[0, 0], k[0, 0], v[0, 0]));
    }

    [Fact]
    public void Tensors_of_any_layout_are_taken()
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var attention = Attentions["a bias"];
        using var optimised = fx.symbolic_trace(attention).optimize_for_inference();
        Tensor[] layouts = [randn(4, 3, 10, 16), randn(4, 3, 16, 10).transpose(2, 3), randn(1, 3, 1, 16).expand(4, 3, 10, 16), randn(10, 4, 3, 32).permute(1, 2, 0, 3).narrow(3, 0, 16)];
        foreach (var q in layouts)
            foreach (var other in layouts)
                Assert.InRange((attention(q, other, other) - optimised.call(q, other, other)).abs().max().item<float>(), 0, 1e-5);
    }

    [Fact]
    public void Weights_that_are_read_otherwise_stay()
    {
        Func<Tensor, Tensor, Tensor, Tensor> both = (q, k, v) =>
        {
            var weights = Weights(q, k);
            return weights.matmul(v) + weights.sum(-1, keepdim: true) * 2;
        };
        AssertLeft(both);
    }

    [Fact]
    public void A_write_in_between_keeps_its_place() => AssertLeft((q, k, v) =>
    {
        var own = k.clone();
        var weights = Weights(q, own);
        own.mul_(2);
        return weights.matmul(v) + own;
    });

    [Fact]
    public void A_bias_that_is_scaled_too_stays() => AssertLeft((q, k, v) => ((q.matmul(k.transpose(-2, -1)) + Bias) * 0.5).softmax(-1).matmul(v));

    [Fact]
    public void Weights_over_another_dimension_stay() => AssertLeft((q, k, v) => q.matmul(k.transpose(-2, -1)).softmax(-2).matmul(v));

    [Fact]
    public void Gradients_are_the_originals()
    {
        var attention = Attentions["a mask for each window"];
        using var traced = fx.symbolic_trace(attention);
        using var optimised = traced.optimize_for_inference();
        using var q = randn(8, 3, 10, 16, requires_grad: true);
        using Tensor k = randn(8, 3, 10, 16), v = randn(8, 3, 10, 16);
        attention(q, k, v).square().sum().backward();
        using var expected = q.grad!.clone();
        q.grad!.zero_();
        optimised.call(q, k, v).square().sum().backward();
        Assert.True(expected.allclose(q.grad!, 1e-3, 1e-4));
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using var mode = no_grad();
        using Tensor q = randn(8, 3, 10, 16), k = randn(8, 3, 10, 16), v = randn(8, 3, 10, 16);
        using var traced = fx.symbolic_trace(Attentions["a mask for each window"]);
        LiveTensors.AssertStay(() =>
        {
            using var optimised = traced.optimize_for_inference();
            optimised.call(q, k, v).Dispose();
        }, 5);
    }

    private static Tensor Weights(Tensor q, Tensor k) => q.matmul(k.transpose(-2, -1)).softmax(-1);

    private static void AssertLeft(Func<Tensor, Tensor, Tensor, Tensor> function)
    {
        using var mode = no_grad();
        using var traced = fx.symbolic_trace(function);
        using var optimised = traced.optimize_for_inference();
        Assert.Contains(optimised.graph.nodes, node => node.target.name == "softmax");
        AssertSame(function, optimised, 4);
    }

    private static void AssertSame(Func<Tensor, Tensor, Tensor, Tensor> function, GraphModule<Tensor, Tensor, Tensor, Tensor> optimised, long batch)
    {
        using var scope = NewDisposeScope();
        Tensor q = randn(batch, 10, 3, 16).transpose(1, 2), k = randn(batch, 3, 10, 16), v = randn(batch, 3, 10, 16);
        var (expected, actual) = (function(q, k, v), optimised.call(q, k, v));
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, 1e-5);
    }
}
