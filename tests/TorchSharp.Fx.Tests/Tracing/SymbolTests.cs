using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Numbers that are symbols, beside numbers that are not.</summary>
public sealed class SymbolTests
{
    private static Tensor Mean(Tensor x, List<Tensor> items) => x * ((float)items.Count / 2);

    [Fact]
    public void A_length_that_is_made_a_float_is_divided_as_one()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, List<Tensor>, Tensor>(Mean);
        var x = rand(3);
        Assert.True(Mean(x, [x, x, x]).Equals(traced.call(x, [x, x, x])));
        Assert.True(Mean(x, [x]).Equals(traced.call(x, [x])));
    }

    private static Tensor Boxed(Tensor x, int? count)
    {
        object held = count!;
        return x * (int)held;
    }

    [Fact]
    public void A_nullable_in_a_box_is_asserted_to_be_there()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, int?, Tensor>(Boxed);
        Assert.True((ones(2) * 3).Equals(traced.call(ones(2), 3)));
        Assert.Throws<GraphAssertionException>(() => traced.call(ones(2), null));
    }

    private static T Nothing<T>() => default!;

    private record struct Pair(double Scale, float Shift, long Count);

    [Fact]
    public void What_nobody_set_is_zero_in_all_types()
    {
        using var scope = NewDisposeScope();
        static Tensor Add(Tensor x)
        {
            Pair pair = default;
            var numbers = new double[2];
            return x + Nothing<double>() + Nothing<float>() + Nothing<long>() + pair.Scale + pair.Shift + pair.Count + numbers[1] + x.shape[0];
        }
        using var traced = fx.symbolic_trace<Tensor, Tensor>(Add);
        Assert.True(Add(ones(2)).Equals(traced.call(ones(2))));
    }

    [Fact]
    public void A_tensor_of_numbers_that_no_input_decides_is_a_constant_also_where_there_are_symbols()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(x =>
        {
            long[] rows = [x.shape[0], 1], sizes = [2, 3];
            return x * rows[0] + ones(sizes) * zeros(rows);
        });
        Assert.Single(traced.graph.nodes, node => node.op == Opcode.get_attr);
        Assert.True(full([2, 3], 2f).Equals(traced.call(ones(2, 3))));
    }

    private sealed class Table() : nn.Module<Tensor, Tensor>(nameof(Table))
    {
        internal Dictionary<string, Tensor> Tables { get; } = new() { ["sizes"] = arange(3) };

        public override Tensor forward(Tensor x)
        {
            var sum = x.clone();
            sum.add_(Tables["sizes"]);
            using var made = zeros(3, dtype: int64);
            made.add_(Tables["sizes"]);
            return sum + made + Tables["sizes"] * 2;
        }
    }

    [Fact]
    public void Only_the_receiver_of_an_operation_in_place_is_written_to()
    {
        using var scope = NewDisposeScope();
        using var model = new Table();
        using var traced = fx.symbolic_trace(model);
        var x = rand(2, 3);
        Assert.True(model.call(x).Equals(traced.call(x)));
        Assert.True(model.call(x).Equals(traced.call(x)));
        Assert.True(arange(3).Equals(model.Tables["sizes"]));
    }

    private sealed class Grid(bool writes) : nn.Module<Tensor, Tensor>(nameof(Grid))
    {
        internal Stack<List<int>[,]> Seen { get; } = new([new[,] { { new List<int> { 1 }, [] } }]);

        public override Tensor forward(Tensor x)
        {
            var grid = Seen.Peek();
            if (writes)
            {
                grid[0, 0].Add(2);
                grid[0, 1] = [5, 6];
            }
            return x * (grid[0, 0].Count + grid[0, 1].Count);
        }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_collection_of_grids_is_traced_and_stays_as_it_was(bool writes)
    {
        using var scope = NewDisposeScope();
        using var model = new Grid(writes);
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true, state: TracedState.dropped);
        var grid = Assert.Single(model.Seen);
        Assert.Equal([1], grid[0, 0]);
        Assert.Empty(grid[0, 1]);
        Assert.True((ones(2) * (writes ? 4 : 1)).Equals(traced.call(ones(2))));
    }
}
