namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Whether two arguments say the same. Records compare their lists by reference, and which nodes count as the same is for the caller to
/// say.
/// </summary>
internal static class ArgumentComparison
{
    /// <param name="a">One argument.</param>
    /// <param name="b">The other.</param>
    /// <param name="isSame">Whether a node of the first, wherever it stands in there, means the same as what stands there in the
    /// second.</param>
    /// <param name="ignoresLiterals">Whether any two constants are the same.</param>
    internal static bool AreSame(Argument a, Argument b, Func<Node, Argument, bool> isSame, bool ignoresLiterals = false) => (a, b) switch
    {
        (NodeArgument node, _) => isSame(node.Node, b),
        (Literal, Literal) when ignoresLiterals => true,
        (Literal x, Literal y) => Equals(x.Value, y.Value),
        (SliceArgument x, SliceArgument y) => Bounds(x.Start, y.Start, isSame, ignoresLiterals)
            && Bounds(x.Stop, y.Stop, isSame, ignoresLiterals) && Bounds(x.Step, y.Step, isSame, ignoresLiterals),
        _ => a.GetType() == b.GetType() && Kind(a).Equals(Kind(b)) && a.Parts.Count() == b.Parts.Count()
            && a.Parts.Zip(b.Parts).All(pair => AreSame(pair.First, pair.Second, isSame, ignoresLiterals)),
    };

    /// <summary>A hash that is the same for arguments that are the same when a node is only the same as itself.</summary>
    internal static int HashOf(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => node.GetHashCode(),
        Literal { Value: var value } => value?.GetHashCode() ?? 0,
        _ => argument.Parts.Aggregate(argument.GetType().GetHashCode(), (hash, part) => HashCode.Combine(hash, HashOf(part))),
    };

    /// <summary>The key that tells two structures apart beside their content.</summary>
    private static object Kind(Argument argument) => argument switch
    {
        ListArgument list => list.ElementType,
        TupleArgument tuple => tuple.TupleType,
        DictArgument dictionary => dictionary.DictionaryType,
        ObjectArgument record => (record.ObjectType, string.Join(',', record.Fields.Select(field => field.Key.Name))),
        ConvertArgument convert => (convert.Type, convert.Checked),
        _ => argument.GetType(),
    };

    private static bool Bounds(Argument? a, Argument? b, Func<Node, Argument, bool> isSame, bool ignoresLiterals)
        => a is null || b is null ? a == b : AreSame(a, b, isSame, ignoresLiterals);
}
