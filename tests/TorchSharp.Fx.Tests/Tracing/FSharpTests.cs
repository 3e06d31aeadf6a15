using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using static FSharpModels;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Modules in F#, of a Debug build here and of a Release build with tail calls in Tests.Optimized. Their code stands in Tests.FSharp/Models.fs.</summary>
public sealed class FSharpTests
{
    private static object?[][] Calls => [[Traced.Sample(0, 2, 4)], [Traced.Sample(0, 3, 4)]];

    [Fact]
    public void Functions_in_a_row() => Traced.Check(new Pipeline(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_function[target=relu](%x, False)
                %flatten : [num_users=1] = call_method[target=flatten](%relu, 1, -1)
                %mul : [num_users=1] = call_function[target=mul](%flatten, 2.0)
                return %mul
            """, Calls);

    [Fact]
    public void Closures_over_fields_and_arguments() => Traced.Check(new Closure(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %fc : [num_users=1] = call_module[target=fc](%x)
                %mul : [num_users=1] = call_function[target=mul](%x, 3.0)
                %add : [num_users=1] = call_function[target=add](%fc, %mul)
                %fc_1 : [num_users=1] = call_module[target=fc](%add)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, 3.0)
                %add_1 : [num_users=1] = call_function[target=add](%fc_1, %mul_1)
                return %add_1
            """, Calls);

    [Fact]
    public void A_union_is_matched_recursively() => Traced.Check(new Matching(Activation.NewChain(ListModule.OfSeq([Activation.NewLeaky(0.1), Activation.Relu]))), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %leaky_relu : [num_users=1] = call_function[target=leaky_relu](%x, 0.1, False)
                %relu : [num_users=1] = call_method[target=relu](%leaky_relu)
                return %relu
            """, Calls);

    [Fact]
    public void An_option_that_is_there() => Traced.Check(new Optional(FSharpOption<long>.Some(1)), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %mean : [num_users=1] = call_method[target=mean](%x, [1], False, None)
                %add : [num_users=1] = call_function[target=add](%mean, 1.0)
                return %add
            """, Calls);

    [Fact]
    public void An_option_that_is_not_there() => Traced.Check(new Optional(FSharpOption<long>.None), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %sum_1 : [num_users=1] = call_method[target=sum](%x, None)
                %add : [num_users=1] = call_function[target=add](%sum_1, 1.0)
                return %add
            """, Calls);

    [Fact]
    public void Records_are_copied_and_changed() => Traced.Check(new Records(new(3, true, 0.5)), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %left : [num_users=1] = call_module[target=left](%x)
                %right : [num_users=1] = call_module[target=right](%x)
                %mul : [num_users=1] = call_function[target=mul](%left, 1.0)
                %add : [num_users=1] = call_function[target=add](%mul, %right)
                return %add
            """, Calls);

    [Fact]
    public void Loops_over_modules_and_ranges() => Traced.Check(new Loops(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %layers_0 : [num_users=1] = call_module[target=layers.0](%x)
                %layers_1 : [num_users=1] = call_module[target=layers.1](%layers_0)
                %add : [num_users=1] = call_function[target=add](%layers_1, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 3)
                %relu : [num_users=1] = call_method[target=relu](%add_2)
                %relu_1 : [num_users=1] = call_method[target=relu](%relu)
                return %relu_1
            """, Calls);

    [Fact]
    public void Comprehensions_of_lists_arrays_and_sequences() => Traced.Check(new Comprehensions(), """
            graph(%x):
                %x : [num_users=4] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 0)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, 1)
                %mul_2 : [num_users=1] = call_function[target=mul](%x, 2)
                %square : [num_users=1] = call_method[target=square](%mul)
                %square_1 : [num_users=1] = call_method[target=square](%mul_1)
                %square_2 : [num_users=1] = call_method[target=square](%mul_2)
                %add : [num_users=1] = call_function[target=add](%square, 1.0)
                %add_1 : [num_users=1] = call_function[target=add](%square_1, 1.0)
                %add_2 : [num_users=1] = call_function[target=add](%square_2, 1.0)
                %cat : [num_users=1] = call_function[target=cat]([%add, %x, %add_1, %x, %add_2, %x, %x], 1)
                return %cat
            """, Calls);

    [Fact]
    public void Functions_of_functions_over_collections() => Traced.Check(new HigherOrder(), """
            graph(%x):
                %x : [num_users=4] = placeholder[target=x]
                %mul : [num_users=3] = call_function[target=mul](%x, 1.0)
                %mul_1 : [num_users=2] = call_function[target=mul](%x, 2.0)
                %mul_2 : [num_users=3] = call_function[target=mul](%x, 3.0)
                %add : [num_users=1] = call_function[target=add](%x, %mul)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mul_1)
                %add_2 : [num_users=2] = call_function[target=add](%add_1, %mul_2)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul, %mul_2)
                %mul_4 : [num_users=1] = call_function[target=mul](%mul_1, %mul_1)
                %mul_5 : [num_users=1] = call_function[target=mul](%mul_2, %mul)
                %sub : [num_users=1] = call_function[target=sub](%mul_3, %mul_4)
                %sub_1 : [num_users=1] = call_function[target=sub](%sub, %mul_5)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 0)
                %add_4 : [num_users=1] = call_function[target=add](%add_2, 1)
                %mul_6 : [num_users=1] = call_function[target=mul](%add_3, 1)
                %mul_7 : [num_users=1] = call_function[target=mul](%add_4, 2)
                %add_5 : [num_users=1] = call_function[target=add](%mul_6, %mul_7)
                %add_6 : [num_users=1] = call_function[target=add](%add_5, %sub_1)
                return %add_6
            """, Calls);

    [Fact]
    public void Tuples_struct_tuples_and_active_patterns() => Traced.Check(new Tuples(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %relu : [num_users=2] = call_method[target=relu](%x)
                %sigmoid : [num_users=1] = call_method[target=sigmoid](%x)
                %truediv : [num_users=1] = call_function[target=truediv](%relu, 2.0)
                %mul : [num_users=1] = call_function[target=mul](%relu, 2.0)
                %add : [num_users=1] = call_function[target=add](%sigmoid, %truediv)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mul)
                return %add_1
            """, Calls);

    [Fact]
    public void Arithmetic_on_sizes() => Traced.Check(new Sizes(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
                %size : [num_users=2] = call_method[target=size](%x, 1)
                %mul : [num_users=1] = call_function[target=mul](%getitem, %size)
                %reshape : [num_users=1] = call_method[target=reshape](%x, [%mul])
                %reshape_1 : [num_users=1] = call_method[target=reshape](%reshape, [%getitem, -1])
                %truediv : [num_users=1] = call_function[target=truediv](%reshape_1, double(%size))
                return %truediv
            """, Calls);

    [Fact]
    public void Composed_and_partially_applied_functions() => Traced.Check(new Composition(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %fc : [num_users=1] = call_module[target=fc](%x)
                %relu : [num_users=1] = call_function[target=relu](%fc, False)
                %add : [num_users=1] = call_function[target=add](%x, %relu)
                %fc_1 : [num_users=1] = call_module[target=fc](%add)
                %relu_1 : [num_users=1] = call_function[target=relu](%fc_1, False)
                %add_1 : [num_users=1] = call_function[target=add](%x, %relu_1)
                return %add_1
            """, Calls);

    [Fact]
    public void Use_finally_and_a_guard() => Traced.Check(new Scoped(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 1)
                %eq : [num_users=1] = call_function[target=eq](%getitem, 4)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'four columns, please')
                %relu : [num_users=1] = call_method[target=relu](%x)
                %add : [num_users=1] = call_function[target=add](%relu, 1.0)
                return %add
            """, Calls);

    [Fact]
    public void A_map_is_looked_up_and_gone_through() => Traced.Check(new Named(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 2.0)
                %add : [num_users=1] = call_function[target=add](%mul, 3.0)
                %mul_1 : [num_users=1] = call_function[target=mul](%add, 0.5)
                return %mul_1
            """, Calls);

    [Fact]
    public void A_struct_record_of_two_inputs() => Traced.Check(new TwoInputs(), """
            graph(%x, %mask):
                %x : [num_users=1] = placeholder[target=x]
                %mask : [num_users=1] = placeholder[target=mask]
                %mul : [num_users=1] = call_function[target=mul](%x, %mask)
                return %mul
            """);

    [Fact]
    public void Inline_functions_shared_cells_and_lazy_values() => Traced.Check(new Captured(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 1.0)
                %add : [num_users=1] = call_function[target=add](%x, %mul)
                %mul_1 : [num_users=1] = call_function[target=mul](%x, 2.0)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mul_1)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, %add_1)
                return %add_2
            """, Calls);

    [Fact]
    public void An_exception_that_the_program_catches() => Traced.Check(new Catching(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %ne : [num_users=1] = call_function[target=ne](%x, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with x != None at Models.fs:203; trace again with concrete_args = new() { ["x"] = null } for calls without it')
                %mul : [num_users=1] = call_function[target=mul](%x, 10.0)
                return %mul
            """, Calls);

    [Fact]
    public void A_guard_that_fails_with_a_message() => Traced.Check(new Guarded(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %dim : [num_users=1] = call_method[target=dim](%x)
                %eq : [num_users=1] = call_function[target=eq](%dim, 2)
                %_assert : [num_users=0] = call_function[target=_assert](%eq, 'two dimensions, please')
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """, Calls);

    [Fact]
    public void A_refusal_names_the_line_of_FSharp()
    {
        var refusal = Assert.Throws<TraceException>(() => Traced.Graph(new Deciding()));
        Assert.Equal(("FX001", "Deciding.forward"), (refusal.code, refusal.program_stack[0].method));
        Assert.Matches(@" It happens in the root module at Models\.fs:[0-9]+\. ", refusal.Message);
    }

    [Fact]
    public void Sizes_may_decide_by_example()
    {
        ByExample(new Deciding(), "3xN", [3, 4], [3, 5]);
        ByExample(new Steps(), "Nx4", [2, 4], [5, 4]);
        ByExample(new Parts(), "Nx4", [2, 4], [5, 4]);
        Assert.Equal("FX019", Assert.Throws<TraceException>(() => ByExample(new Steps(), "4xN")).code);
    }

    [Fact]
    public void Sizes_are_mapped() => ByExample(new Mapped(), "Nx4", [2, 4], [5, 4]);

    [Fact]
    public void Printf_of_what_is_known() => Traced.Check(new Talking(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """, Calls);

    [Fact]
    public void Printf_of_a_size_goes_by_the_example()
    {
        // Its library asks for the number's sign.
        Assert.Equal("FX001", Assert.Throws<TraceException>(() => Traced.Graph(new Telling())).code);
        ByExample(new Telling(), "2x4", [2, 4]);
    }

    [Fact]
    public void An_async_computation_that_runs_at_once() => Traced.Check(new Awaiting(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                return %relu
            """, Calls);

    private static void ByExample(nn.Module<Tensor, Tensor> module, string input, params long[][] shapes)
    {
        using var traced = fx.symbolic_trace(module, example_inputs: [InputShape.Parse(input)]);
        foreach (var shape in shapes)
            Traced.Same(module.call(Traced.Sample(0, shape)), traced.call(Traced.Sample(0, shape)));
    }
}
