namespace TorchSharp.Fx.Inference;

/// <summary>
/// Reads backwards what leads to a softmax: products of queries and keys, multiplied, with a bias for each head and a mask for each window.
/// </summary>
/// <param name="layers">The graph and what it names.</param>
internal sealed class AttentionLogits(InferenceGraph layers)
{
    /// <summary><c>Query · Keyᵀ · Scale · Factor + Addends</c></summary>
    /// <param name="Query">[…, heads, queries, channels]</param>
    /// <param name="Key">[…, heads, keys, channels]</param>
    /// <param name="Steps">The nodes that compute it.</param>
    internal sealed record Reading(Node Query, Node Key, IReadOnlyList<Node> Steps)
    {
        internal double Scale { get; init; } = 1;

        /// <inheritdoc cref="MatrixProduct.Rank"/>
        internal long? Rank { get; init; }

        /// <summary>A factor for each head.</summary>
        internal Node? Factor { get; init; }

        internal IReadOnlyList<Addend> Addends { get; init; } = [];
    }

    /// <summary>The term that is added to the logits.</summary>
    /// <param name="Node">Its value.</param>
    /// <param name="IsByWindow">Whether it has a dimension in front, of size 1, for the groups of windows.</param>
    internal sealed record Addend(Node Node, bool IsByWindow);

    /// <summary>
    /// The logits that a node computes; null where it computes something else, or where something else reads a step, too.
    /// </summary>
    internal Reading? Read(Node node)
    {
        if (node.users.Count != 1)
            return null;
        if (MatrixProduct.OfQueriesAndKeys(node) is { Left: var query, Right: var key, Rank: var rank })
            return Product(node, query, key) with { Rank = rank };
        if (Fusion.IsAdd(node))
            return Sum(node, 0, 1) ?? Sum(node, 1, 0);
        if (MatrixProduct.IsOperation(node, "mul") && node.args is [NodeArgument { Node: var scaled }, var factor])
            return Read(scaled) is { Addends: [] } inner ? Times(inner, node, factor) : null;
        return MaskedByWindow(node);
    }

    /// <summary>Factors of the queries or keys by themselves are factors of the product.</summary>
    private static Reading Product(Node node, Node query, Node key)
    {
        var (plainQuery, byQuery) = WithoutFactor(query);
        var (plainKey, byKey) = WithoutFactor(key);
        return new(plainQuery, plainKey, [.. new[] { query, key }.Except([plainQuery, plainKey]), node]) { Scale = byQuery * byKey };
    }

    private static (Node Node, double Factor) WithoutFactor(Node node) => node.args switch
    {
        [NodeArgument { Node: var input }, Literal { Value: double factor }] when MatrixProduct.IsOperation(node, "mul") => (input, factor),
        [Literal { Value: double factor }, NodeArgument { Node: var input }] when MatrixProduct.IsOperation(node, "mul") => (input, factor),
        _ => (node, 1),
    };

    private Reading? Sum(Node node, int product, int addend)
        => node.args[product] is NodeArgument { Node: var logits } && node.args[addend] is NodeArgument { Node: var added }
            && Read(logits) is { } read
            ? read with { Addends = [.. read.Addends, new(added, false)], Steps = [.. read.Steps, node] }
            : null;

    private Reading? Times(Reading read, Node node, Argument factor) => factor switch
    {
        Literal { Value: double number } => read with { Scale = read.Scale * number, Steps = [.. read.Steps, node] },
        NodeArgument { Node: { op: Opcode.get_attr } each } when read.Factor is null
            && layers.Tensor(each.target.name).shape is [.., 1, 1] => read with { Factor = each, Steps = [.. read.Steps, node] },
        _ => null,
    };

    /// <summary><c>(logits.view(groups, windows, …) + mask).view(-1, …)</c>: a mask for each window, the same in all groups.</summary>
    private Reading? MaskedByWindow(Node node)
        => IsView(node, 4) && node.args[0] is NodeArgument { Node: { users.Count: 1 } sum } && Fusion.IsAdd(sum)
            && sum.args is [NodeArgument { Node: { users.Count: 1 } split }, NodeArgument { Node: { op: Opcode.get_attr } mask }, ..]
            && IsView(split, 5)
            && split.args is [NodeArgument { Node: var logits }, ListArgument { Items: [_, Literal { Value: long windows }, ..] }]
            && layers.Tensor(mask.target.name).shape is [1, var masks, _, _, _] && masks == windows && Read(logits) is { } read
            ? read with { Addends = [.. read.Addends, new(mask, true)], Steps = [.. read.Steps, split, sum, node] }
            : null;

    private static bool IsView(Node node, int rank)
        => MatrixProduct.IsOperation(node, "view") && node.args[1] is ListArgument { Items: var sizes } && sizes.Length == rank;
}
