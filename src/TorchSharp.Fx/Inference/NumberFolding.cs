using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Puts numbers in the place of the nodes that compute them: what literals alone enter into, and the sizes and types of tensors where those
/// of all inputs are fixed, and whether there is an input. An assertion that holds by them goes.
/// </summary>
/// <param name="graph">The graph to change.</param>
/// <param name="values">What runs its nodes. Where sizes are fixed it has run all of them on inputs of those sizes.</param>
/// <param name="areSizesFixed">Whether they are.</param>
internal sealed class NumberFolding(Graph graph, GraphInterpreter values, bool areSizesFixed)
{
    private readonly Dictionary<Node, Argument> known = [];

    internal void Run()
    {
        foreach (var node in graph.nodes)
            if (IsNumber(node) && ArgumentOf(areSizesFixed ? values.Of(node) : values.Step(node)) is { } number)
                known[node] = number;
        foreach (var user in known.Keys.SelectMany(node => node.users).Where(user => !known.ContainsKey(user)).Distinct().ToArray())
            user.args = [.. user.args.Select(argument => Flat(argument.map(node => known.GetValueOrDefault(node, node))))];
        foreach (var node in graph.nodes.Reverse().Where(node => known.ContainsKey(node) || Holds(node)).ToArray())
            graph.erase_node(node);
    }

    private bool IsNumber(Node node) => node.target switch
    {
        PlaceholderTarget => areSizesFixed && (!TensorTypes.MayHold(node.type) || values.Of(node) is null),
        BuiltinTarget { Operation: Builtin.eq or Builtin.ne } when areSizesFixed && node.args.Contains(new Literal(null)) => true,
        BuiltinTarget { Operation: not Builtin._assert } => node.all_input_nodes.All(known.ContainsKey),
        FunctionTarget { Method: var function } => NumberFunctions.Has(function) && node.all_input_nodes.All(known.ContainsKey),
        MemberTarget or MethodTarget => IsSize(node),
        _ => false,
    };

    private bool IsSize(Node node)
        => areSizesFixed && Operations.Of(node, null).Has(Effects.ReadsShape | Effects.ReadsType)
            && node.args.Skip(1).SelectMany(argument => argument.nodes()).All(known.ContainsKey);

    private static bool Holds(Node node)
        => node.target is BuiltinTarget { Operation: Builtin._assert } && node.args[0] is Literal { Value: true };

    /// <summary>A value as a graph writes it; null for one that it can't.</summary>
    private static Argument? ArgumentOf(object? value) => value switch
    {
        null or string or Device or Enum or ValueType and IConvertible => new Literal(value),
        long[] numbers => new ListArgument([.. numbers.Select(number => new Literal(number))], typeof(long)),
        ITuple tuple and ValueType when tuple.Length < 8 => ArgumentOf(tuple),
        _ => null,
    };

    private static TupleArgument? ArgumentOf(ITuple tuple)
    {
        var items = Enumerable.Range(0, tuple.Length).Select(i => ArgumentOf(tuple[i])).OfType<Argument>().ToImmutableArray();
        return items.Length == tuple.Length ? new(items, tuple.GetType()) : null;
    }

    /// <summary>A list that is spread into another one becomes part of it.</summary>
    private static Argument Flat(Argument argument) => argument is ListArgument list
        ? list with { Items =
            [.. list.Items.SelectMany(item => item is SpreadArgument { Sequence: ListArgument inner } ? inner.Items : [Flat(item)])] }
        : argument;
}
