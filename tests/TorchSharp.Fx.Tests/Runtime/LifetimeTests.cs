using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>Counts live tensors, which no other test may make meanwhile.</summary>
[CollectionDefinition("Tensor counts", DisableParallelization = true)]
public sealed class TensorCounts;

[Collection("Tensor counts")]
public sealed class LifetimeTests
{
    public static TheoryData<string> Names => [.. HandBuilt.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_thousand_calls_leave_no_tensor_behind(string name)
    {
        using var x = randn(2, 6);
        var run = Compile(HandBuilt.All[name]().Graph);
        LiveTensors.AssertStay(() => Disposal.Release(run(x), []), 1000);
    }

    [Fact]
    public void So_do_a_thousand_calls_of_a_module()
    {
        using var x = randn(4, 6);
        using var model = new Small();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        LiveTensors.AssertStay(() => module.call(x).Dispose(), 1000);
    }

    [Fact]
    public void A_node_that_throws_names_itself_and_leaves_no_tensor_behind()
    {
        var graph = new Graph();
        var x = graph.Input();
        var chunks = graph.call(t => t.relu().chunk(2, 0), graph.call(t => t.relu(), x), Value(2L), Value(1L));
        var sum = graph.call(t => t.neg(), graph.Item(chunks, Value(0), typeof(Tensor)));
        graph.Returning(graph.call(t => t.reshape(new long[1]), sum, Longs(Value(5))));
        var run = Compile(graph);
        using var input = randn(2, 6);
        LiveTensors.AssertStay(() =>
        {
            var error = Assert.Throws<NodeExecutionException>(() => run(input));
            Assert.StartsWith("Node 'reshape' failed: ", error.Message);
            Assert.Equal("reshape", error.node.name);
        }, 10);
        Assert.False(input.IsInvalid);
    }

    [Fact]
    public void A_broken_assumption_throws_its_own_message()
    {
        var graph = new Graph();
        var x = graph.Input();
        var rows = graph.call(t => t.size(0), x, Value(0));
        graph.Builtin(Builtin._assert, typeof(bool), typeof(void), graph.Builtin(Builtin.eq, typeof(long), typeof(bool), rows, Value(2L)), Value("There must be 2 rows."));
        graph.Returning(graph.call(t => t.relu(), x));
        var run = Compile(graph);
        run(randn(2, 6));
        Assert.Equal("There must be 2 rows.", Assert.Throws<GraphAssertionException>(() => run(randn(3, 6))).Message);
        Assert.Equal("There must be 2 rows.", Assert.Throws<GraphAssertionException>(() => new GraphInterpreter(new Nothing(), graph).run(randn(3, 6))).Message);
    }

    [Fact]
    public void Inputs_outputs_and_the_same_tensor_under_two_names_survive()
    {
        var graph = new Graph();
        var x = graph.Input();
        // TorchSharp's hardtanh returns the tensor itself.
        var same = graph.call(t => t.hardtanh(0, 1), x, Value(-1), Value(1));
        var copy = graph.call(t => t.clone(), same);
        var changed = graph.call(t => t.relu_(), copy);
        var chunks = graph.call(t => t.chunk(2, 0), changed, Value(2L), Value(1L));
        var first = graph.Item(chunks, Value(0), typeof(Tensor));
        graph.Returning(new TupleArgument([changed, first], typeof((Tensor, Tensor))), typeof((Tensor, Tensor)));
        using var input = randn(2, 6);
        var (whole, part) = ((Tensor, Tensor))Compile(graph)(input)!;
        Assert.False(input.IsInvalid);
        Assert.Equal(EvaluatorTests.Flatten(input.relu()), EvaluatorTests.Flatten(whole));
        Assert.Equal(EvaluatorTests.Flatten(input.relu().chunk(2, 1)[0]), EvaluatorTests.Flatten(part));
    }

    [Fact]
    public void What_a_leaf_module_keeps_for_its_next_call_survives()
    {
        var graph = new Graph();
        graph.Returning(graph.call(t => t.neg(), graph.call(t => t.relu_(), graph.Module("", graph.Input()))));
        var cache = new Cache();
        var compiled = new CompiledGraph(graph, new ModuleHierarchy(cache));
        using var x = randn(2, 6);
        for (var i = 0; i < 3; i++)
            Assert.Equal(EvaluatorTests.Flatten(-arange(6)), EvaluatorTests.Flatten(compiled.Run([x])));
    }

    [Fact]
    public void Two_threads_may_run_one_graph_at_once()
    {
        var model = new Small();
        model.eval();
        using var module = new GraphModule<Tensor, Tensor>(model, Small.Graph());
        var inputs = Enumerable.Range(0, 2).Select(_ => randn(4, 6)).ToArray();
        var expected = inputs.Select(input => EvaluatorTests.Flatten(model.call(input))[0]).ToArray();
        Parallel.For(0, 2, thread =>
        {
            for (var i = 0; i < 500; i++)
            {
                using var result = module.call(inputs[thread]);
                Assert.Equal(expected[thread], EvaluatorTests.Flatten(result)[0]);
            }
        });
    }

    private static Func<object?, object?> Compile(Graph graph)
    {
        var compiled = new CompiledGraph(graph, new ModuleHierarchy(new Nothing()));
        return input => compiled.Run([input]);
    }

    public sealed class Memory : nn.Module
    {
        public Tensor Key { get; } = ones(2, 4);

        public Memory() : base(nameof(Memory)) => RegisterComponents();
    }

    private sealed class Doubling() : nn.Module<Tensor, Tensor>(nameof(Doubling))
    {
        public override Tensor forward(Tensor x) => x * 2;
    }

    private sealed class Reading : nn.Module<Tensor, Memory, Tensor>
    {
        private readonly Doubling leaf = new();

        public Reading() : base(nameof(Reading)) => RegisterComponents();

        public override Tensor forward(Tensor x, Memory memory) => leaf.call(x * memory.Key) + memory.Key;
    }

    [Fact]
    public void What_a_module_among_the_inputs_has_stays_its_own()
    {
        using var model = new Reading();
        var tracer = new LeafModuleAwareTracer(new() { leaf_modules = [typeof(Doubling)] });
        using var memory = new Memory();
        using var traced = new GraphModule<Tensor, Memory, Tensor>(model, tracer.trace(model, [rand(2, 4), memory]));
        for (var call = 0; call < 2; call++)
        {
            using var x = rand(2, 4);
            using var result = traced.call(x, memory);
            Assert.False(memory.Key.IsInvalid);
            Assert.Equal(model.call(x, memory), result);
        }
    }
}
