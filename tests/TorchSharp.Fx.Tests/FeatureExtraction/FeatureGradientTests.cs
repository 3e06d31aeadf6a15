using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Gradients of a loss by features that an operation in place comes after, as Grad-CAM needs them. The truth is the same model whose operations don't work in place.</summary>
public sealed class FeatureGradientTests
{
    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Conv2d conv1 = Conv2d(2, 3, 3, padding: 1);
        private readonly TorchSharp.Modules.Conv2d conv2 = Conv2d(3, 3, 3, padding: 1);
        private readonly TorchSharp.Modules.ReLU relu;
        private readonly TorchSharp.Modules.Linear fc = Linear(3, 4);
        private readonly bool inPlace;

        internal Block(bool inPlace) : base(nameof(Block))
        {
            this.inPlace = inPlace;
            relu = ReLU(inPlace);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var y = relu.call(conv1.call(x));
            var z = conv2.call(y);
            z = inPlace ? z.add_(y) : z + y;
            z = relu.call(z);
            return fc.call(z.mean([2, 3]));
        }
    }

    private static readonly string[] Requests = ["conv1", "relu", "conv2", "add_", "relu_1", "mean", "relu:in", "relu_1:in", "fc"];

    public static TheoryData<string> Nodes => [.. Requests];

    [Theory, MemberData(nameof(Nodes))]
    public void A_feature_has_the_gradient_of_the_loss(string name)
    {
        using var model = new Block(inPlace: true);
        using var truth = new Block(inPlace: false);
        truth.load_state_dict(model.state_dict());
        using var x = rand(2, 2, 5, 5) - 0.5;
        var (value, gradient, loss) = Gradient(truth, name == "add_" ? "add" : name, x);
        foreach (var names in new[] { [name, "fc"], Requests })
        {
            using var features = feature_extraction.create_feature_extractor(model, [.. names.Distinct()]).call(x);
            Assert.True(features[name].allclose(value));
            using var sum = (features["fc"] * features["fc"]).sum();
            Assert.True(sum.allclose(loss));
            var found = autograd.grad([sum], [features[name]], allow_unused: true)[0];
            Assert.True(found is not null, $"{name} has no gradient");
            Assert.True(found.allclose(gradient, atol: 1e-6));
        }
    }

    private static (Tensor Value, Tensor Gradient, Tensor Loss) Gradient(Block model, string name, Tensor x)
    {
        using var extractor = feature_extraction.create_feature_extractor(model, [.. new[] { name, "fc" }.Distinct()]);
        var features = extractor.call(x);
        var loss = (features["fc"] * features["fc"]).sum();
        return (features[name], autograd.grad([loss], [features[name]])[0], loss);
    }

    private sealed class OnItsInput() : Module<Tensor, Tensor>(nameof(OnItsInput))
    {
        public override Tensor forward(Tensor x) => x.mul_(2).add_(1) * 3;
    }

    [Fact]
    public void What_belongs_to_the_caller_is_still_written_to()
    {
        using var extractor = feature_extraction.create_feature_extractor(new OnItsInput(), ["x", "mul_", "mul"]);
        using var x = ones(2);
        using var features = extractor.call(x);
        Assert.Equal([3f, 3f], x.data<float>().ToArray());
        Assert.Equal([1f, 2f, 9f], new[] { "x", "mul_", "mul" }.Select(name => features[name][0].item<float>()));
    }

    private sealed class Views() : Module<Tensor, Tensor>(nameof(Views))
    {
        public override Tensor forward(Tensor x)
        {
            var h = x * 2;
            var row = h[0];
            var flat = h.view(-1);
            flat.add_(1);
            return row + h.sum();
        }
    }

    [Fact]
    public void Views_that_are_read_after_the_write_see_it_and_the_feature_does_not()
    {
        using var extractor = feature_extraction.create_feature_extractor(new Views(), ["mul", "getitem", "view", "add"]);
        using var x = ones(2, 2);
        using var features = extractor.call(x);
        Assert.Equal([2f, 2f, 2f], new[] { features["mul"].max(), features["getitem"].max(), features["view"].max() }.Select(most => most.item<float>()));
        Assert.Equal([15f, 15f], features["add"].data<float>().ToArray());
    }
}
