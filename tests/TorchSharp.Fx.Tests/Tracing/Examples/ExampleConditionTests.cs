using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing.Examples;

/// <summary>What an example decides, and what the graph asserts of it.</summary>
public sealed class ExampleConditionTests
{
    private static Tensor ByLength(Tensor x, List<Tensor> items)
    {
        if (items.Count + 1 == 4)
            x = x + 3;
        if (items.Count - 1 == 2)
            x = x * 5;
        if (items.Count * 2 == 6)
            x = x - 7;
        return x + items[0];
    }

    [Fact]
    public void Sums_differences_and_products_of_a_length_are_computed_as_the_program_does()
    {
        using var scope = NewDisposeScope();
        List<Tensor> items = [ones(2), ones(2), ones(2)];
        using var traced = fx.symbolic_trace<Tensor, List<Tensor>, Tensor>(ByLength, example_inputs: [rand(2), items]);
        var x = rand(2);
        Assert.True(ByLength(x, items).Equals(traced.call(x, items)));
        Assert.Throws<GraphAssertionException>(() => traced.call(x, [ones(2), ones(2)]));
    }

    private static Tensor WithMessage(Tensor x)
    {
        if (x.shape[0] < 2)
            throw new ArgumentException($"{x.sum().item<float>()} is the sum of {string.Join(" x ", x.shape)}");
        return x * 2;
    }

    [Fact]
    public void What_only_a_message_shows_is_not_asserted()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(WithMessage, example_inputs: [ones(3)]);
        var x = rand(4, 5);
        Assert.True(WithMessage(x).Equals(traced.call(x)));
        Assert.Throws<GraphAssertionException>(() => traced.call(ones(1)));
    }

    private static Tensor BySizes(Tensor x, long rows) => (x.shape[0], x.shape[1]).Equals((rows, 3L)) && x.shape[0].Equals(4L) ? x * 2 : x + 1;

    [Fact]
    public void Sizes_in_a_tuple_that_equal_others_are_asserted()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, long, Tensor>(BySizes, example_inputs: [rand(4, 3), 4L]);
        var x = rand(4, 3);
        Assert.True(BySizes(x, 4).Equals(traced.call(x, 4)));
        Assert.Throws<GraphAssertionException>(() => traced.call(rand(4, 2), 4));
        Assert.Throws<GraphAssertionException>(() => traced.call(x, 5));
    }

    private sealed class Masking() : nn.Module<(Tensor, Tensor), Tensor>(nameof(Masking))
    {
        public override Tensor forward((Tensor, Tensor) input)
        {
            var (x, mask) = input;
            return mask.shape[2] > 0 ? x.masked_fill(mask, 0.0) : x;
        }
    }

    private sealed class SharingAMask : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Masking first = new(), second = new();

        public SharingAMask() : base(nameof(SharingAMask)) => RegisterComponents();

        private static Tensor Checked(Tensor x, Tensor mask) => mask.shape[0] < 100 ? x + 1 : x;

        public override Tensor forward(Tensor x, Tensor mask)
        {
            x = second.call((first.call((x, mask)), mask));
            for (var i = 0; i < 3; i++)
                x = Checked(first.call((x, mask)), mask);
            return x;
        }
    }

    [Fact]
    public void The_same_question_in_another_layer_or_turn_is_answered_already()
    {
        using var scope = NewDisposeScope();
        var tracer = new Tracer();
        var model = new SharingAMask();
        var graph = tracer.trace(model, [rand(2, 3, 5), rand(2, 3, 5) > 0.5]);
        Assert.Equal(2, graph.nodes.Count(node => node.target.name == "_assert"));
        Assert.Empty(tracer.report.unrolled_loops);
        using var traced = new GraphModule(model, graph);
        var (x, mask) = (rand(1, 2, 7), rand(1, 2, 7) > 0.5);
        Assert.True(model.call(x, mask).Equals((Tensor)traced.call(x, mask)!));
        Assert.Throws<GraphAssertionException>(() => traced.call(rand(1, 2, 0), rand(1, 2, 0) > 0.5));
    }

    private sealed class Limited(long limit) : nn.Module<Tensor, Tensor>(nameof(Limited))
    {
        public override Tensor forward(Tensor x) => x.shape[1] > limit ? x * 2 : x;
    }

    [Fact]
    public void Another_limit_in_another_layer_is_no_loop()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(nn.Sequential(new Limited(1), new Limited(4), new Limited(9)), example_inputs: [rand(2, 6)]);
        Assert.True((ones(2, 8) * 4).Equals(traced.call(ones(2, 8))));
        Assert.Throws<GraphAssertionException>(() => traced.call(ones(2, 3)));
        Assert.Throws<GraphAssertionException>(() => traced.call(ones(2, 12)));
    }

    private static Tensor Tiled(Tensor x)
        => ones(1, 2).repeat(Enumerable.Range(0, x.shape.Length).Select(i => x.shape[i] / (i + 1)).ToArray());

    [Fact]
    public void Sizes_that_are_selected_by_the_rank_stay_free()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Tiled, example_inputs: [rand(2, 4)]);
        foreach (var x in new[] { rand(3, 6), rand(1, 2) })
            Assert.True(Tiled(x).Equals(traced.call(x)));
    }
}
