using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Explain.Tests;

/// <summary>Class activation maps against closed forms and against finite differences.</summary>
public sealed class GradCamTests
{
    /// <summary>Maps, their mean, and a linear layer: the gradient of a class by each place of map k is W[class, k] / places.</summary>
    private sealed class Linear2d : Module<Tensor, Tensor>
    {
        public readonly Conv2d conv = Conv2d(3, 4, 3, padding: 1);
        public readonly Linear fc = Linear(4, 5);

        public Linear2d() : base(nameof(Linear2d)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(conv.call(x).mean([2, 3]));
    }

    /// <summary>What a network has that makes gradients hard: activations in place, a residual, a norm.</summary>
    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly Sequential stem = Sequential(Conv2d(3, 4, 3, padding: 1), BatchNorm2d(4), ReLU(inplace: true));
        private readonly Conv2d conv = Conv2d(4, 4, 3, padding: 1);
        private readonly Linear fc = Linear(4, 5);

        public Residual() : base(nameof(Residual)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var y = stem.call(x);
            var z = conv.call(y);
            return fc.call(z.add_(y).relu_().mean([2, 3])).tanh();
        }
    }

    private readonly Tensor images = rand(2, 3, 6, 4);

    [Fact]
    public void A_linear_model_has_maps_in_closed_form()
    {
        using var model = new Linear2d();
        const int Class = 3;
        var maps = model.conv.call(images);
        var weights = model.fc.weight[Class].reshape(1, 4, 1, 1) / 24;
        Same((weights * maps).sum(1).relu(), explain.grad_cam(model, images, "conv", Class));
        Same((weights.relu() * maps).sum(1).relu(), explain.layer_cam(model, images, "conv", Class));
        // 24 places of one gradient g: α = 1 / (2 + ΣA·g).
        var alpha = 1 / (2 + maps.sum([2, 3], keepdim: true) * weights);
        Same((24 * alpha * weights.relu() * maps).sum(1).relu(), explain.grad_cam_plus_plus(model, images, "conv", Class));
    }

    [Fact]
    public void Without_a_target_each_image_has_its_own_best_class()
    {
        using var model = new Linear2d();
        var best = model.call(images).argmax(1);
        var found = explain.grad_cam(model, images, "conv");
        for (var i = 0; i < 2; i++)
            Same(explain.grad_cam(model, images, "conv", best[i].item<long>())[i], found[i]);
    }

    [Theory]
    [InlineData("stem.0")]
    [InlineData("stem")]
    [InlineData("conv")]
    [InlineData("add_")]
    public void Weights_are_the_finite_differences_of_the_score(string node)
    {
        using var model = new Residual();
        model.eval();
        model.to(ScalarType.Float64);
        var x = images[..1].to(ScalarType.Float64);
        using var extractor = feature_extraction.create_feature_extractor(model, [node, "tanh"]);
        using var features = extractor.call(x);
        // Moving a whole channel up changes the score by the sum of its gradients.
        var weights = zeros(1, 4, 1, 1, ScalarType.Float64);
        for (var k = 0; k < 4; k++)
            weights[0, k] = (Score(k, 1e-6) - Score(k, -1e-6)) / 2e-6 / 24;
        Same((weights * features[node]).sum(1).relu(), explain.grad_cam(model, x, node, 2), 1e-7);

        double Score(int channel, double step)
        {
            var move = zeros(1, 4, 1, 1, ScalarType.Float64);
            move[0, channel] = step;
            using var moved = extractor.intervene(new() { [node] = interventions.add(move) });
            return moved.call(x)["tanh"][0, 2].item<double>();
        }
    }

    [Fact]
    public void A_graph_module_is_explained_as_its_model_is_and_nobody_gets_gradients()
    {
        using var model = new Residual();
        model.eval();
        using var traced = new GraphModule<Tensor, Tensor>(model, new NodePathTracer().trace(model));
        var text = traced.graph.ToString();
        Same(explain.grad_cam(model, images, "conv", 1), explain.grad_cam(traced, images, "conv", 1));
        Assert.Equal(text, traced.graph.ToString());
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Tokens_of_a_transformer_are_a_map()
    {
        // Drawn weights are now and then such that no token speaks for any class.
        using var model = DeterministicWeights.Fill(new VisionTransformer(image_size: 8, patch_size: 2, num_layers: 2, num_heads: 2,
            hidden_dim: 6, mlp_dim: 8, num_classes: 3));
        model.eval();
        var x = DeterministicWeights.Input(2, 3, 8, 8);
        var seen = 0.0f;
        for (var target = 0; target < 3; target++)
        {
            var found = explain.layer_cam(model, x, "encoder.layers.encoder_layer_0", target);
            Assert.Equal([2, 4, 4], found.shape);
            Same(explain.layer_cam(model, x, "encoder.layers.encoder_layer_0", target,
                tokens => tokens[TensorIndex.Colon, 1..].transpose(1, 2).reshape(2, 6, 4, 4)), found);
            seen += found.max().item<float>();
        }
        Assert.True(seen > 0);
    }

    private sealed class SoftmaxEnd : Module<Tensor, Tensor>
    {
        public readonly Linear2d logits = new();

        public SoftmaxEnd() : base(nameof(SoftmaxEnd)) => RegisterComponents();

        public override Tensor forward(Tensor x) => logits.call(x).softmax(1);
    }

    /// <summary>∂p_c/∂z_j = p_c (δ_cj − p_j), so the weight of a map is Σ_j W_jk ∂p_c/∂z_j over the places.</summary>
    [Fact]
    public void A_probability_is_explained_through_its_softmax()
    {
        using var model = new SoftmaxEnd();
        const int Class = 1;
        var maps = model.logits.conv.call(images);
        var p = model.call(images);
        var byLogit = p[.., Class..(Class + 1)] * (nn.functional.one_hot(tensor(Class, dtype: ScalarType.Int64), 5) - p);
        var gradient = byLogit.matmul(model.logits.fc.weight).reshape(2, 4, 1, 1) / 24;
        Same((gradient * maps).sum(1).relu(), explain.grad_cam(model, images, "logits.conv", Class), 1e-8);
        Same((gradient.relu() * maps).sum(1).relu(), explain.layer_cam(model, images, "logits.conv", Class), 1e-8);
        var (square, sums) = (gradient * gradient, maps.sum([2, 3], keepdim: true));
        var alpha = square / (2 * square + sums * square * gradient);
        Same((24 * alpha * gradient.relu() * maps).sum(1).relu(), explain.grad_cam_plus_plus(model, images, "logits.conv", Class), 1e-8);
        // Of two images each has its own.
        Same(explain.grad_cam(model, images[1..], "logits.conv", Class)[0], explain.grad_cam(model, images, "logits.conv", Class)[1], 1e-8);
    }

    /// <summary>A class that all channels speak against is nowhere.</summary>
    [Fact]
    public void Where_nothing_speaks_for_a_class_the_map_is_zero()
    {
        using var model = new Linear2d();
        using var _ = no_grad();
        model.fc.weight.copy_(-ones(5, 4));
        var x = ones(1, 3, 6, 4);
        model.conv.weight.copy_(ones(4, 3, 3, 3));
        model.conv.bias!.zero_();
        foreach (var method in new Func<nn.Module, Tensor, string, long?, Func<Tensor, Tensor>?, Tensor>[] { explain.grad_cam, explain.grad_cam_plus_plus, explain.layer_cam })
            Assert.Equal(0, method(model, x, "conv", 2, null).abs().max().item<float>());
    }

    [Fact]
    public void Tokens_without_a_class_token_lie_where_their_patches_do()
    {
        // Linear in the tokens: their mean over the places, then a class for each channel.
        using var model = new Patches();
        var x = rand(2, 3, 8, 4);
        var tokens = model.conv.call(x);
        Assert.Equal([2, 5, 4, 2], tokens.shape);
        var expected = (model.fc.weight[1].reshape(1, 5, 1, 1) / 8 * tokens).sum(1).relu();
        Same(expected, explain.grad_cam(model, x, "transpose", 1));
        Same(expected, explain.grad_cam(model, x, "conv", 1));
    }

    private sealed class Patches : Module<Tensor, Tensor>
    {
        public readonly Conv2d conv = Conv2d(3, 5, 2, stride: 2);
        public readonly Linear fc = Linear(5, 3);

        public Patches() : base(nameof(Patches)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call(conv.call(x).flatten(2).transpose(1, 2).mean([1]));
    }

    [Fact]
    public void Refusals()
    {
        using var model = new Linear2d();
        Assert.Equal("node: 'con' is not in the graph. The nearest names are 'conv', 'fc', 'mean'. (Parameter 'name')",
            Assert.Throws<ArgumentException>(() => explain.grad_cam(model, images, "con")).Message);
        Assert.StartsWith("There is no class 5: the model returns [2, 5], so the classes are 0 to 4.",
            Assert.Throws<ArgumentOutOfRangeException>(() => explain.grad_cam(model, images, "conv", 5)).Message);
        Assert.Equal("The value of 'mean' is [2, 4], which is no map: name a node whose value is [N, C, h, w] or tokens [N, L, C].",
            Assert.Throws<ArgumentException>(() => explain.grad_cam(model, images, "mean")).Message);
        using var aside = new Aside();
        Assert.Equal("The score does not depend on the value of 'unused': name a node that comes before it.",
            Assert.Throws<ArgumentException>(() => explain.grad_cam(aside, images, "unused", 0)).Message);
    }

    private sealed class Aside : Module<Tensor, Tensor>
    {
        private readonly Conv2d unused = Conv2d(3, 2, 1);

        public Aside() : base(nameof(Aside)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            unused.call(x);
            return x.mean([2, 3]) * 2;
        }
    }

    private static void Same(Tensor expected, Tensor actual, double atol = 1e-6)
        => Assert.True(actual.allclose(expected, rtol: 1e-4, atol: atol), $"{expected.str()}\n{actual.str()}");
}
