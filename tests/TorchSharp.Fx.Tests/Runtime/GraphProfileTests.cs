using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

[Collection("Tensor counts")]
public sealed class GraphProfileTests
{
    private sealed class Sleepy() : nn.Module<Tensor, Tensor>("Sleepy")
    {
        public override Tensor forward(Tensor x)
        {
            Thread.Sleep(20);
            return x.neg();
        }
    }

    private sealed class SleepyLeaves : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Sleepy || base.is_leaf_module(m, module_qualified_name);
    }

    private sealed class Two : nn.Module<Tensor, Tensor>
    {
        private readonly Sleepy first = new();
        private readonly Sleepy second = new();
        private readonly nn.Module<Tensor, Tensor> fc = nn.Linear(3, 4);

        public Two() : base("Two") => RegisterComponents();

        public override Tensor forward(Tensor x) => second.call(second.call(first.call(fc.call(x)).relu()));
    }

    [Fact]
    public void Each_node_has_the_time_that_it_takes_in_order_of_execution()
    {
        using var model = new Two();
        using var traced = new GraphModule<Tensor, Tensor>(model, new SleepyLeaves().trace(model));
        using var x = rand(2, 3);
        var profile = traced.profile([x], calls: 3, warm_up: 1);
        Assert.Equal(["fc Linear", "first Sleepy", "relu relu", "second Sleepy", "second_1 Sleepy"], profile.nodes.Select(time => $"{time.node.name} {time.operation}"));
        Assert.All(profile.nodes, time => Assert.Equal(3, time.times.Count));
        Assert.All(profile.nodes.Where(time => time.operation == "Sleepy"), time => Assert.InRange(time.shortest, 19, time.median));
        Assert.All(profile.nodes.Where(time => time.operation != "Sleepy"), time => Assert.InRange(time.shortest, 0, 15));
        Assert.InRange(profile.total, 57, double.MaxValue);
        Assert.Equal(1, profile.nodes.Sum(profile.share), 9);
        Assert.False(x.IsInvalid);
    }

    [Fact]
    public void No_tensor_is_left_behind_and_parameters_stay()
    {
        using var model = new Small();
        using var extractor = feature_extraction.create_feature_extractor(model, [.. feature_extraction.get_graph_node_names(model).eval_nodes.Where(name => name != "x")]);
        using var module = fx.symbolic_trace(model);
        using var x = randn(4, 6);
        LiveTensors.AssertStay(() =>
        {
            extractor.profile([x], calls: 2, warm_up: 1);
            module.profile([x], calls: 1, warm_up: 0);
        }, 20);
        using var result = module.call(x);
    }

    [Fact]
    public void A_node_that_throws_is_named_and_no_calls_are_refused()
    {
        using var model = new Small();
        using var module = fx.symbolic_trace(model);
        using var wrong = randn(4, 5);
        Assert.StartsWith("Node 'mul' ", Assert.Throws<NodeExecutionException>(() => module.profile([wrong])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => module.profile([wrong], calls: 0));
    }

    [Fact]
    public void The_table_has_the_slowest_first()
    {
        using var model = new Small();
        using var module = fx.symbolic_trace(model);
        IGraphModule program = module;
        var times = module.graph.nodes.Where(node => node.op is not (Opcode.placeholder or Opcode.output)).ToArray();
        var profile = new GraphProfile(program.Program.Source, [new(times.Single(node => node.name == "mul"), "Linear", [2, 1, 9]), new(times.Single(node => node.name == "add"), "relu", [6, 5, 7, 8])]);
        Assert.Equal(
            """
            node  operation  calls  median ms  share  cumulative
            ----  ---------  -----  ---------  -----  ----------
            add   relu       4      6.500      76.5%  76.5%
            mul   Linear     3      2.000      23.5%  100.0%

            """, profile.ToString(), ignoreLineEndingDifferences: true);
        Assert.Equal(4, profile.table(row_limit: 1).Split('\n').Length);
    }
}
