using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Mirrors PyTorch's test_fx_const_fold.</summary>
[Collection("Tensor counts")]
public sealed class ConstantFoldingTests
{
    private sealed class Weighted : Module<Tensor, Tensor>
    {
        public readonly Parameter first = Parameter(rand(3)), second = Parameter(rand(3));
        private readonly Linear mix = Linear(3, 3);
        private readonly Dropout drop = Dropout();

        public Weighted() : base(nameof(Weighted)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var scale = (first + second).abs();
            var bias = drop.call(mix.call(scale.reshape(first.shape[0])));
            return x * scale + bias * x.shape[0];
        }
    }

    [Fact]
    public void What_no_input_enters_into_is_computed_ahead()
    {
        using var model = new Weighted();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var x = rand(2, 3);
        using var before = traced.call(x);
        Assert.True(traced.fold_constants());
        traced.graph.lint();
        Assert.Equal(["x", "_tensor_constant0", "_tensor_constant1", "mul", "getattr_2", "getitem_1", "mul_1", "add_1", "output"], traced.graph.nodes.Select(node => node.name));
        using var after = traced.call(x);
        Assert.True(before.bytes.SequenceEqual(after.bytes));
        Assert.False(traced.fold_constants());
    }

    [Fact]
    public void The_model_itself_stays_and_its_later_changes_have_no_effect()
    {
        using var model = new Weighted();
        model.eval();
        using var traced = fx.symbolic_trace(model);
        using var x = rand(2, 3);
        using var before = model.call(x);
        traced.fold_constants();
        using (no_grad())
            model.first.fill_(7);
        using var folded = traced.call(x);
        using var changed = model.call(x);
        Assert.True(before.bytes.SequenceEqual(folded.bytes));
        Assert.False(before.bytes.SequenceEqual(changed.bytes));
    }

    [Fact]
    public void What_draws_is_written_to_or_to_be_skipped_stays()
    {
        using var model = new Weighted();
        using var traced = fx.symbolic_trace(model);
        // A module in train mode may do something else each time.
        Assert.True(traced.fold_constants(node => node.target.name == "abs"));
        Assert.Contains("drop", traced.graph.nodes.Select(node => node.name));
        Assert.Contains("mix", traced.graph.nodes.Select(node => node.name));
        Assert.Contains("abs", traced.graph.nodes.Select(node => node.target.name));
    }

    private sealed class Counting : Module<Tensor, Tensor>
    {
        private readonly Tensor calls = zeros(1), one = ones(1);

        public Counting() : base(nameof(Counting)) => RegisterComponents();

        public override Tensor forward(Tensor x) => x + calls.add_(one + one) + rand(1) * 0;
    }

    [Fact]
    public void A_buffer_that_counts_goes_on_counting()
    {
        using var model = new Counting();
        using var traced = fx.symbolic_trace(model);
        traced.fold_constants();
        using var x = zeros(1);
        using var first = traced.call(x);
        using var second = traced.call(x);
        Assert.Equal((2f, 4f), (first.item<float>(), second.item<float>()));
        Assert.Contains("rand", traced.graph.nodes.Select(node => node.target.name));
    }

    [Fact]
    public void The_values_go_with_the_module()
    {
        using var model = new Weighted();
        model.eval();
        LiveTensors.AssertStay(() =>
        {
            using var traced = fx.symbolic_trace(model);
            traced.fold_constants();
        }, 20);
    }
}
