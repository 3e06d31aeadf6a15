using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Adds C# code to a graph.</summary>
public static class Inlining
{
    /// <summary>
    /// Traces a function, adds its nodes at the graph's insertion point and returns the node of its result:
    /// <c>graph.inline((x, y) => x.relu() + y, a, b)</c>. The function may use any tensor method, operator and index. PyTorch does this
    /// with operations on <c>torch.fx.Proxy</c>.
    /// </summary>
    /// <param name="graph">The graph to add to.</param>
    /// <param name="function">The function. It may capture numbers and strings, but no tensors or modules, because a graph can't store
    /// them: pass those as arguments.</param>
    /// <param name="args">The values of its parameters: nodes of the graph, or constants.</param>
    /// <exception cref="TraceException">The function can't be written as a graph; the message says where and what to do.</exception>
    public static Node inline(this Graph graph, Delegate function, params ImmutableArray<Argument> args)
        => ((NodeArgument)Write(graph, function, args, MustBeNode)).Node;

    /// <summary>
    /// As <see cref="inline(Graph, Delegate, ImmutableArray{Argument})"/>, for a function of any result: that may be a structure of nodes,
    /// a constant or an argument. <paramref name="check"/> is told of that, in the function's own nodes, before any is added.
    /// </summary>
    internal static Argument Write(Graph graph, Delegate function, ImmutableArray<Argument> args, Action<Argument>? check = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var tracer = new Tracer();
        try
        {
            var traced = tracer.trace(function);
            check?.Invoke(traced.output_node().args[0]);
            return Copy(traced, graph, args);
        }
        finally
        {
            tracer.DisposeConstants();
        }
    }

    /// <inheritdoc cref="inline(Graph, Delegate, ImmutableArray{Argument})"/>
    public static Node inline(this Graph graph, Func<Tensor, Tensor> function, Argument arg) => inline(graph, (Delegate)function, arg);

    /// <inheritdoc cref="inline(Graph, Delegate, ImmutableArray{Argument})"/>
    public static Node inline(this Graph graph, Func<Tensor, Tensor, Tensor> function, Argument arg1, Argument arg2)
        => inline(graph, (Delegate)function, arg1, arg2);

    /// <inheritdoc cref="inline(Graph, Delegate, ImmutableArray{Argument})"/>
    public static Node inline(this Graph graph, Func<Tensor, Tensor, Tensor, Tensor> function, Argument arg1, Argument arg2, Argument arg3)
        => inline(graph, (Delegate)function, arg1, arg2, arg3);

    private static void MustBeNode(Argument result)
    {
        if (result is not NodeArgument { Node: var node })
            throw new ArgumentException($"The function returns {result}, which is no node. Let it return one value.");
        if (node.op == Opcode.placeholder)
            throw new ArgumentException($"The function returns its argument '{node}', which is no node of its own.");
    }

    private static Argument Copy(Graph source, Graph graph, ImmutableArray<Argument> args)
    {
        Node[] inputs = [.. source.find_nodes(Opcode.placeholder)];
        if (inputs.Length != args.Length)
            throw new ArgumentException(
                $"The function takes {inputs.Length} ({string.Join<Node>(", ", inputs)}), but {args.Length} are given.", nameof(args));
        if (source.nodes.FirstOrDefault(node => node.op is Opcode.get_attr or Opcode.call_module) is { } held)
            throw new ArgumentException(
                $"The function uses the {(held.op == Opcode.get_attr ? "tensor" : "module")} '{held.target}' of its own, which a graph "
                    + $"can't hold. {Instead(held)}");
        var copies = inputs.Zip(args).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var node in source.nodes)
            if (node.op is not (Opcode.placeholder or Opcode.output))
                copies[node] = graph.node_copy(node, inner => copies[inner]);
        return source.output_node().args[0].map(node => copies[node]);
    }

    private static string Instead(Node held) => held.op == Opcode.get_attr
        ? "Let it take the tensor as an argument, and give it graph.get_attr(name) of a parameter or buffer of the root module."
        : "Add the module to the root module (add_submodule) and call it with graph.call_module(name, …).";
}
