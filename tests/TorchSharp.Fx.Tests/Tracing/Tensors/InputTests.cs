using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Inputs: how many, optional, null, fixed by concrete_args, numbers and states.</summary>
public class InputTests
{
    private sealed class Six() : Module<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>("Six")
    {
        public override Tensor forward(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e, Tensor f) => a + b - c * d / e - f;
    }

    [Fact]
    public void Six_inputs() => Traced.Check(new Six(), """
        graph(%a, %b, %c, %d, %e, %f):
            %a : [num_users=1] = placeholder[target=a]
            %b : [num_users=1] = placeholder[target=b]
            %c : [num_users=1] = placeholder[target=c]
            %d : [num_users=1] = placeholder[target=d]
            %e : [num_users=1] = placeholder[target=e]
            %f : [num_users=1] = placeholder[target=f]
            %add : [num_users=1] = call_function[target=add](%a, %b)
            %mul : [num_users=1] = call_function[target=mul](%c, %d)
            %truediv : [num_users=1] = call_function[target=truediv](%mul, %e)
            %sub : [num_users=1] = call_function[target=sub](%add, %truediv)
            %sub_1 : [num_users=1] = call_function[target=sub](%sub, %f)
            return %sub_1
        """, [rand(2), rand(2), rand(2), rand(2), rand(2), rand(2)]);

    private sealed class Optional() : Module<Tensor, Tensor?, Tensor>("Optional")
    {
        public override Tensor forward(Tensor x, Tensor? mask = null)
        {
            if (mask is not null)
                x = x.masked_fill(mask, 0);
            return x.relu();
        }
    }

    [Fact]
    public void An_optional_input_is_given_by_default() => Traced.Check(new Optional(), """
        graph(%x, %mask):
            %x : [num_users=1] = placeholder[target=x]
            %mask : [num_users=2] = placeholder[target=mask, default=None]
            %ne : [num_users=1] = call_function[target=ne](%mask, None)
            %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with mask != None at InputTests.cs:36; trace again with concrete_args = new() { ["mask"] = null } for calls without it')
            %masked_fill : [num_users=1] = call_method[target=masked_fill](%x, %mask, 0)
            %relu : [num_users=1] = call_method[target=relu](%masked_fill)
            return %relu
        """, [rand(2, 2), tensor(new[] { true, false })]);

    [Fact]
    public void A_null_input_is_fixed_by_concrete_args()
        => Traced.Check(new Tracer(), new Optional(), """
        graph(%x, %mask_1):
            %x : [num_users=1] = placeholder[target=x]
            %mask_1 : [num_users=1] = placeholder[target=mask_1, default=None]
            %eq : [num_users=1] = call_function[target=eq](%mask_1, None)
            %_assert : [num_users=0] = call_function[target=_assert](%eq, 'mask has been specialized to have value None but got another value')
            %relu : [num_users=1] = call_method[target=relu](%x)
            return %relu
        """, new Dictionary<string, object?> { ["mask"] = null }, [rand(2, 2), null]);

    private sealed class Scaled() : Module<Tensor, long, double, bool, Tensor>("Scaled")
    {
        public override Tensor forward(Tensor x, long rows, double scale, bool flip)
        {
            if (flip)
                x = x.flip(0);
            return x[..(int)rows] * scale;
        }
    }

    [Fact]
    public void Numbers_are_inputs_and_a_flag_is_fixed()
        => Traced.Check(new Tracer(), new Scaled(), """
        graph(%x, %rows, %scale, %flip_1):
            %x : [num_users=1] = placeholder[target=x]
            %rows : [num_users=1] = placeholder[target=rows]
            %scale : [num_users=1] = placeholder[target=scale]
            %flip_1 : [num_users=1] = placeholder[target=flip_1]
            %eq : [num_users=1] = call_function[target=eq](%flip_1, True)
            %_assert : [num_users=0] = call_function[target=_assert](%eq, 'flip has been specialized to have value True but got another value')
            %flip : [num_users=1] = call_method[target=flip](%x, [0])
            %getitem : [num_users=1] = call_function[target=getitem](%flip, [slice(0, long(int(%rows)), None)])
            %mul : [num_users=1] = call_function[target=mul](%getitem, %scale)
            return %mul
        """, new Dictionary<string, object?> { ["flip"] = true }, [rand(4, 2), 2L, 0.5, true], [rand(4, 2), 3L, 1.5, true]);

    private sealed class State : Module<Tensor, (Tensor, Tensor)?, (Tensor, (Tensor, Tensor))>
    {
        private readonly LSTM lstm = LSTM(2, 3);

        public State() : base("State") => RegisterComponents();

        public override (Tensor, (Tensor, Tensor)) forward(Tensor x, (Tensor, Tensor)? state)
        {
            var start = state ?? (zeros(1, x.shape[1], 3), zeros(1, x.shape[1], 3));
            var (y, h, c) = lstm.call(x, start);
            return (y, (h, c));
        }
    }

    [Fact]
    public void A_nullable_state_is_an_input() => Traced.Check(new State(), """
        graph(%x, %state):
            %x : [num_users=1] = placeholder[target=x]
            %state : [num_users=2] = placeholder[target=state]
            %ne : [num_users=1] = call_function[target=ne](%state, None)
            %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with state != None at InputTests.cs:100; trace again with concrete_args = new() { ["state"] = null } for calls without it')
            %lstm : [num_users=3] = call_module[target=lstm](%x, %state)
            %getitem : [num_users=1] = call_function[target=getitem](%lstm, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%lstm, 1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%lstm, 2)
            return (%getitem, (%getitem_1, %getitem_2))
        """, [rand(4, 2, 2), ((Tensor, Tensor)?)(rand(1, 2, 3), rand(1, 2, 3))]);

    [Fact]
    public void A_nullable_state_is_fixed_to_null()
        => Traced.Check(new Tracer(), new State(), """
        graph(%x, %state_1):
            %x : [num_users=3] = placeholder[target=x]
            %state_1 : [num_users=1] = placeholder[target=state_1]
            %eq : [num_users=1] = call_function[target=eq](%state_1, None)
            %_assert : [num_users=0] = call_function[target=_assert](%eq, 'state has been specialized to have value None but got another value')
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 1)
            %zeros : [num_users=1] = call_function[target=zeros](1, %getitem, 3, None, None, False, None)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 1)
            %zeros_1 : [num_users=1] = call_function[target=zeros](1, %getitem_1, 3, None, None, False, None)
            %lstm : [num_users=3] = call_module[target=lstm](%x, (%zeros, %zeros_1))
            %getitem_2 : [num_users=1] = call_function[target=getitem](%lstm, 0)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%lstm, 1)
            %getitem_4 : [num_users=1] = call_function[target=getitem](%lstm, 2)
            return (%getitem_2, (%getitem_3, %getitem_4))
        """, new Dictionary<string, object?> { ["state"] = null }, [rand(4, 2, 2), null]);

    private sealed class Gated : Module<Tensor, Tensor?, Tensor>
    {
        private readonly GRU gru = GRU(2, 3);

        public Gated() : base("Gated") => RegisterComponents();

        public override Tensor forward(Tensor x, Tensor? h)
        {
            var (y, last) = gru.call(x, h);
            return y + last;
        }
    }

    [Fact]
    public void A_gated_unit_returns_a_pair() => Traced.Check(new Gated(), """
        graph(%x, %h):
            %x : [num_users=1] = placeholder[target=x]
            %h : [num_users=1] = placeholder[target=h]
            %gru : [num_users=2] = call_module[target=gru](%x, %h)
            %getitem : [num_users=1] = call_function[target=getitem](%gru, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%gru, 1)
            %add : [num_users=1] = call_function[target=add](%getitem, %getitem_1)
            return %add
        """, [rand(4, 2, 2), rand(1, 2, 3)]);

    private sealed class Bare : Module
    {
        private readonly Linear linear = Linear(3, 2);

        public Bare() : base("Bare") => RegisterComponents();

        public Tensor forward(Tensor x, float scale = 2f, string? name = null) => linear.call(x) * scale;
    }

    [Fact]
    public void A_bare_module_has_only_its_forward() => Traced.Check(new Bare(), """
        graph(%x, %scale, %name_1):
            %x : [num_users=1] = placeholder[target=x]
            %scale : [num_users=1] = placeholder[target=scale, default=2.0]
            %name_1 : [num_users=1] = placeholder[target=name_1, default=None]
            %eq : [num_users=1] = call_function[target=eq](%name_1, None)
            %_assert : [num_users=0] = call_function[target=_assert](%eq, 'name has been specialized to have value None but got another value')
            %linear : [num_users=1] = call_module[target=linear](%x)
            %mul : [num_users=1] = call_function[target=mul](%linear, %scale)
            return %mul
        """, [rand(2, 3), 3f, null]);

    [Fact]
    public void An_unknown_concrete_argument_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Tracer().trace(new Optional(), new Dictionary<string, object?> { ["masks"] = null }));
        Assert.Equal("concrete_args names 'masks', which is no parameter of Optional.forward. It has: x, mask. (Parameter 'concrete_args')", error.Message);
    }

    [Fact]
    public void A_concrete_argument_of_the_wrong_type_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Tracer().trace(new Scaled(), new Dictionary<string, object?> { ["flip"] = 1 }));
        Assert.Equal("concrete_args gives 'flip' a value of type int, but forward takes one of type bool. (Parameter 'concrete_args')", error.Message);
    }
}
