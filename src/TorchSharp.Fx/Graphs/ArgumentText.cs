using System.Globalization;

namespace TorchSharp.Fx.Graphs;

/// <summary>Arguments as the graph's text shows them: Python's spelling, so that graphs of both can be compared.</summary>
internal static class ArgumentText
{
    internal static string Of(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => "%" + node.name,
        Literal { Value: var value } => OfValue(value),
        ListArgument list => $"[{Join(list.Items)}]",
        SpreadArgument spread => "*" + Of(spread.Sequence),
        TupleArgument { Items: [var single] } => $"({Of(single)},)",
        TupleArgument tuple => $"({Join(tuple.Items)})",
        DictArgument dict => "{" + string.Join(", ", dict.Entries.Select(entry => $"{Of(entry.Key)}: {Of(entry.Value)}")) + "}",
        ObjectArgument record =>
            $"{record.ObjectType.Name}({string.Join(", ", record.Fields.Select(field =>
                $"{MemberName(field.Key.Name)}={Of(field.Value)}"))})",
        SliceArgument slice => $"slice({OfBound(slice.Start)}, {OfBound(slice.Stop)}, {OfBound(slice.Step)})",
        EllipsisArgument => "Ellipsis",
        ConvertArgument convert => $"{PrimitiveName(convert.Type)}({Of(convert.Value)})",
        _ => throw new InvalidOperationException($"Unknown argument {argument.GetType().Name}."),
    };

    internal static string Join(IEnumerable<Argument> arguments) => string.Join(", ", arguments.Select(Of));

    /// <summary><c>&lt;logits>k__BackingField</c> → <c>logits</c>.</summary>
    internal static string MemberName(string field)
        => field.StartsWith('<') ? field[1..field.IndexOf('>', StringComparison.Ordinal)] : field;

    internal static string PrimitiveName(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => type.Name,
        TypeCode.Int32 => "int",
        TypeCode.Int64 => "long",
        TypeCode.Single => "float",
        TypeCode.Double => "double",
        TypeCode.Boolean => "bool",
        _ => type.Name.ToLowerInvariant(),
    };

    private static string OfBound(Argument? bound) => bound is null ? "None" : Of(bound);

    private static string OfValue(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        string text => "'"
            + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal) + "'",
        torch.ScalarType dtype => "torch." + dtype.ToString().ToLowerInvariant(),
        Enum => $"{value.GetType().Name}.{value}",
        double.PositiveInfinity or float.PositiveInfinity => "inf",
        double.NegativeInfinity or float.NegativeInfinity => "-inf",
        double.NaN or float.NaN => "nan",
        double number => Floating(number.ToString("R", CultureInfo.InvariantCulture)),
        float number => Floating(number.ToString("R", CultureInfo.InvariantCulture)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        torch.Device device => $"device('{device}')",
        _ => $"<{value.GetType().Name}>",
    };

    private static string Floating(string digits) => digits.AsSpan().IndexOfAny('.', 'E') < 0 ? digits + ".0" : digits;
}
