namespace TorchSharp.Fx.Inference;

/// <summary>Two values that a node multiplies as matrices of their last two dimensions, by <c>matmul</c> or by an equation.</summary>
internal sealed record MatrixProduct(Node Left, Node Right)
{
    /// <summary>
    /// How many dimensions the right value must have, where the program counts those that it transposes from the front; else null.
    /// </summary>
    internal long? Rank { get; private init; }

    /// <summary><c>Left · Rightᵀ</c>; null for any other node.</summary>
    internal static MatrixProduct? OfQueriesAndKeys(Node node)
        => Equation(node, out var left, out var right) is { } equation ? IsByRows(equation) ? new(left!, right!) : null
            : right is not null && IsOperation(right, "transpose")
                && right.args is [NodeArgument { Node: var key }, Literal { Value: long a }, Literal { Value: long b }]
                && ((a, b) is (-2, -1) or (-1, -2) || (Math.Min(a, b) >= 0 && Math.Abs(a - b) == 1))
                ? new(left!, key) { Rank = a < 0 ? null : Math.Max(a, b) + 1 } : null;

    /// <summary><c>Left · Right</c>; null for any other node.</summary>
    internal static MatrixProduct? OfWeightsAndValues(Node node)
        => Equation(node, out var left, out var right) is { } equation ? IsByColumns(equation) ? new(left!, right!) : null
            : right is not null ? new(left!, right) : null;

    /// <summary>Whether a node is an operation of TorchSharp's of this name that gives a tensor.</summary>
    internal static bool IsOperation(Node node, string name)
    {
        var method = node.target switch { FunctionTarget function => function.Method, MethodTarget target => target.Method, _ => null };
        return method?.DeclaringType?.Assembly == TensorTypes.TorchSharp && node.target.name == name && TensorTypes.IsTensor(node.type);
    }

    /// <summary>The factors, and the parts of the equation if the node has one: those of the factors, then the result's.</summary>
    private static string[]? Equation(Node node, out Node? left, out Node? right)
    {
        (left, right) = (null, null);
        if (IsOperation(node, "matmul") && node.args is [NodeArgument one, NodeArgument other])
            (left, right) = (one.Node, other.Node);
        if (!IsOperation(node, "einsum")
            || node.args is not [Literal { Value: string text }, ListArgument { Items: [NodeArgument first, NodeArgument second] }])
            return null;
        (left, right) = (first.Node, second.Node);
        return text.Replace(" ", "", StringComparison.Ordinal).Split([",", "->"], StringSplitOptions.None);
    }

    /// <summary><c>…id,…jd->…ij</c></summary>
    private static bool IsByRows(string[] equation)
        => equation is [[.. var rows, var channel], [.. var columns, var same], var result] && channel == same
        && rows.Length > 1 && columns.Length > 1 && rows[..^1] == columns[..^1] && result == rows + columns[^1];

    /// <summary><c>…ij,…jd->…id</c></summary>
    private static bool IsByColumns(string[] equation)
        => equation is [[.. var rows, var key], [.. var batch, var same, var channel], var result] && key == same
        && rows.Length > 1 && rows[..^1] == batch && result == rows + channel;
}
