using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Tensors that the model holds.</summary>
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
    public void Parameters_and_buffers_are_read_once_under_their_qualified_names() => Traced.Check(new Holder(), "?", [rand(2, 3)]);

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
    public void Unregistered_tensors_are_constants() => Traced.Check(new Unregistered(), "?", [rand(2, 3)]);

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
        Assert.Equal("?", Traced.Graph(module).ToString());
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
    public void What_is_computed_of_parameters_stays_in_the_graph() => Traced.Check(new Computed(), "?", [rand(2, 3)]);

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
        Assert.Equal("?", Traced.Graph(module).ToString());
        Assert.True(module.IsUntouched);
    }

    [Fact]
    public void Tracing_a_hundred_times_leaks_no_tensor_and_changes_nothing()
    {
        var module = new Holder();
        module.eval();
        var before = module.state_dict().Select(entry => (entry.Key, entry.Value.str())).ToArray();
        new Tracer().trace(module);
        var count = Tensor.TotalCount;
        for (var i = 0; i < 100; i++)
        {
            var tracer = new Tracer();
            tracer.trace(new Unregistered2());
            foreach (var constant in tracer.tensor_constants.Values)
                constant.Dispose();
        }
        Assert.Equal(count, Tensor.TotalCount);
        Assert.False(module.training);
        Assert.Equal(before, module.state_dict().Select(entry => (entry.Key, entry.Value.str())));
    }

    private sealed class Unregistered2() : Module<Tensor, Tensor>("Unregistered2")
    {
        private static readonly Tensor Table = rand(3);

        public override Tensor forward(Tensor x)
        {
            using var ramp = arange(3f);
            var forgotten = ramp * 2;
            return x + Table + forgotten;
        }
    }
}
