using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>Finds the first node whose value is another one than in the module itself.</summary>
internal static class FirstDifference
{
    /// <summary>The first node of the graph of which the module's own values tell that it gives something else.</summary>
    internal static Node? Of(IGraphModule module, EagerRun eager, object?[] inputs)
    {
        using var scope = NewDisposeScope();
        var evaluator = new Compared(module, eager);
        try
        {
            evaluator.run(inputs);
        }
        catch (NodeExecutionException error)
        {
            return evaluator.Found ?? error.node;
        }
        catch (GraphAssertionException)
        {
        }
        return evaluator.Found;
    }

    /// <summary>
    /// The first node of another graph of the same module that gives a tensor which no node of this graph gives: the nodes of an optimised
    /// copy stand for several of the original.
    /// </summary>
    internal static Node? Between(IGraphModule original, IGraphModule other, object?[] inputs, World world)
    {
        using var scope = NewDisposeScope();
        world.Restore();
        var known = Values(original, inputs).ToLookup(entry => string.Join('x', entry.Value.shape), entry => entry.Value);
        world.Restore();
        return Values(other, inputs)
            .FirstOrDefault(entry => known[string.Join('x', entry.Value.shape)].ToArray() is { Length: > 0 } candidates
            && Array.TrueForAll(candidates, candidate => Difference.Between(candidate, entry.Value, isFused: true).Counts)).Node;
    }

    private static List<(Node Node, Tensor Value)> Values(IGraphModule module, object?[] inputs)
    {
        var evaluator = new Kept(module);
        try
        {
            evaluator.run(inputs);
        }
        catch (InvalidOperationException)
        {
            // What came before the node that failed is what there is.
        }
        return evaluator.Values;
    }

    /// <summary>Holds the modules' inputs and results against those of an eager run.</summary>
    private sealed class Compared(IGraphModule module, EagerRun eager) : GraphInterpreter(module)
    {
        private readonly Dictionary<string, int> calls = new(StringComparer.Ordinal);

        internal Node? Found { get; private set; }

        public override object? run_node(Node node)
        {
            if (Found is not null || node.op != Opcode.call_module || Next(node.target.name) is not { } call)
                return Last(node, base.run_node(node));
            // Before it runs: it may write into what it is given.
            if (node.args[0] is NodeArgument { Node: var input } && Differs(call.Input, env[input]))
                Found = input;
            var value = base.run_node(node);
            if (Found is null && Differs(call.Output, value))
                Found = node;
            return value;
        }

        private (Tensor Input, Tensor Output)? Next(string path)
        {
            var number = calls.GetValueOrDefault(path);
            calls[path] = number + 1;
            return eager.Seen.TryGetValue(path, out var seen) && number < seen.Count ? seen[number] : null;
        }

        /// <summary>Where all inner values that are known are right, it is the node that the result comes from.</summary>
        private object? Last(Node node, object? result)
        {
            if (Found is null && node.op == Opcode.output && node.args[0] is NodeArgument { Node: var last } && eager.Error is null
                && Difference.Between(eager.Result, result).Counts)
                Found = last;
            return result;
        }

        private static bool Differs(Tensor expected, object? actual) => Difference.Between(expected, actual).Counts;
    }

    /// <summary>Keeps what every call gave, as it was before anything wrote into it.</summary>
    private sealed class Kept(IGraphModule module) : GraphInterpreter(module)
    {
        internal List<(Node Node, Tensor Value)> Values { get; } = [];

        public override object? run_node(Node node)
        {
            var value = base.run_node(node);
            if (value is Tensor tensor && node.op is (Opcode.call_function or Opcode.call_method or Opcode.call_module))
                Values.Add((node, tensor.detach().clone()));
            return value;
        }
    }
}
