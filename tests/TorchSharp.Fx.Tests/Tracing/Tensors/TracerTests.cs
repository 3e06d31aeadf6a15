using System.Collections.Immutable;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>The tracer as an object to subclass, to reuse and to share between threads.</summary>
[Collection("Tensor counts")]
public class TracerTests
{
    private sealed class Inner : Module<Tensor, Tensor>
    {
        private readonly Linear linear = Linear(3, 3);

        public Inner() : base("Inner") => RegisterComponents();

        public override Tensor forward(Tensor x) => Gate(linear.call(x), x.shape[0]);

        public static Tensor Gate(Tensor x, long rows) => x.sigmoid() * x / rows;
    }

    private sealed class Outer : Module<Tensor, Tensor>
    {
        private readonly Inner left = new();
        private readonly Inner right = new();
        private readonly Sequential tail = Sequential(Linear(3, 2), ReLU());

        public Outer() : base("Outer") => RegisterComponents();

        public override Tensor forward(Tensor x) => tail.call(left.call(x) + right.call(x));
    }

    private sealed class InnerIsLeaf : Tracer
    {
        public override bool is_leaf_module(Module m, string module_qualified_name) => m is Inner || base.is_leaf_module(m, module_qualified_name);
    }

    [Fact]
    public void A_users_module_can_be_a_leaf() => Traced.Check(new InnerIsLeaf(), new Outer(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %left : [num_users=1] = call_module[target=left](%x)
            %right : [num_users=1] = call_module[target=right](%x)
            %add : [num_users=1] = call_function[target=add](%left, %right)
            %tail_0 : [num_users=1] = call_module[target=tail.0](%add)
            %tail_1 : [num_users=1] = call_module[target=tail.1](%tail_0)
            return %tail_1
        """, null, [rand(2, 3)]);

    private sealed class TailIsLeaf : Tracer
    {
        public override bool is_leaf_module(Module m, string module_qualified_name) => module_qualified_name == "tail" || base.is_leaf_module(m, module_qualified_name);
    }

    [Fact]
    public void A_leaf_can_be_told_by_its_name() => Traced.Check(new TailIsLeaf(), new Outer(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %left_linear : [num_users=2] = call_module[target=left.linear](%x)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %sigmoid : [num_users=1] = call_method[target=sigmoid](%left_linear)
            %mul : [num_users=1] = call_function[target=mul](%sigmoid, %left_linear)
            %truediv : [num_users=1] = call_function[target=truediv](%mul, %getitem)
            %right_linear : [num_users=2] = call_module[target=right.linear](%x)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
            %sigmoid_1 : [num_users=1] = call_method[target=sigmoid](%right_linear)
            %mul_1 : [num_users=1] = call_function[target=mul](%sigmoid_1, %right_linear)
            %truediv_1 : [num_users=1] = call_function[target=truediv](%mul_1, %getitem_1)
            %add : [num_users=1] = call_function[target=add](%truediv, %truediv_1)
            %tail : [num_users=1] = call_module[target=tail](%add)
            return %tail
        """, null, [rand(2, 3)]);

    [Fact]
    public void A_wrapped_function_is_one_node() => Traced.Check(new Tracer([Inner.Gate]), new Outer(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %left_linear : [num_users=1] = call_module[target=left.linear](%x)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %gate : [num_users=1] = call_function[target=Gate](%left_linear, %getitem)
            %right_linear : [num_users=1] = call_module[target=right.linear](%x)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%getattr_2, 0)
            %gate_1 : [num_users=1] = call_function[target=Gate](%right_linear, %getitem_1)
            %add : [num_users=1] = call_function[target=add](%gate, %gate_1)
            %tail_0 : [num_users=1] = call_module[target=tail.0](%add)
            %tail_1 : [num_users=1] = call_module[target=tail.1](%tail_0)
            return %tail_1
        """, null, [rand(2, 3)]);

    private sealed class Logging : Tracer
    {
        public List<string> Calls { get; } = [];

        public List<string> Nodes { get; } = [];

        public override object? call_module(Module m, Func<object?[], object?> forward, object?[] args)
        {
            Calls.Add($"{path_of_module(m)}({args.Length})");
            return base.call_module(m, forward, args);
        }

        public override Proxy create_proxy(Opcode op, Target target, ImmutableArray<Argument> args, Type type)
        {
            var proxy = base.create_proxy(op, target, args, type);
            Nodes.Add($"{proxy.node.name}: {proxy.type.Name}");
            return proxy;
        }
    }

    [Fact]
    public void Overrides_see_every_module_and_every_node()
    {
        var tracer = new Logging();
        tracer.trace(new Outer());
        Assert.Equal(["left(1)", "left.linear(1)", "right(1)", "right.linear(1)", "tail(1)", "tail.0(1)", "tail.1(1)"], tracer.Calls);
        Assert.Equal(
            ["x: Tensor", "left_linear: Tensor", "getattr_1: Int64[]", "getitem: Int64", "sigmoid: Tensor", "mul: Tensor", "truediv: Tensor",
            "right_linear: Tensor", "getattr_2: Int64[]", "getitem_1: Int64", "sigmoid_1: Tensor", "mul_1: Tensor", "truediv_1: Tensor", "add: Tensor", "tail_0: Tensor", "tail_1: Tensor"],
            tracer.Nodes);
    }

    private sealed class Skipping : Tracer
    {
        public override object? call_module(Module m, Func<object?[], object?> forward, object?[] args) => m is ReLU ? args[0] : base.call_module(m, forward, args);
    }

    [Fact]
    public void A_module_can_be_skipped()
    {
        var graph = new Skipping().trace(new Outer());
        Assert.Equal("tail_0", graph.output_node().args[0].nodes().Single().name);
    }

    [Fact]
    public void Each_node_knows_its_module_and_its_line()
    {
        var graph = Traced.Graph(new Outer());
        var here = graph.nodes.Single(node => node.name == "add");
        var inner = graph.nodes.Single(node => node.name == "sigmoid_1");
        Assert.Equal("", here.origin!.module_path);
        Assert.Equal("TracerTests.cs:31", here.origin.ToString());
        Assert.Equal("right", inner.origin!.module_path);
        Assert.Equal("TracerTests.cs:20", inner.origin.ToString());
        Assert.Equal("tail.0", graph.nodes.Single(node => node.name == "tail_0").origin!.module_path);
    }

    [Fact]
    public void A_tracer_can_trace_again()
    {
        var tracer = new Tracer();
        var first = tracer.trace(new Outer());
        var second = tracer.trace(new Inner());
        Assert.Same(second, tracer.graph);
        Assert.Equal(Traced.Graph(new Outer()).ToString(), first.ToString());
        Assert.Equal(Traced.Graph(new Inner()).ToString(), second.ToString());
    }

    [Fact]
    public void Threads_may_trace_the_same_module()
    {
        var module = new Outer();
        var expected = Traced.Graph(module).ToString();
        var texts = new string[16];
        Parallel.For(0, texts.Length, i => texts[i] = Traced.Graph(module).ToString());
        Assert.All(texts, text => Assert.Equal(expected, text));
    }

    private sealed class Abandoned() : Module<Tensor, Tensor>("Abandoned")
    {
        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            using (no_grad())
            {
                if (x.sum().item<float>() > 0)
                    return x;
                return (x * 2).MoveToOuterDisposeScope();
            }
        }
    }

    [Fact]
    public void A_refused_trace_leaves_no_scope_and_no_mode_behind()
    {
        using var outer = NewDisposeScope();
        Assert.Throws<TraceException>(() => new Tracer().trace(new Abandoned()));
        Assert.True(is_grad_enabled());
        var after = rand(2);
        Assert.Equal(1, outer.DisposablesCount);
    }

    private sealed class Hooked : Module<Tensor, Tensor>
    {
        public readonly Inner Child = new();
        public readonly Linear Leaf = Linear(3, 3);

        public Hooked() : base("Hooked") => RegisterComponents();

        public override Tensor forward(Tensor x) => Leaf.call(Child.call(x));
    }

    [Fact]
    public void Hooks_of_a_module_that_is_traced_through_are_traced()
    {
        var module = new Hooked();
        module.Child.register_forward_pre_hook((_, x) => x + 1);
        module.Child.register_forward_hook((_, _, y) => y * 3);
        module.Leaf.register_forward_hook((_, _, y) => y.neg());
        Traced.Check(module, """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %add : [num_users=2] = call_function[target=add](%x, 1)
            %child_linear : [num_users=2] = call_module[target=Child.linear](%add)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%add, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %sigmoid : [num_users=1] = call_method[target=sigmoid](%child_linear)
            %mul : [num_users=1] = call_function[target=mul](%sigmoid, %child_linear)
            %truediv : [num_users=1] = call_function[target=truediv](%mul, %getitem)
            %mul_1 : [num_users=1] = call_function[target=mul](%truediv, 3)
            %leaf : [num_users=1] = call_module[target=Leaf](%mul_1)
            return %leaf
        """, [rand(2, 3)]);
    }

    [Fact]
    public void Hooks_of_the_root_are_part_of_what_it_does()
    {
        var module = new Inner();
        module.register_forward_hook((_, _, y) => y * 3);
        Assert.Contains(", 3)", Traced.Graph(module).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(", 3)", new Tracer().trace((Func<Tensor, Tensor>)module.forward).ToString(), StringComparison.Ordinal);
    }
}
