using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class ConditionTests
{
    private enum Activation { None, Relu, Tanh }

    private sealed class ByConfiguration(bool negate, int power) : nn.Module<Tensor, Tensor>(nameof(ByConfiguration))
    {
        public override Tensor forward(Tensor x)
        {
            if (negate)
                x = -x;
            else
                x = x.abs();
            return power > 1 && !(power == 3) || power < 0 ? x.pow(power) : x.relu();
        }
    }

    [Fact]
    public void If_on_a_configuration_field()
    {
        Traced.Check(new ByConfiguration(true, 2), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %neg : [num_users=1] = call_function[target=neg](%x)
                %pow_1 : [num_users=1] = call_method[target=pow](%neg, 2)
                return %pow_1
            """);
        Traced.Check(new ByConfiguration(false, 3), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %abs_1 : [num_users=1] = call_method[target=abs](%x)
                %relu : [num_users=1] = call_method[target=relu](%abs_1)
                return %relu
            """);
    }

    private sealed class Norm(Tensor? scale, Tensor? shift) : nn.Module<Tensor, Tensor>(nameof(Norm))
    {
        public override Tensor forward(Tensor x)
        {
            var scaled = x is null ? throw new ArgumentNullException(nameof(x)) : x;
            if (scale is not null)
                scaled = scaled * scale;
            return (shift ?? scaled) + (shift?.add(1) ?? scaled.relu());
        }
    }

    [Fact]
    public void Null_checks_are_concrete()
        => Traced.Check(new Norm(null, null), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %ne : [num_users=1] = call_function[target=ne](%x, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'x')
                %relu : [num_users=1] = call_method[target=relu](%x)
                %add : [num_users=1] = call_function[target=add](%x, %relu)
                return %add
            """);

    [Fact]
    public void Null_conditional_operators_on_tensors_that_are_there()
        => Traced.Check(new Norm(ones(1), ones(1)), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %ne : [num_users=1] = call_function[target=ne](%x, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'x')
                %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
                %mul : [num_users=0] = call_function[target=mul](%x, %_tensor_constant0)
                %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
                return %_tensor_constant1
            """);

    private sealed class Switching(Activation activation, string mode, int depth) : nn.Module<Tensor, Tensor>(nameof(Switching))
    {
        public override Tensor forward(Tensor x)
        {
            switch (activation)
            {
                case Activation.Relu:
                    x = x.relu();
                    break;
                case Activation.Tanh:
                    x = x.tanh();
                    goto case Activation.None;
                case Activation.None:
                    x = x + 1;
                    break;
            }
            x = mode switch
            {
                "exp" => x.exp(),
                "sin" => x.sin(),
                "cos" => x.cos(),
                "abs" => x.abs(),
                "neg" => x.neg(),
                "log" => x.log(),
                "floor" => x.floor(),
                _ => throw new NotSupportedException(mode),
            };
            return depth switch { < 0 => x - 1, 0 or 1 => x, > 1 and < 10 => x + depth, _ => x * depth };
        }
    }

    [Fact]
    public void Switch_statements_and_expressions()
    {
        Traced.Check(new Switching(Activation.Tanh, "abs", 5), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %tanh : [num_users=1] = call_method[target=tanh](%x)
                %add : [num_users=1] = call_function[target=add](%tanh, 1)
                %abs_1 : [num_users=1] = call_method[target=abs](%add)
                %add_1 : [num_users=1] = call_function[target=add](%abs_1, 5)
                return %add_1
            """);
        Traced.Check(new Switching(Activation.Relu, "neg", -1), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %neg : [num_users=1] = call_method[target=neg](%relu)
                %sub : [num_users=1] = call_function[target=sub](%neg, 1)
                return %sub
            """);
    }

    private abstract record Stage;

    private sealed record Scale(double By) : Stage;

    private sealed record Shift(double By, Tensor? Extra = null) : Stage;

    private sealed record Chain(params Stage[] Stages) : Stage;

    private sealed class Matching(Stage stage) : nn.Module<Tensor, Tensor>(nameof(Matching))
    {
        public override Tensor forward(Tensor x) => Apply(stage, x);

        private static Tensor Apply(Stage stage, Tensor x) => stage switch
        {
            Scale { By: 1 } => x,
            Scale(var by) when by > 1 => x * by,
            Scale s => x.div(s.By),
            Shift { Extra: null, By: var by } => x + by,
            Shift { Extra: { } extra } => x + extra,
            Chain { Stages: [] } => x.neg(),
            Chain { Stages: [var only] } => Apply(only, x),
            Chain { Stages: [var first, .. var middle, var last] } => Apply(last, middle.Aggregate(Apply(first, x), (sum, next) => Apply(next, sum))),
            _ => throw new InvalidOperationException(),
        };
    }

    [Fact]
    public void Type_property_positional_and_list_patterns()
    {
        Traced.Check(new Matching(new Chain(new Scale(2), new Scale(1), new Shift(0.5), new Chain())), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %mul : [num_users=1] = call_function[target=mul](%x, 2.0)
                %add : [num_users=1] = call_function[target=add](%mul, 0.5)
                %neg : [num_users=1] = call_method[target=neg](%add)
                return %neg
            """);
        Traced.Check(new Matching(new Chain(new Scale(0.5))), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %div : [num_users=1] = call_method[target=div](%x, 0.5, RoundingMode.None)
                return %div
            """);
    }

    private sealed class Patterned : nn.Module<Tensor, Tensor>
    {
        private readonly object?[] values = [1, "two", 3.0, null, 'x', new[] { 1, 2, 3 }, DayOfWeek.Monday];

        public Patterned() : base(nameof(Patterned)) { }

        public override Tensor forward(Tensor x)
        {
            foreach (var value in values)
                x = value switch
                {
                    int and > 0 => x + 1,
                    string { Length: 3 } text and not "one" => x * text.Length,
                    double d when d is >= 3 => x - d,
                    null => x.relu(),
                    'x' or 'y' => x.sin(),
                    int[] and [1, .., var last] => x + last,
                    DayOfWeek day and not DayOfWeek.Sunday => x.pow((int)day + 1),
                    _ => throw new InvalidOperationException(),
                };
            return x;
        }
    }

    [Fact]
    public void Constant_relational_and_logical_patterns_over_boxed_values()
        => Traced.Check(new Patterned(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %mul : [num_users=1] = call_function[target=mul](%add, 3)
                %sub : [num_users=1] = call_function[target=sub](%mul, 3.0)
                %relu : [num_users=1] = call_method[target=relu](%sub)
                %sin : [num_users=1] = call_method[target=sin](%relu)
                %add_1 : [num_users=1] = call_function[target=add](%sin, 3)
                %pow_1 : [num_users=1] = call_method[target=pow](%add_1, 2)
                return %pow_1
            """);

    private sealed class Masked : nn.Module<Tensor, Tensor?, Tensor>
    {
        public Masked() : base(nameof(Masked)) { }

        public override Tensor forward(Tensor x, Tensor? mask) => mask is not null ? x * mask : x;
    }

    [Fact]
    public void An_input_is_not_null_unless_it_is_fixed_to_be()
    {
        Traced.Check(new Masked(), """
            graph(%x, %mask):
                %x : [num_users=1] = placeholder[target=x]
                %mask : [num_users=2] = placeholder[target=mask]
                %ne : [num_users=1] = call_function[target=ne](%mask, None)
                %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with mask != None at ConditionTests.cs:217; trace again with concrete_args = new() { ["mask"] = null } for calls without it')
                %mul : [num_users=1] = call_function[target=mul](%x, %mask)
                return %mul
            """);
        var without = new Tracer().trace(new Masked(), new Dictionary<string, object?> { ["mask"] = null });
        Assert.DoesNotContain("mul", without.ToString());
    }

    private sealed class StringSwitch(string kind) : nn.Module<Tensor, Tensor>(nameof(StringSwitch))
    {
        public override Tensor forward(Tensor x)
        {
            switch (kind.ToLowerInvariant())
            {
                case "relu": return x.relu();
                case "tanh": return x.tanh();
                case "sigmoid": return x.sigmoid();
                case "silu": return x.silu();
                case "gelu": return x.gelu();
                case "none": return x;
                case "exp": return x.exp();
                default: throw new ArgumentException(kind);
            }
        }
    }

    [Fact]
    public void Switch_on_a_string()
        => Traced.Check(new StringSwitch("Sigmoid"), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %sigmoid : [num_users=1] = call_method[target=sigmoid](%x)
                return %sigmoid
            """);

    private sealed class Jumping : nn.Module<Tensor, Tensor>
    {
        public Jumping() : base(nameof(Jumping)) { }

        public override Tensor forward(Tensor x)
        {
            var i = 0;
        again:
            x = x.relu();
            if (++i < 2)
                goto again;
            if (i == 2)
                goto end;
            x = x.neg();
        end:
            return x;
        }
    }

    [Fact]
    public void Goto()
        => Traced.Check(new Jumping(), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %relu_1 : [num_users=1] = call_method[target=relu](%relu)
                return %relu_1
            """);

    private sealed class Choosing() : nn.Module<Tensor, Tensor>(nameof(Choosing))
    {
        public override Tensor forward(Tensor x)
        {
            var wide = x.shape[1] > 3;
            return (x.sum(wide ? 1 : 0) > 0) * (!wide ? 0 : 1);
        }
    }

    [Fact]
    public void A_choice_between_one_and_zero_is_no_branch() => Traced.Check(new Choosing(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 1)
            %gt : [num_users=2] = call_function[target=gt](%getitem, 3)
            %sum_1 : [num_users=1] = call_method[target=sum](%x, long(%gt), False, None)
            %gt_1 : [num_users=1] = call_function[target=gt](%sum_1, 0)
            %mul : [num_users=1] = call_function[target=mul](%gt_1, int(%gt))
            return %mul
        """);
}
