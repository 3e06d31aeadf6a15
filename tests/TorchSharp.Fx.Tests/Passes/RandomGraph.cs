using System.Reflection;
using TorchSharp.Fx.Tests.Runtime;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Passes;

/// <summary>Graphs on tensors of one shape, made by a row of numbers: what is the same row is the same graph, and a shorter row a smaller one.</summary>
/// <param name="numbers">The numbers; when they are used up all are 0.</param>
internal sealed class RandomGraph(int[] numbers)
{
    private static readonly MethodInfo[] Unary =
    [
        Ops.Method(t => t.neg()), Ops.Method(t => t.relu()), Ops.Method(t => t.sin()), Ops.Method(t => t.tanh()), Ops.Method(t => t.sigmoid()), Ops.Method(t => t.clone()),
    ];

    private static readonly MethodInfo[] Binary =
    [
        Ops.Operator("op_Addition", typeof(Tensor), typeof(Tensor)), Ops.Operator("op_Subtraction", typeof(Tensor), typeof(Tensor)), Ops.Operator("op_Multiply", typeof(Tensor), typeof(Tensor)),
        typeof(torch).GetMethod(nameof(maximum), [typeof(Tensor), typeof(Tensor)])!,
    ];

    private int position;

    internal bool IsAtEnd => position >= numbers.Length;

    /// <summary>The next number, from 0 to <paramref name="count"/> - 1.</summary>
    internal int Next(int count) => IsAtEnd || count == 0 ? 0 : numbers[position++] % count;

    /// <summary>Two inputs, a parameter and up to a dozen operations, some in place on copies; the last value is the result.</summary>
    internal Graph Make()
    {
        var graph = new Graph();
        List<Node> values = [graph.Input("x"), graph.Input("y"), graph.get_attr("weight")];
        for (var count = 1 + Next(12); count > 0; count--)
            values.Add(Next(6) == 0 ? InPlace(graph, values) : Operation(graph, values));
        graph.Returning(Next(2) == 0 ? values[^1] : (new Proxy(values[^1]) + values[Next(values.Count)]).node);
        return graph;
    }

    /// <summary>Any operation on some of the values, at the insertion point.</summary>
    internal Node Operation(Graph graph, IReadOnlyList<Node> values) => Next(2) == 0
        ? graph.Call(Unary[Next(Unary.Length)], values[Next(values.Count)])
        : graph.Call(Binary[Next(Binary.Length)], values[Next(values.Count)], values[Next(values.Count)]);

    private Node InPlace(Graph graph, List<Node> values)
    {
        var copy = graph.call(t => t.clone(), values[Next(values.Count)]);
        values.Add(copy);
        return graph.call(t => t.mul_(3), copy, 3);
    }
}
