using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Inference;

/// <summary>
/// Makes one node of a concatenation of two tensors whose channels are then shuffled in two groups, and of the halves it is cut into.
/// </summary>
/// <param name="layers">The graph to change and what it names.</param>
internal sealed class ShuffleFusion(InferenceGraph layers)
{
    private static readonly MethodInfo Whole = typeof(FusedShuffle).GetMethod(nameof(FusedShuffle.whole))!;
    private static readonly MethodInfo Halves = typeof(FusedShuffle).GetMethod(nameof(FusedShuffle.halves))!;

    internal void Run()
    {
        (Node Last, Node Cat)[] shuffles =
            [.. layers.Graph.nodes.Select(node => (Last: node, Cat: ShuffledBy(node)!)).Where(shuffle => shuffle.Cat is not null)];
        if (shuffles.Length == 0)
            return;
        var order = new ExecutionOrder(layers.Graph, layers.Graph.Aliases(layers.Hierarchy(), training: false));
        foreach (var (last, cat) in shuffles.Where(shuffle => order.MayMove(shuffle.Cat, shuffle.Last)).ToArray())
            Replace(last, ((ListArgument)cat.args[0]).Items);
        layers.EliminateDeadCode();
    }

    private void Replace(Node last, ImmutableArray<Argument> parts)
    {
        var isHalved = last.users is [{ } only] && MethodOf(only) is { Name: "chunk" }
            && only.args is [NodeArgument, Literal { Value: 2L }, Literal { Value: 1L }];
        var node = isHalved ? last.users.Single() : last;
        using var here = layers.Graph.inserting_before(node);
        var path = $"{last.name}_shuffle";
        layers.Replace(path, new FusedShuffle());
        var fused = layers.Graph.create_node(Opcode.call_module, new ModuleTarget(path, isHalved ? Halves : Whole), parts, node.type);
        fused.StandsFor(node);
        layers.Bypass(node, fused);
    }

    /// <summary>
    /// The concatenation that ends, shuffled, in this node: <c>cat.view(N, 2, C / 2, H, W).transpose(1, 2).contiguous().view(N, -1, H,
    /// W)</c>.
    /// </summary>
    private static Node? ShuffledBy(Node node)
        => IsView(node, out var contiguous, out var sizes) && sizes is [var n, var rest, var h, var w] && Is(rest, -1)
            && MatrixProduct.IsOperation(contiguous, "contiguous") && Only(contiguous) is { } transposed
            && MatrixProduct.IsOperation(transposed, "transpose")
            && transposed.args is [NodeArgument { Node: { users.Count: 1 } split }, Literal { Value: 1L }, Literal { Value: 2L }]
            && IsView(split, out var cat, out var parts) && parts is [var sameN, var two, var each, var sameH, var sameW] && Is(two, 2)
            && IsConcatenationOfTwo(cat) && IsSize(n, cat, 0) && IsSize(sameN, cat, 0) && IsSize(h, cat, 2) && IsSize(sameH, cat, 2)
            && IsSize(w, cat, 3) && IsSize(sameW, cat, 3)
            && each is NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.floordiv }, args: [var all, var half] } }
            && Is(half, 2) && IsSize(all, cat, 1)
            ? cat : null;

    /// <summary>Nothing but the shuffle reads it, and what its sizes are.</summary>
    private static bool IsConcatenationOfTwo(Node cat)
        => MatrixProduct.IsOperation(cat, "cat")
            && cat.args is [ListArgument { Items: [NodeArgument, NodeArgument] }, Literal { Value: 1L }]
        && cat.users.Count(user => MethodOf(user) is not { Name: "size" }) == 1;

    private static bool IsView(Node node, out Node input, out ImmutableArray<Argument> sizes)
    {
        var found = node.args is [NodeArgument { Node: var viewed }, ListArgument { Items: var items }]
            && (MatrixProduct.IsOperation(node, "view") || MatrixProduct.IsOperation(node, "reshape"))
            ? (viewed, items) : (node, []);
        (input, sizes) = found;
        return input != node;
    }

    private static Node? Only(Node node)
        => node.users.Count == 1 && node.args is [NodeArgument { Node: { users.Count: 1 } input }] ? input : null;

    private static bool IsSize(Argument argument, Node of, long dimension)
        => argument is NodeArgument { Node: { target: BuiltinTarget { Operation: Builtin.getitem },
            args: [NodeArgument { Node: var size }, var index] } }
        && Is(index, dimension) && MethodOf(size) is { Name: "size" or "shape" } && size.args is [NodeArgument { Node: var measured }]
        && measured == of;

    private static bool Is(Argument argument, long number)
        => argument is Literal { Value: (int or long) and var value } && Convert.ToInt64(value, null) == number;

    private static MethodBase? MethodOf(Node node)
        => node.target is MethodTarget { Method: var method } && method.DeclaringType?.Assembly == TensorTypes.TorchSharp ? method : null;
}
