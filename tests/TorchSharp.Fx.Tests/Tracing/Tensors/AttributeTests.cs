using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Tensors that the model holds.</summary>
[Collection("Tensor counts")]
public class AttributeTests
{
    private sealed class Scale : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(rand(3));
        private readonly Tensor running = ones(3);

        public Scale() : base("Scale")
        {
            register_buffer("running", running);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x * weight + weight / running.sqrt();
    }

    private sealed class Holder : Module<Tensor, Tensor>
    {
        private readonly Scale scale = new();
        private readonly Linear linear = Linear(3, 3);
        private readonly Parameter bias = Parameter(rand(3));

        public Holder() : base("Holder") => RegisterComponents();

        public override Tensor forward(Tensor x) => functional.linear(scale.call(x) + bias, linear.weight, linear.bias) + bias + get_parameter("bias")!;
    }

    [Fact]
    public void Parameters_and_buffers_are_read_once_under_their_qualified_names() => Traced.Check(new Holder(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %scale_weight : [num_users=2] = get_attr[target=scale.weight]
            %mul : [num_users=1] = call_function[target=mul](%x, %scale_weight)
            %scale_running : [num_users=1] = get_attr[target=scale.running]
            %sqrt : [num_users=1] = call_method[target=sqrt](%scale_running)
            %truediv : [num_users=1] = call_function[target=truediv](%scale_weight, %sqrt)
            %add : [num_users=1] = call_function[target=add](%mul, %truediv)
            %bias : [num_users=3] = get_attr[target=bias]
            %add_1 : [num_users=1] = call_function[target=add](%add, %bias)
            %linear_weight : [num_users=1] = get_attr[target=linear.weight]
            %linear_bias : [num_users=1] = get_attr[target=linear.bias]
            %linear : [num_users=1] = call_function[target=linear](%add_1, %linear_weight, %linear_bias)
            %add_2 : [num_users=1] = call_function[target=add](%linear, %bias)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %bias)
            return %add_3
        """, [rand(2, 3)]);

    private sealed class Unregistered() : Module<Tensor, Tensor>("Unregistered")
    {
        private readonly Tensor table = rand(3);
        private readonly Tensor[] several = [rand(3), rand(3)];

        public override Tensor forward(Tensor x)
        {
            var half = table / 2;
            return x + table + half + several[1] + table;
        }
    }

    [Fact]
    public void Unregistered_tensors_are_constants() => Traced.Check(new Unregistered(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %_tensor_constant0 : [num_users=2] = get_attr[target=_tensor_constant0]
            %add : [num_users=1] = call_function[target=add](%x, %_tensor_constant0)
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %add_1 : [num_users=1] = call_function[target=add](%add, %_tensor_constant1)
            %_tensor_constant2 : [num_users=1] = get_attr[target=_tensor_constant2]
            %add_2 : [num_users=1] = call_function[target=add](%add_1, %_tensor_constant2)
            %add_3 : [num_users=1] = call_function[target=add](%add_2, %_tensor_constant0)
            return %add_3
        """, [rand(2, 3)]);

    private sealed class Counting : Module<Tensor, Tensor>
    {
        private readonly Tensor calls = zeros(1);
        private readonly Tensor cache = zeros(2, 3);

        public Counting() : base("Counting")
        {
            register_buffer("calls", calls);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            calls.add_(1);
            cache[0] = x;
            return x * calls + cache.sum();
        }
    }

    [Fact]
    public void Writing_to_a_buffer_is_part_of_the_graph()
    {
        var module = new Counting();
        Assert.Equal("""
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %calls : [num_users=2] = get_attr[target=calls]
                %add_ : [num_users=0] = call_method[target=add_](%calls, 1)
                %cache : [num_users=2] = get_attr[target=cache]
                %setitem : [num_users=0] = call_function[target=setitem](%cache, 0, %x)
                %mul : [num_users=1] = call_function[target=mul](%x, %calls)
                %sum_1 : [num_users=1] = call_method[target=sum](%cache, None)
                %add : [num_users=1] = call_function[target=add](%mul, %sum_1)
                return %add

            """.ReplaceLineEndings("\n"), Traced.Graph(module).ToString());
        Assert.Equal(0, module.get_buffer("calls")!.item<float>());
    }

    private sealed class Computed : Module<Tensor, Tensor>
    {
        private readonly Parameter weight = Parameter(rand(3));

        public Computed() : base("Computed") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var normalised = weight / weight.norm();
            using (no_grad())
                return x * normalised.detach() + arange(3).to(x.dtype);
        }
    }

    [Fact]
    public void What_is_computed_of_parameters_stays_in_the_graph() => Traced.Check(new Computed(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %weight : [num_users=2] = get_attr[target=weight]
            %norm : [num_users=1] = call_method[target=norm](%weight, 2.0)
            %truediv : [num_users=1] = call_function[target=truediv](%weight, %norm)
            %detach : [num_users=1, gradient_mode=no_grad] = call_method[target=detach](%truediv)
            %mul : [num_users=1, gradient_mode=no_grad] = call_function[target=mul](%x, %detach)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, dtype)
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %to : [num_users=1, gradient_mode=no_grad] = call_method[target=to](%_tensor_constant0, %getattr_1, False, False, False)
            %add : [num_users=1, gradient_mode=no_grad] = call_function[target=add](%mul, %to)
            return %add
        """, [rand(2, 3)]);

    private sealed class Lazy : Module<Tensor, Tensor>
    {
        private Tensor? cached;
        private int count;

        public Lazy() : base("Lazy") => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            cached ??= arange(3f);
            count++;
            return x + cached + count;
        }

        public bool IsUntouched => cached is null && count == 0;
    }

    [Fact]
    public void A_cache_that_forward_fills_is_a_constant_and_stays_empty()
    {
        var module = new Lazy();
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
                %add : [num_users=1] = call_function[target=add](%x, %_tensor_constant0)
                %add_1 : [num_users=1] = call_function[target=add](%add, 1)
                return %add_1

            """.ReplaceLineEndings("\n"), Traced.WithoutState(module).ToString());
        Assert.True(module.IsUntouched);
    }

    [Fact]
    public void Tracing_a_hundred_times_leaks_no_tensor_and_changes_nothing()
    {
        var module = new Holder();
        module.eval();
        var before = module.state_dict().Select(entry => (entry.Key, entry.Value.str())).ToArray();
        LiveTensors.AssertStay(() =>
        {
            var tracer = new Tracer();
            tracer.trace(new Unregistered2());
            foreach (var constant in tracer.tensor_constants.Values)
                constant.Dispose();
        }, 100);
        Assert.False(module.training);
        Assert.Equal(before, module.state_dict().Select(entry => (entry.Key, entry.Value.str())));
    }

    private sealed class Unregistered2() : Module<Tensor, Tensor>("Unregistered2")
    {
        private static readonly Tensor Table = rand(3).DetachFromDisposeScope();

        public override Tensor forward(Tensor x)
        {
            using var ramp = arange(3f);
            var forgotten = ramp * 2;
            return x + Table + forgotten;
        }
    }
}
