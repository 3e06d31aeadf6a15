using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Those who read a list that a loop collects: they read the stacked tensor instead.</summary>
internal sealed class LoopReaders(Graph graph, Node list)
{
    /// <summary>Stacks the list, and has all others read that.</summary>
    /// <param name="rank">How many dimensions an item has.</param>
    internal Node Stack(int rank)
    {
        var readers = list.users.ToArray();
        Node stacked;
        using (graph.inserting_after(list))
        {
            Func<IEnumerable<Tensor>, long, Tensor> stack = torch.stack;
            stacked = graph.call_function(stack, list, 0L);
            stacked.StandsFor(list);
        }
        foreach (var reader in readers)
        {
            using var here = graph.inserting_before(reader);
            var instead = Instead(reader, stacked, rank);
            instead.StandsFor(reader);
            reader.replace_all_uses_with(instead);
            graph.erase_node(reader);
        }
        return stacked;
    }

    private Node Instead(Node reader, Node stacked, int rank) => reader.target switch
    {
        BuiltinTarget { Operation: Builtin.len } => graph.call_method(typeof(Tensor).GetMethod("size", [typeof(int)])!, [stacked, 0]),
        BuiltinTarget { Operation: Builtin.getitem } when reader.args[1] is Literal { Value: int at }
            => Lowering.Call(graph, "select.int", stacked, 0L, (long)at),
        { Callee.Method: { Name: "stack", DeclaringType: var owner } } when owner == typeof(torch)
            => Lowering.Call(graph, "movedim.int", stacked, 0L, Dim(reader, rank + 1)),
        { Callee.Method: { Name: "cat" or "concat" or "concatenate", DeclaringType: var owner } } when owner == typeof(torch) && rank > 0
            => Joined(stacked, Dim(reader, rank)),
        _ => throw Lowering.Refused(reader, $"it reads the list that the loop '{list.name}' collects, whose length is free: "
            + "a program has torch.stack and torch.cat of it, its length and single items"),
    };

    /// <summary>The turns' dimension goes before the one that they are joined along, and the two become one.</summary>
    private Node Joined(Node stacked, long dim)
        => Lowering.Call(graph, "flatten.using_ints", Lowering.Call(graph, "movedim.int", stacked, 0L, dim), dim, dim + 1);

    private static long Dim(Node reader, int rank)
    {
        var dim = reader.args.ElementAtOrDefault(1) switch
        {
            null => 0L,
            Literal { Value: long or int } literal => Convert.ToInt64(literal.Value, System.Globalization.CultureInfo.InvariantCulture),
            _ => throw Lowering.Refused(reader, "its dimension depends on an input"),
        };
        return dim < 0 ? dim + rank : dim;
    }
}
