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
}
