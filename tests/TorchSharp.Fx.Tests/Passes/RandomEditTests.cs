using System.Globalization;
using CsCheck;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>
/// Random graphs through random sequences of edits and passes: <c>lint</c> holds after each, the result stays the same where the edit preserves it, and the compiled form gives what
/// the interpreter does. <c>FX_EDIT_SEQUENCES=100000</c> for a long run.
/// </summary>
public sealed class RandomEditTests
{
    private static readonly int Sequences = int.TryParse(Environment.GetEnvironmentVariable("FX_EDIT_SEQUENCES"), CultureInfo.InvariantCulture, out var given) ? given : 300;

    private static readonly Tensor X = Fixed(1), Y = Fixed(2), Weight = Fixed(3);

    private static Tensor Fixed(int seed) => Traced.Sample(seed, 2, 3).DetachFromDisposeScope();

    [Fact]
    public void Edits_keep_a_graph_well_formed_and_those_that_preserve_the_result_keep_that()
        => Gen.Int[0, 1 << 16].Array[1, 120].Sample(Run, iter: Sequences, threads: 1);

    private static void Run(int[] numbers)
    {
        using var scope = NewDisposeScope();
        var random = new RandomGraph(numbers);
        using var module = new GraphModule<Tensor, Tensor, Tensor>(new Root(), random.Make());
        var expected = Evaluate(module);
        Traced.Same(expected, module.call(X, Y));
        for (var count = 0; count < 12 && !random.IsAtEnd; count++)
            expected = Step(module, random, expected);
        module.recompile();
        Traced.Same(expected, module.call(X, Y));
        Traced.Same(expected, module.clone().call(X, Y));
    }

    private static Tensor Step(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random, Tensor expected)
    {
        var (edit, before) = (Edits[random.Next(Edits.Length)], module.graph.ToString());
        try
        {
            edit.Apply(module, random);
            module.graph.lint(module);
            var result = Evaluate(module);
            if (edit.Preserves)
                Traced.Same(expected, result);
            return result;
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"{edit.Apply.Method.Name} made of\n{before}this:\n{module.graph}", error);
        }
    }

    private static Tensor Evaluate(GraphModule<Tensor, Tensor, Tensor> module) => (Tensor)new GraphInterpreter(module).run(X, Y)!;

    private sealed record Edit(bool Preserves, Action<GraphModule<Tensor, Tensor, Tensor>, RandomGraph> Apply);

    private static readonly Edit[] Edits =
    [
        new(true, InsertDead), new(true, Duplicate), new(true, NegateTwice), new(true, SwapOperands),
        new(true, (module, _) => module.graph.eliminate_dead_code(module)),
        new(true, (module, _) => module.graph = module.graph.clone()),
        new(true, (module, _) => module.graph = new GraphTransformer(module).transform()),
        new(true, (module, _) => module.graph.eliminate_common_subexpressions(module)),
        new(true, (module, _) => module.fold_constants()),
        new(true, (module, _) => PassManager.standard.call(module)),
        new(true, CopyIntoAnother),
        new(false, ReadAnother), new(false, Bypass), new(false, ReturnAnother),
    ];

    private static Node[] Values(Graph graph) => [.. graph.nodes.Where(node => node.op != Opcode.output)];

    private static void InsertDead(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var values = Values(module.graph);
        var at = random.Next(values.Length);
        using (module.graph.inserting_after(values[at]))
            random.Operation(module.graph, values[..(at + 1)]);
    }

    /// <summary>A second node of the same kind beside a pure one, for some of its users.</summary>
    private static void Duplicate(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var values = Values(module.graph).Where(node => node.op is Opcode.call_function or Opcode.call_method && !node.is_impure() && !IsChanged(node)).ToArray();
        if (values.Length == 0)
            return;
        var node = values[random.Next(values.Length)];
        Node copy;
        using (module.graph.inserting_after(node))
            copy = module.graph.node_copy(node);
        node.replace_all_uses_with(copy, _ => random.Next(2) == 0);
    }

    private static void NegateTwice(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var values = Values(module.graph).Where(node => !IsChanged(node)).ToArray();
        var node = values[random.Next(values.Length)];
        using (module.graph.inserting_after(node))
        {
            var negated = module.graph.inline(t => t.neg(), node);
            var again = module.graph.inline(t => t.neg(), negated);
            node.replace_all_uses_with(again, user => user != negated);
        }
    }

    private static void SwapOperands(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        foreach (var sum in module.graph.find_nodes(Opcode.call_function, "add").ToArray())
            sum.args = [sum.args[1], sum.args[0]];
    }

    private static void CopyIntoAnother(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var graph = new Graph();
        graph.output(graph.graph_copy(module.graph, [])!, typeof(Tensor));
        module.graph = graph;
    }

    private static void ReadAnother(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var values = Values(module.graph);
        var at = random.Next(values.Length);
        if (values[at] is { args.IsEmpty: false, op: Opcode.call_function } node)
            node.update_arg(random.Next(node.args.Length), values[random.Next(at)]);
    }

    private static void Bypass(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
    {
        var values = Values(module.graph).Where(node => node.all_input_nodes.Count > 0 && !IsChanged(node)).ToArray();
        if (values.Length == 0)
            return;
        var node = values[random.Next(values.Length)];
        node.replace_all_uses_with(node.all_input_nodes[0]);
        module.graph.erase_node(node);
    }

    private static void ReturnAnother(GraphModule<Tensor, Tensor, Tensor> module, RandomGraph random)
        => module.graph.output_node().args = [Values(module.graph)[random.Next(Values(module.graph).Length)]];

    /// <summary>Whether the value, or one that may be the same object, is written to: its second reader may then see another.</summary>
    private static bool IsChanged(Node node) => IsWrite(node) || node.users.Any(IsWrite) || node.all_input_nodes.Any(input => input.users.Any(IsWrite));

    private static bool IsWrite(Node node) => node.op == Opcode.call_method && node.is_impure();

    private sealed class Root : nn.Module
    {
        public Root() : base(nameof(Root)) => register_buffer("weight", Weight.clone());
    }
}
