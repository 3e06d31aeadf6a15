using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Optimised copies that take the model's weights over: the same numbers, and the weights in memory once.</summary>
[Collection("Tensor counts")]
public sealed class DiscardedParametersTests : KernelTests
{
    private sealed class Network : Module<Tensor, Tensor>
    {
        public readonly Conv2d conv1 = Conv2d(3, 16, 3, padding: 1, bias: false);
        public readonly BatchNorm2d bn1 = BatchNorm2d(16);
        public readonly Conv2d conv2 = Conv2d(16, 16, 1);
        public readonly BatchNorm2d bn2 = BatchNorm2d(16);
        public readonly Conv2d twice = Conv2d(16, 16, 3, padding: 1);
        public readonly Embedding words = Embedding(8, 16);
        public readonly Linear fc = Linear(16, 8);
        public readonly Linear tied = Linear(16, 8, hasBias: false);
        public readonly Linear same = Linear(16, 8, hasBias: false);

        public Network() : base(nameof(Network))
        {
            RegisterComponents();
            tied.weight = words.weight!;
            same.weight = fc.weight;
            foreach (var norm in new[] { bn1, bn2 })
            {
                norm.running_mean!.uniform_(-1, 1);
                norm.running_var!.uniform_(0.5, 2);
            }
            eval();
        }

        public override Tensor forward(Tensor x)
        {
            var y = bn2.call(conv2.call(bn1.call(conv1.call(x)).relu()));
            y = twice.call(twice.call(y)).mean([2, 3]);
            return tied.call(y) + fc.call(y) + same.call(y) + words.call((x.sum() * 0).to(int64)).sum();
        }
    }

    private static GraphModule<Tensor, Tensor> Traced(Network model) => (GraphModule<Tensor, Tensor>)fx.symbolic_trace(model);

    [Fact]
    public void It_computes_the_same()
    {
        using var model = new Network();
        using var traced = Traced(model);
        var x = rand(2, 3, 9, 11);
        var expected = model.call(x);
        using var fast = traced.optimize_for_inference(discard_parameters: true);
        traced.Dispose();
        model.Dispose();
        Assert.True(fast.call(x).allclose(expected, 1e-4, 1e-5));
    }

    [Fact]
    public void Weights_that_only_layers_had_are_gone_and_others_stay()
    {
        using var model = new Network();
        using var traced = Traced(model);
        using var fast = traced.optimize_for_inference(discard_parameters: true);
        Assert.True(model.conv1.weight.IsInvalid);
        Assert.True(model.conv2.weight.IsInvalid);
        Assert.True(model.conv2.bias!.IsInvalid);
        Assert.True(model.twice.weight.IsInvalid);
        // An embedding, or another layer, has the same memory.
        Assert.False(model.words.weight!.IsInvalid);
        Assert.False(model.fc.weight.IsInvalid);
        Assert.Equal(model.tied.weight.shape, model.words.weight.shape);
    }

    [Fact]
    public void Without_being_asked_the_model_keeps_its_weights()
    {
        using var model = new Network();
        using var traced = Traced(model);
        var (x, before) = (rand(2, 3, 9, 11), model.conv1.weight.clone());
        var expected = model.call(x);
        using var fast = traced.optimize_for_inference();
        Assert.True(model.conv1.weight.allclose(before, 0, 0));
        Tracing.Traced.Same(expected, model.call(x));
    }

    /// <summary>A weight that a copy has too is not laid out anew in the same memory.</summary>
    [Fact]
    public void Copies_keep_their_weights_when_one_of_them_is_moved_and_runs_first()
    {
        using var model = new Network();
        using var traced = Traced(model);
        var x = rand(2, 3, 9, 11);
        var expected = model.call(x);
        using var fast = traced.optimize_for_inference();
        using var copy = fast.clone();
        fast.to(ScalarType.Float32);
        Assert.True(fast.call(x).allclose(expected, 1e-4, 1e-5));
        Assert.True(copy.call(x).allclose(expected, 1e-4, 1e-5));
    }

    [Fact]
    public void It_leaves_no_more_tensors_than_a_copy()
    {
        var x = rand(2, 3, 9, 11);
        Run(discard: true);
        Run(discard: false);
        // TorchSharp counts an object too many for each parameter that is made.
        Assert.Equal(LiveTensors.Added(() => Run(discard: false)), LiveTensors.Added(() => Run(discard: true)));

        void Run(bool discard)
        {
            using var model = Sequential(Conv2d(3, 16, 3), BatchNorm2d(16), ReLU(), Conv2d(16, 4, 1));
            model.eval();
            using var traced = fx.symbolic_trace(model);
            using var fast = traced.optimize_for_inference(discard_parameters: discard);
            fast.call(x).Dispose();
        }
    }
}
