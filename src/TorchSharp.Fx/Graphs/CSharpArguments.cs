using System.Globalization;

namespace TorchSharp.Fx.Graphs;

/// <summary>Arguments as C# expressions.</summary>
internal static class CSharpArguments
{
    internal static string Of(Argument argument) => argument switch
    {
        NodeArgument { Node: var node } => CSharpNames.Identifier(node.name),
        Literal { Value: var value } => OfValue(value),
        ListArgument list => $"[{Join(list.Items)}]",
        SpreadArgument spread => ".. " + Of(spread.Sequence),
        TupleArgument { TupleType.IsValueType: true, Items: [_, _, ..] } tuple => $"({Join(tuple.Items)})",
        TupleArgument tuple => $"new {CSharpNames.OfType(tuple.TupleType)}({Join(tuple.Items)})",
        DictArgument dict =>
            Initializer(CSharpNames.OfType(dict.DictionaryType), dict.Entries.Select(entry => $"[{Of(entry.Key)}] = {Of(entry.Value)}")),
        ObjectArgument record =>
            Initializer(CSharpNames.OfType(record.ObjectType),
                record.Fields.Select(field => $"{CSharpNames.Identifier(ArgumentText.MemberName(field.Key.Name))} = {Of(field.Value)}")),
        SliceArgument { Step: null } slice => (slice.Start is Literal { Value: 0 or 0L } ? "" : Bound(slice.Start)) + ".."
            + Bound(slice.Stop),
        SliceArgument slice => $"TensorIndex.Slice({OrNull(slice.Start)}, {OrNull(slice.Stop)}, {OrNull(slice.Step)})",
        EllipsisArgument => "TensorIndex.Ellipsis",
        ConvertArgument { Checked: true } convert => $"checked(({CSharpNames.OfType(convert.Type)}){Of(convert.Value)})",
        ConvertArgument convert => $"({CSharpNames.OfType(convert.Type)}){Of(convert.Value)}",
        _ => throw new InvalidOperationException($"Unknown argument {argument.GetType().Name}."),
    };

    internal static string Join(IEnumerable<Argument> arguments) => string.Join(", ", arguments.Select(Of));

    /// <summary>The text left of a dot.</summary>
    internal static string Receiver(Argument argument) => argument is ConvertArgument or SliceArgument ? $"({Of(argument)})" : Of(argument);

    /// <summary>The text between an indexer's brackets: the elements of a list of indices, else the argument itself.</summary>
    internal static string Index(Argument argument) => argument switch
    {
        ListArgument indices => string.Join(", ", indices.Items.Select(IndexPart)),
        _ => IndexPart(argument),
    };

    private static string IndexPart(Argument argument) => argument is Literal { Value: null } ? "TensorIndex.None" : Of(argument);

    /// <summary>A range counts from the end with <c>^</c>, where Python counts with a minus.</summary>
    private static string Bound(Argument? bound) => bound switch
    {
        null => "",
        Literal { Value: int and < 0 or long and < 0 } number => "^" + Of(number)[1..],
        NodeArgument or Literal => Of(bound),
        _ => $"({Of(bound)})",
    };

    private static string OrNull(Argument? argument) => argument is null ? "null" : Of(argument);

    private static string Initializer(string type, IEnumerable<string> entries) => $"new {type} {{ {string.Join(", ", entries)} }}";

    private static string OfValue(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => CSharpNames.Quoted(text),
        char letter => $"'{letter}'",
        Enum => Enum.IsDefined(value.GetType(), value)
            ? $"{CSharpNames.OfType(value.GetType())}.{value}"
            : $"({CSharpNames.OfType(value.GetType())})({((Enum)value).ToString("D")})",
        double.PositiveInfinity => "double.PositiveInfinity",
        double.NegativeInfinity => "double.NegativeInfinity",
        double.NaN => "double.NaN",
        float.PositiveInfinity => "float.PositiveInfinity",
        float.NegativeInfinity => "float.NegativeInfinity",
        float.NaN => "float.NaN",
        double number => Floating(number.ToString("R", CultureInfo.InvariantCulture)),
        float number => number.ToString("R", CultureInfo.InvariantCulture) + "f",
        decimal number => number.ToString(CultureInfo.InvariantCulture) + "m",
        torch.Device device => $"torch.device({CSharpNames.Quoted(device.ToString())})",
        sbyte or byte or short or ushort or int or uint or long or ulong or nint
            or nuint => ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        _ => $"/* {value.GetType().Name} */",
    };

    private static string Floating(string digits) => digits.AsSpan().IndexOfAny('.', 'E') < 0 ? digits + ".0" : digits;
}
