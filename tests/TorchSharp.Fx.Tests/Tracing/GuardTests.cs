using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Guards of several parts: what passes is asserted, whichever part lets it pass.</summary>
public sealed class GuardTests
{
    private sealed class Guarded : nn.Module<Tensor, Tensor>
    {
        public Guarded() : base(nameof(Guarded)) { }

        public override Tensor forward(Tensor x)
        {
            if (x.shape[0] < 2 || x.dim() != 2)
                throw new ArgumentException("too small");
            return x.relu();
        }
    }

    [Fact]
    public void A_guard_that_can_only_throw_becomes_an_assertion()
    {
        Traced.Check(new Guarded(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %ge : [num_users=1] = call_function[target=ge](%getitem, 2)
                %_assert : [num_users=0] = call_function[target=_assert](%ge, 'too small')
                %dim : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %_assert_1 : [num_users=0] = call_function[target=_assert](%eq, 'too small')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);
        var graph = new GraphModule(new Guarded(), Traced.Graph(new Guarded()));
        Assert.Contains("too small", Assert.Throws<GraphAssertionException>(() => graph.call(ones(1, 4))).Message);
    }

    private sealed class ManyGuards() : nn.Module<Tensor, Tensor>(nameof(ManyGuards))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.dim() != 2 && x.dim() != 3)
                throw new ArgumentException($"2 or 3 dimensions, not {x.dim()}");
            return x.relu();
        }
    }

    [Fact]
    public void A_guard_that_allows_two_values()
        => Traced.Check(new ManyGuards(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %dim : [num_users=1] = call_method[target=dim](%x)
                %dim_1 : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %eq_1 : [num_users=1] = call_function[target=eq](%dim_1, 3)
                %or_ : [num_users=1] = call_function[target=or_](%eq, %eq_1)
                %_assert : [num_users=0] = call_function[target=_assert](%or_, '2 or 3 dimensions, not {…}')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);

    private sealed class Optional(bool strict, int? channels) : nn.Module<Tensor, Tensor>(nameof(Optional))
    {
        public override Tensor forward(Tensor x)
        {
            var count = x.shape[1];
            if (x.dim() != 2 && strict)
                throw new ArgumentException("not a matrix");
            if (count != 4 && count != 5 && count != 6)
                throw new ArgumentException("channels");
            if (channels is not null && count > channels)
                throw new ArgumentException("too many");
            return x.relu();
        }
    }

    [Fact]
    public void A_guard_with_a_concrete_part()
    {
        Traced.Check(new Optional(true, 7), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=4] = call_function[target=getitem](%getattr_1, 1)
                %dim : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'not a matrix')
                %eq_1 : [num_users=1] = call_function[target=eq](%getitem, 5)
                %eq_2 : [num_users=1] = call_function[target=eq](%getitem, 6)
                %or_ : [num_users=1] = call_function[target=or_](%eq_1, %eq_2)
                %eq_3 : [num_users=1] = call_function[target=eq](%getitem, 4)
                %or__1 : [num_users=1] = call_function[target=or_](%eq_3, %or_)
                %_assert_1 : [num_users=0] = call_function[target=_assert](%or__1, 'channels')
                %le : [num_users=1] = call_function[target=le](%getitem, 7)
                %_assert_2 : [num_users=0] = call_function[target=_assert](%le, 'too many')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);
        Assert.DoesNotContain("matrix", Traced.Graph(new Optional(false, null)).ToString());
    }

    private sealed class Caught() : nn.Module<Tensor, Tensor>(nameof(Caught))
    {
        public override Tensor forward(Tensor x)
        {
            try
            {
                Check(x);
                return x.relu();
            }
            catch (ArgumentException)
            {
                return x.tanh();
            }
        }

        private static void Check(Tensor x)
        {
            if (x.dim() != 2)
                throw new ArgumentException("not a matrix");
        }
    }

    [Fact]
    public void A_guard_whose_exception_the_model_catches_is_a_branch()
        => Assert.Equal("FX001", Assert.Throws<TraceException>(() => Traced.Graph(new Caught())).code);

    private sealed class Explained() : nn.Module<Tensor, Tensor>(nameof(Explained))
    {
        public override Tensor forward(Tensor x)
        {
            if (x.dim() != 2) throw new ArgumentException($"Expected 2 dimensions, got {x.shape}");
            return x.relu();
        }
    }

    [Fact]
    public void What_the_message_reads_comes_between_the_condition_and_the_assertion_as_in_python()
        => Traced.Check(new Explained(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %dim : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %getattr_1 : [num_users=0] = call_function[target=getattr](%x, shape)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'Expected 2 dimensions, got {…}')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """);

    private sealed class Logged() : nn.Module<Tensor, Tensor>(nameof(Logged))
    {
        public List<string> Log { get; } = [];

        public override Tensor forward(Tensor x)
        {
            if (x.dim() != 2)
            {
                Log.Add($"{x.shape.Length}");
                throw new ArgumentException("Expected 2 dimensions.");
            }
            return x.relu();
        }
    }

    [Fact]
    public void A_way_to_an_exception_that_does_more_than_write_its_message_is_not_followed()
    {
        var model = new Logged();
        Assert.Equal(["x", "dim", "eq", "_assert", "relu", "output"], Traced.Graph(model).nodes.Select(node => node.name));
        Assert.Empty(model.Log);
    }

    private sealed class Remembering() : nn.Module<Tensor, Tensor>(nameof(Remembering))
    {
        public override Tensor forward(Tensor x)
        {
            var between = x.shape[0] is > 2 and < 5;
            if (between)
                throw new ArgumentException("not between");
            return x * (between ? 3 : 5);
        }
    }

    [Fact]
    public void A_guard_s_condition_that_is_used_again_keeps_its_value()
    {
        using var scope = NewDisposeScope();
        using var module = new Remembering();
        using var traced = fx.symbolic_trace(module, example_inputs: [ones(2, 3)]);
        Assert.Equal(module.call(ones(2, 3)), traced.call(ones(2, 3)));
        Assert.Equal("FX001", Assert.Throws<TraceException>(() => fx.symbolic_trace(module)).code);
    }
}
