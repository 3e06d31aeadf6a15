using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>
/// A loop that runs as often as a free dimension says. The format has a map over the rows of tensors: of those that have a row for each
/// turn, and of the numbers of the turns, so that a turn gets its number as a tensor. What the turns give comes stacked.
/// </summary>
/// <param name="Body">A turn: it takes its number if it reads it, then the rows, then the operands.</param>
/// <param name="TakesNumber">Whether it reads its number.</param>
/// <param name="Rows">The tensors of which each turn gets a row.</param>
/// <param name="Operands">What each turn gets as a whole: tensors, and numbers that depend on a free dimension.</param>
/// <param name="Results">The stacked results, in the surrounding graph.</param>
internal sealed record FreeLoop(Graph Body, bool TakesNumber, ImmutableArray<Node> Rows, ImmutableArray<Node> Operands,
    ImmutableArray<Node> Results)
{
    /// <summary>Makes one of a loop, whose readers take the stacked results from now on.</summary>
    /// <param name="graph">The graph that has the loop.</param>
    /// <param name="loop">The loop.</param>
    /// <param name="facts">What is known of the graph's values.</param>
    internal static FreeLoop Of(Graph graph, Node loop, IReadOnlyDictionary<Node, Fact> facts)
    {
        var map = (MapTarget)loop.target;
        var given = map.Operands.Zip(loop.args.Skip(1)).ToDictionary(pair => pair.First, pair => pair.Second);
        var turns = Number(loop.args[0]);
        var body = new LoopBody(loop, map, operand => given[operand] is NodeArgument { Node: var node }
            && facts[node] is Fact.OfTensor { Sizes: [var rows, ..] } && rows.IsAs(turns));
        foreach (var (operand, value) in given)
            if (Constant(value) is { } constant)
                body.Set(operand, constant);
            else
                body.Take(operand);
        var (turn, takesNumber, rows, operands) = body.Finish();
        return new(turn, takesNumber, [.. rows.Select(Given)], [.. operands.Select(Given)], [.. Lists().Select(Stacked)]);

        Node Given(Node operand) => ((NodeArgument)given[operand]).Node;

        SizeFact Number(Argument count) => count switch
        {
            ConvertArgument convert => Number(convert.Value),
            NodeArgument { Node: var node } when facts[node] is Fact.OfNumber { Value: var number } => number,
            _ => throw Lowering.Refused(loop, "how often it runs is no size"),
        };

        Literal? Constant(Argument given) => given switch
        {
            Literal literal => literal,
            NodeArgument { Node: var node } => facts[node] switch
            {
                Fact.OfNumber { Value: { IsConstant: true, Hint: var number } }
                    => new Literal(node.type == typeof(int) ? (int)number : number),
                Fact.OfOther { Value: var other } => new Literal(other),
                Fact.OfTensor or Fact.OfNumber => null,
                _ => throw Lowering.Refused(loop, $"each turn gets '{node.name}', which is neither a tensor nor a number"),
            },
            _ => throw Lowering.Refused(loop, "what each turn gets is computed as it is passed"),
        };

        // A loop that collects one thing gives the list of it, another one the lists of all.
        Node[] Lists()
        {
            if (map.Results.Length == 1)
                return [loop];
            using var here = graph.inserting_after(loop);
            return [.. map.Results.Select((_, i) => loop.users.FirstOrDefault(user => ItemOf(user) == i)
                ?? graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, loop.type), [loop, i], typeof(Tensor[])))];
        }

        Node Stacked(Node list, int result)
        {
            var items = ((Fact.OfMany)facts[loop]).Items;
            var turns = map.Results.Length == 1 ? items : ((Fact.OfMany)items[result]).Items;
            return new LoopReaders(graph, list).Stack(turns is [Fact.OfTensor { Sizes.Length: var rank }, ..] ? rank
                : throw Lowering.Refused(loop, "it has no turn in the example"));
        }
    }

    private static int? ItemOf(Node user) => user.target switch
    {
        BuiltinTarget { Operation: Builtin.getitem } when user.args[1] is Literal { Value: int at } => at,
        MemberTarget { Member.Name: var name } when name.StartsWith("Item", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(4), out var at) => at - 1,
        _ => null,
    };
}
