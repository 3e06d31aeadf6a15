using System.Collections;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// A nested value as an argument of a node: collections, tuples and objects are taken apart, and each part has a path as state has them.
/// </summary>
internal static class StructureArguments
{
    /// <param name="path">Where the value is.</param>
    /// <param name="value">The value.</param>
    /// <param name="known">The argument for the part at a path; null for one that is to be taken apart, or is a constant.</param>
    internal static Argument Of(string path, object? value, Func<string, object?, Argument?> known)
    {
        if (known(path, value) is { } argument)
            return argument;
        return value switch
        {
            IDictionary dictionary =>
                new DictArgument(
                    [.. dictionary.Keys.Cast<object>()
                        .Select(key =>
                            KeyValuePair.Create<Argument, Argument>(new Literal(key),
                                Of($"{path}.{KeyText.Of(key)}", dictionary[key], known)))], value.GetType()),
            ITuple tuple =>
                new TupleArgument([.. Structure.Items(tuple).Select((item, i) => Of($"{path}.Item{i + 1}", item, known))], value.GetType()),
            ICollection list =>
                new ListArgument([.. list.Cast<object?>().Select((item, i) => Of(Index(path, i), item, known))],
                    value.GetType().GetElementType() ?? value.GetType().GetGenericArguments()[0])
                { CollectionType = value is Array ? null : value.GetType() },
            not null when Structure.KindOf(value.GetType()) == StructureKind.Object =>
                new ObjectArgument(value.GetType(), [.. Structure.FieldsOf(value.GetType()).Select(field
                => KeyValuePair.Create(field, Of($"{path}.{ArgumentText.MemberName(field.Name)}", field.GetValue(value), known)))]),
            _ => new Literal(value),
        };
    }

    /// <summary>The path of a list's item.</summary>
    internal static string Index(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}.{index}");
}
