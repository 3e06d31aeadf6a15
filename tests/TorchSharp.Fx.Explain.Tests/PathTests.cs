using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Explain.Tests;

/// <summary>Integrated gradients and occlusion against closed forms, and completeness.</summary>
public sealed class PathTests
{
    private sealed class Product() : Module<Tensor, Tensor>(nameof(Product))
    {
        public override Tensor forward(Tensor x) => x.prod(1, keepdim: true);
    }

    [Fact]
    public void A_linear_models_attributions_are_its_terms()
    {
        using var model = Linear(5, 3);
        var (x, baseline) = (rand(2, 5), rand(1, 5));
        Same(model.weight[1] * (x - baseline), explain.integrated_gradients(model, x, target: 1, baseline, n_steps: 1));
        Same(model.weight[1] * (x - baseline), explain.occlusion(model, x, [1], target: 1, baselines: baseline));
    }

    [Fact]
    public void A_product_is_shared_equally()
    {
        // ∫ α^(n-1) dα · x₁…xₙ for each of n factors.
        using var model = new Product();
        var x = tensor(new[,] { { 2.0, 3, 5 }, { -1, 4, 0.5 } });
        Same((x.prod(1, keepdim: true) / 3).expand(2, 3), explain.integrated_gradients(model, x, n_steps: 2));
    }

    [Fact]
    public void Attributions_add_up()
    {
        using var model = Sequential(Conv2d(3, 8, 3), BatchNorm2d(8), ReLU(inplace: true), Conv2d(8, 8, 3), Tanh(), AdaptiveAvgPool2d(1),
            Flatten(), Linear(8, 10));
        model.eval();
        using var _ = no_grad();
        foreach (var (place, parameter) in model.parameters().Index())
            parameter.copy_(Waves(parameter.shape, place));
        var (x, baseline) = (Waves([2, 3, 8, 8], 11), Waves([1, 3, 8, 8], 12));
        var attributions = explain.integrated_gradients(model, x, baselines: baseline, n_steps: 2000);
        Assert.Equal(x.shape, attributions.shape);
        var classes = model.call(x).argmax(1, keepdim: true);
        var difference = (model.call(x) - model.call(baseline)).gather(1, classes).squeeze(1);
        Assert.True(difference.abs().max().item<float>() > 1e-2);
        Assert.True((attributions.sum([1, 2, 3]) - difference).abs().max().item<float>() < 1e-3);
        Assert.True(explain.compute_convergence_delta(model, attributions, baseline, x).abs().max().item<float>() < 1e-3);
    }

    /// <summary>Of a batch each input has the attributions that it has alone, though their classes differ.</summary>
    [Fact]
    public void Inputs_of_a_batch_do_not_mix()
    {
        using var model = Sequential(Linear(4, 6), Tanh(), Linear(6, 3), Softmax(1));
        var x = rand(5, 4) * 6 - 3;
        var (paths, windows) = (explain.integrated_gradients(model, x), explain.occlusion(model, x, [2], [1]));
        for (var i = 0; i < 5; i++)
        {
            Same(explain.integrated_gradients(model, x[i..(i + 1)])[0], paths[i]);
            Same(explain.occlusion(model, x[i..(i + 1)], [2], [1])[0], windows[i]);
        }
        Assert.StartsWith("There is no class 3: the model returns [5, 3], so the classes are 0 to 2.",
            Assert.Throws<ArgumentOutOfRangeException>(() => explain.integrated_gradients(model, x, target: 3)).Message);
        Assert.StartsWith("There is no class -1: the model returns [5, 3], so the classes are 0 to 2.",
            Assert.Throws<ArgumentOutOfRangeException>(() => explain.occlusion(model, x, [2], target: -1)).Message);
    }

    /// <summary>The same numbers in each run, of any kind between -1 and 1.</summary>
    private static Tensor Waves(long[] shape, int place) => arange(shape.Aggregate(1L, (product, size) => product * size)).add(place).mul(1.7).sin().to(float32).reshape(shape);

    private sealed class Text : Module<Tensor, Tensor>
    {
        public readonly Embedding embedding = Embedding(10, 4);
        public readonly Linear fc = Linear(4, 2);

        public Text() : base(nameof(Text)) => RegisterComponents();

        public override Tensor forward(Tensor tokens) => fc.call(embedding.call(tokens).sum([1]));
    }

    [Fact]
    public void A_node_in_the_middle_is_attributed_to()
    {
        using var model = new Text();
        var tokens = tensor(new long[,] { { 3, 1, 4 }, { 1, 5, 9 } });
        var padding = zeros(1, 1, ScalarType.Int64);
        var expected = (model.embedding.call(tokens) - model.embedding.call(padding)) * model.fc.weight[1];
        Same(expected, explain.integrated_gradients(model, tokens, target: 1, padding, n_steps: 3, node: "embedding"));
        Assert.Equal(
            "The value of 'tokens' has the type Int64, and only floating-point numbers have gradients. Name a later node, an embedding say.",
            Assert.Throws<ArgumentException>(() => explain.integrated_gradients(model, tokens, target: 1)).Message);
    }

    [Fact]
    public void Windows_that_overlap_are_averaged()
    {
        using var model = Sequential(Flatten(), Linear(2 * 5 * 4, 3), Tanh());
        var x = rand(2, 2, 5, 4);
        var score = model.call(x)[TensorIndex.Colon, 2];
        var (total, count) = (zeros(2, 2, 5, 4), zeros(2, 2, 5, 4));
        // Rows 0-2, 2-4; columns 0-1, 1-2, 2-3; both channels.
        foreach (var top in new[] { 0, 2 })
            for (var left = 0; left < 3; left++)
            {
                var covered = x.clone();
                covered[.., .., top..(top + 3), left..(left + 2)] = tensor(0.5f);
                var fall = (score - model.call(covered)[TensorIndex.Colon, 2]).reshape(2, 1, 1, 1);
                total[.., .., top..(top + 3), left..(left + 2)] += fall;
                count[.., .., top..(top + 3), left..(left + 2)] += 1;
            }
        Same(total / count, explain.occlusion(model, x, [2, 3, 2], [1, 2, 1], target: 2, baselines: full(1, 1, 1, 1, 0.5)));
    }

    [Fact]
    public void The_last_window_lies_over_the_edge()
    {
        using var model = Linear(5, 1);
        var x = rand(1, 5);
        var terms = (x * model.weight).squeeze(0);
        var pairs = stack([terms[..2].sum().expand(2), terms[2..4].sum().expand(2)]).flatten();
        Same(cat([pairs, terms[4..]]).unsqueeze(0), explain.occlusion(model, x, [2], [2]));
    }

    [Fact]
    public void Windows_that_leave_gaps_or_do_not_fit_are_refused()
    {
        using var model = Linear(5, 1);
        Assert.StartsWith(
            "A window of 2 that moves by 3 doesn't cover the 5 of dimension 1: it has to be within it, and to move by 1 up to its own size.",
            Assert.Throws<ArgumentException>(() => explain.occlusion(model, rand(1, 5), [2], [3])).Message);
        Assert.StartsWith("A window of 6 that moves by 1 ",
            Assert.Throws<ArgumentException>(() => explain.occlusion(model, rand(1, 5), [6])).Message);
        Assert.StartsWith("The window and the strides need a number for each dimension of an input without the batch, [5].",
            Assert.Throws<ArgumentException>(() => explain.occlusion(model, rand(1, 5), [1, 1])).Message);
    }

    private static void Same(Tensor expected, Tensor actual)
        => Assert.True(actual.allclose(expected, rtol: 1e-4, atol: 1e-5), $"{expected.str()}\n{actual.str()}");
}
