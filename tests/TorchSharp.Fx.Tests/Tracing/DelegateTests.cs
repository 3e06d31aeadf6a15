using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Functions as what is traced: lambdas, local functions, methods, and what they captured.</summary>
public sealed class DelegateTests
{
    private readonly Tensor x = rand(2, 3);
    private readonly Linear projection = nn.Linear(3, 3);

    [Fact]
    public void The_parameters_of_a_lambda_are_the_inputs()
    {
        using var traced = fx.symbolic_trace((Tensor x, Tensor bias) => x.relu() + bias * 2);
        Assert.Equal("""
            graph(%x, %bias):
                %x : [num_users=1] = placeholder[target=x]
                %bias : [num_users=1] = placeholder[target=bias]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %mul : [num_users=1] = call_function[target=mul](%bias, 2)
                %add : [num_users=1] = call_function[target=add](%relu, %mul)
                return %add

            """.ReplaceLineEndings("\n"), traced.graph.ToString());
        Traced.Same(x.relu() + x * 2, traced.call(x, x));
    }

    [Fact]
    public void Captured_numbers_are_constants_and_captured_tensors_belong_to_the_graph()
    {
        var (factor, offset) = (3.0, rand(3));
        using var traced = fx.symbolic_trace((Tensor x) => x * factor + offset);
        Assert.Equal(["x", "mul", "_tensor_constant0", "add", "output"], traced.graph.nodes.Select(node => node.name));
        Traced.Same(x * factor + offset, traced.call(x));
    }

    [Fact]
    public void A_captured_module_is_called_by_the_variables_name_and_shared()
    {
        var model = nn.Sequential(nn.Linear(3, 4), nn.ReLU());
        using var traced = fx.symbolic_trace((Tensor x) => model.call(x).sum(-1));
        Assert.Equal(["x", "model_0", "model_1", "sum_1", "output"], traced.graph.nodes.Select(node => node.name));
        Assert.Equal(["model.0.weight", "model.0.bias"], traced.state_dict().Keys);
        Traced.Same(model.call(x).sum(-1), traced.call(x));
    }

    [Fact]
    public void So_is_what_a_class_of_ones_own_holds_and_a_parameter_of_it()
    {
        var outer = 1.5;
        using var traced = fx.symbolic_trace((Tensor x) => projection.call(x) * outer + projection.bias!);
        Assert.Equal(["x", "projection", "mul", "projection_bias", "add", "output"], traced.graph.nodes.Select(node => node.name));
        Traced.Same(projection.call(x) * outer + projection.bias!, traced.call(x));
    }

    private sealed class Codec : nn.Module<Tensor, Tensor>
    {
        private readonly Linear encoder = nn.Linear(3, 2);
        private readonly Linear decoder = nn.Linear(2, 3);

        public Codec() : base(nameof(Codec)) => RegisterComponents();

        public override Tensor forward(Tensor x) => decoder.call(encode(x));

        public Tensor encode(Tensor x) => encoder.call(x).tanh();

        public Tensor scaled(double factor, Tensor x)
        {
            using var traced = fx.symbolic_trace((Tensor input) => encoder.call(input) * factor);
            Assert.Equal("this.encoder", Assert.Single(traced.graph.find_nodes(Opcode.call_module)).target.name);
            return traced.call(x);
        }
    }

    [Fact]
    public void Another_method_of_a_module_than_forward_is_traced_in_its_hierarchy()
    {
        var codec = new Codec();
        using var traced = fx.symbolic_trace<Tensor, Tensor>(codec.encode);
        Assert.Equal(["x", "encoder", "tanh", "output"], traced.graph.nodes.Select(node => node.name));
        Traced.Same(codec.encode(x), traced.call(x));
        using var whole = fx.symbolic_trace<Tensor, Tensor>(codec.call);
        Assert.Equal(["input_1", "encoder", "tanh", "decoder", "output"], whole.graph.nodes.Select(node => node.name));
        Traced.Same(codec.call(x), whole.call(x));
    }

    [Fact]
    public void A_lambda_within_a_module_sees_that_as_this() => Assert.Equal([2, 2], new Codec().scaled(2, x).shape);

    private static Tensor Centered(Tensor x, long dim = -1) => x - x.mean([dim], keepdim: true);

    [Fact]
    public void Methods_and_local_functions_are_followed_and_keep_their_defaults()
    {
        Tensor Twice(Tensor x) => Centered(x) * 2;

        using var local = fx.symbolic_trace<Tensor, Tensor>(Twice);
        Assert.Equal(["x", "mean", "sub", "mul", "output"], local.graph.nodes.Select(node => node.name));
        Traced.Same(Twice(x), local.call(x));

        using var method = fx.symbolic_trace(Centered);
        Traced.Same(Centered(x), method.call(x));
        Traced.Same(Centered(x, 0), method.call(x, 0L));
    }

    [Fact]
    public void A_function_of_TorchSharp_is_one_node()
    {
        using var traced = fx.symbolic_trace<Tensor, Tensor>(exp);
        Assert.Equal("%exp : [num_users=1] = call_function[target=exp](%input_1)", traced.graph.find_nodes(Opcode.call_function).Single().format_node());
        Traced.Same(x.exp(), traced.call(x));
    }

    [Fact]
    public void Concrete_arguments_and_examples_work_as_for_modules()
    {
        using var twice = fx.symbolic_trace((Tensor x, int times) => { for (var i = 0; i < times; i++) x = x + 1; return x; }, new Dictionary<string, object?> { ["times"] = 2 });
        Traced.Same(x + 2, twice.call(x, 2));
        using var wide = fx.symbolic_trace((Tensor x) => x.shape[1] > 2 ? x.neg() : x, example_inputs: [x]);
        Traced.Same(x.neg(), wide.call(x));
        Assert.Throws<GraphAssertionException>(() => wide.call(rand(2, 2)));
        var error = Assert.Throws<ArgumentException>(() => fx.symbolic_trace((Tensor x) => x, new Dictionary<string, object?> { ["y"] = 2 }));
        Assert.Equal("concrete_args names 'y', which is no parameter of <lambda>. It has: x. (Parameter 'concrete_args')", error.Message);
    }

    [Fact]
    public void A_refusal_speaks_of_the_function_or_of_the_module_that_it_calls()
    {
        var refused = Assert.Throws<TraceException>(() => fx.symbolic_trace((Tensor x) => x.shape[0] > 1 ? x : x.neg()));
        Assert.StartsWith("FX001: The program branches on 'getitem > 1', which depends on an input, so a graph of it would hold for some inputs only. It happens in the function at DelegateTests.cs:", refused.Message, StringComparison.Ordinal);
        var thrown = Assert.Throws<TracedProgramException>(() => fx.symbolic_trace((Tensor x) => x.AsMissing()));
        Assert.StartsWith("The model threw NotSupportedException while it was traced: Missing. It happened in the function at DelegateTests.cs:", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_code_to_follow_is_refused()
    {
        Func<Tensor, Tensor> two = x => x.relu();
        two += x => x.neg();
        Assert.StartsWith("A delegate of several methods can't be traced: it has no code of its own to follow. Give a lambda or a method.", Assert.Throws<ArgumentException>(() => fx.symbolic_trace(two)).Message);
        System.Linq.Expressions.Expression<Func<Tensor, Tensor>> tree = x => x.relu();
        Assert.StartsWith("A delegate that was compiled at run time can't be traced: it has no code of its own to follow. Give a lambda or a method.", Assert.Throws<ArgumentException>(() => fx.symbolic_trace(tree.Compile())).Message);
    }
}

file static class Missing
{
    internal static Tensor AsMissing(this Tensor x) => x is null ? x! : throw new NotSupportedException("Missing.");
}
