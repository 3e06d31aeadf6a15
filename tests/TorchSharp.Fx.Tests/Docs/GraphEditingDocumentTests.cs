using System.Runtime.CompilerServices;
using TorchSharp.Fx.Tests.Runtime;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Docs;

/// <summary>The examples of docs/graph-editing.md, which run as they stand there.</summary>
public sealed class GraphEditingDocumentTests
{
    private readonly Tensor input = randn(3, 4);

    [Fact]
    public void Every_example_stands_in_this_file()
    {
        var document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "graph-editing.md"));
        var source = Flat(File.ReadAllText(Here()));
        var examples = document.ReplaceLineEndings("\n").Split("```csharp\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)]).ToArray();
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Contains(Flat(example), source, StringComparison.Ordinal));
    }

    [Fact]
    public void A_function_is_traced()
    {
        using var traced = fx.symbolic_trace((Tensor x, Tensor bias) => (x + bias).relu());
        Traced.Same((input + input).relu(), traced.call(input, input));
    }

    [Fact]
    public void A_graph_is_made_by_hand()
    {
        var graph = new Graph();
        var x = graph.placeholder("x", typeof(Tensor));
        var hidden = graph.call_module("layer", x);
        var weights = graph.call_function(torch.softmax, hidden, 1);
        graph.output(weights, weights.type);
        using var module = new GraphModule<Tensor, Tensor>(new Dictionary<string, object> { ["layer"] = nn.Linear(4, 4) }, graph);
        Assert.True(module.call(input).sum(1).allclose(ones(3)));

        var softmax = weights;
        softmax.update_kwarg("dim", 0);
        softmax.update_arg(0, x);
        module.recompile();
        Traced.Same(input.softmax(0), module.call(input));
    }

    [Fact]
    public void Activations_are_replaced()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu() + 1);
        foreach (var relu in module.graph.find_nodes(Opcode.call_method, "relu").ToArray())
        {
            using (module.graph.inserting_before(relu))
                relu.replace_all_uses_with(module.graph.inline(t => t.sigmoid() * t, relu.args[0]));
            module.graph.erase_node(relu);
        }
        module.recompile();
        Traced.Same(input.sigmoid() * input + 1, module.call(input));
    }

    [Fact]
    public void Operators_add_nodes()
    {
        var graph = new Graph();
        var node = graph.Input();
        var value = new Proxy(node);
        var scaled = (value - value.apply(t => t.mean([1], keepdim: true))) * 0.5;
        graph.output(scaled.node, typeof(Tensor));
        Traced.Same((input - input.mean([1], keepdim: true)) * 0.5, new GraphInterpreter(new Nothing(), graph).run(input));
    }

    [Fact]
    public void Submodules_are_added_and_copied()
    {
        using var module = fx.symbolic_trace(nn.Sequential(nn.Linear(4, 4)));
        module.add_submodule("head", nn.Linear(4, 10));
        module.delete_all_unused_submodules();
        using var own = module.clone();
        using var view = module.clone(share_parameters: true);
        Assert.Equal(["0.weight", "0.bias"], module.state_dict().Keys);
        Traced.Same(module.call(input), own.call(input));
        Assert.Equal(module.parameters(), view.parameters());
    }

    sealed class Shapes(IGraphModule module) : GraphInterpreter(module)
    {
        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is Tensor tensor)
                Seen.Add($"{node.name}: {string.Join("x", tensor.shape)}");
            return value;
        }

        public List<string> Seen { get; } = [];
    }

    sealed class NegForRelu(IGraphModule module) : GraphTransformer(module)
    {
        protected override object? call_method(Node node)
            => node.target.name == "relu" ? -(Proxy)fetch_args(node)[0]! : base.call_method(node);
    }

    [Fact]
    public void Graphs_are_run_and_transformed_in_another_way()
    {
        using var module = fx.symbolic_trace((Tensor x) => x.relu().sum(1));
        var shapes = new Shapes(module);
        shapes.run(input);
        Assert.Equal(["x: 3x4", "relu: 3x4", "sum_1: 3", "output: 3"], shapes.Seen);
        module.graph = new NegForRelu(module).transform();
        Traced.Same(input.neg().sum(1), module.call(input));
    }

    private static string Flat(string code) => string.Join('\n', code.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    private static string Here([CallerFilePath] string here = "") => here;
}
