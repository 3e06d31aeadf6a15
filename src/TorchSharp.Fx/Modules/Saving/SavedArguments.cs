using System.Globalization;
using System.Numerics;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// A node's arguments in a file. Long integers, bools and null stand for themselves; everything else is an object that says what it is.
/// </summary>
internal sealed class SavedArguments(SavedTypes types)
{
    internal void Write(Utf8JsonWriter json, Argument? argument)
    {
        if (argument is null or Literal { Value: null })
        {
            json.WriteNullValue();
            return;
        }
        if (argument is Literal { Value: bool or long } plain)
        {
            json.WriteRawValue(JsonSerializer.Serialize(plain.Value));
            return;
        }
        json.WriteStartObject();
        WriteMembers(json, argument);
        json.WriteEndObject();
    }

    internal Argument Read(JsonElement json, Func<string, Node> nodeOf) => json.ValueKind switch
    {
        JsonValueKind.Null => new Literal(null),
        JsonValueKind.True or JsonValueKind.False => new Literal(json.GetBoolean()),
        JsonValueKind.Number =>
            new Literal(json.TryGetInt64(out var number)
                ? number : throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no long integer")),
        JsonValueKind.Object => ReadObject(json, nodeOf),
        _ => throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no argument"),
    };

    private void WriteMembers(Utf8JsonWriter json, Argument argument)
    {
        switch (argument)
        {
            case NodeArgument { Node: var node}: json.WriteString("node", node.name); break;
            case Literal literal: WriteLiteral(json, literal.Value!); break;
            case ListArgument list: WriteList(json, "list", list.Items, "of", list.ElementType); WriteType(json, "as",
                list.CollectionType); break;
            case TupleArgument tuple: WriteList(json, "tuple", tuple.Items, "as", tuple.TupleType); break;
            case DictArgument dict: WriteList(json, "dict", dict.Entries.SelectMany(entry => new[] { entry.Key, entry.Value }), "as",
                dict.DictionaryType); break;
            case ObjectArgument made: WriteObject(json, made); break;
            case SliceArgument slice: WriteList(json, "slice", [slice.Start, slice.Stop, slice.Step], "", null); break;
            case SpreadArgument spread: json.WritePropertyName("spread"); Write(json, spread.Sequence); break;
            case EllipsisArgument: json.WriteBoolean("ellipsis", true); break;
            case ConvertArgument convert: json.WritePropertyName("convert"); Write(json, convert.Value); WriteType(json, "to",
                convert.Type); json.WriteBoolean("checked", convert.Checked); break;
            default: throw new InvalidOperationException($"Unknown argument {argument.GetType().Name}.");
        }
    }

    private void WriteLiteral(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text: json.WriteString("text", text); break;
            case Device device: json.WriteString("device", device.ToString()); break;
            case Enum named: WriteType(json, "enum", named.GetType()); json.WriteString("value", named.ToString("D")); break;
            case IConvertible number when number.GetType().IsPrimitive
                || number is decimal: WriteType(json, "number", number.GetType()); json.WriteString("value", Digits(number)); break;
            case Half or BFloat16
                or Complex: WriteType(json, "number", value.GetType()); json.WriteString("value",
                    ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture)); break;
            default: throw new NotSupportedException(
                $"it holds on to a {value.GetType().Name}, which a file can't have; make it an input of the graph instead");
        }
    }

    private static string Digits(IConvertible number)
        => number is double or float ? ((IFormattable)number).ToString("R", CultureInfo.InvariantCulture) : number is char c
            ? c.ToString() : number.ToString(CultureInfo.InvariantCulture);

    private void WriteObject(Utf8JsonWriter json, ObjectArgument made)
    {
        WriteType(json, "object", made.ObjectType);
        json.WriteStartObject("fields");
        foreach (var (field, value) in made.Fields)
        {
            json.WritePropertyName(field.Name);
            Write(json, value);
        }
        json.WriteEndObject();
    }

    private void WriteList(Utf8JsonWriter json, string kind, IEnumerable<Argument?> items, string typed, Type? type)
    {
        json.WriteStartArray(kind);
        foreach (var item in items)
            Write(json, item);
        json.WriteEndArray();
        WriteType(json, typed, type);
    }

    private void WriteType(Utf8JsonWriter json, string name, Type? type)
    {
        if (type is null)
            return;
        json.WritePropertyName(name);
        types.Write(json, type);
    }

    private Argument ReadObject(JsonElement json, Func<string, Node> nodeOf)
        => json.EnumerateObject().Select(member => (member.Name, member.Value)).FirstOrDefault() switch
    {
        { Name: "node", Value: var name } => nodeOf(name.Text()),
        { Name: "text", Value: var text } => new Literal(text.Text()),
        { Name: "device", Value: var device } => new Literal(ReadDevice(device.Text())),
        { Name: "enum", Value: var type } => new Literal(ReadEnum(types.Read(type), json.Field("value").Text())),
        { Name: "number", Value: var type } => new Literal(ReadNumber(types.Read(type), json.Field("value").Text())),
        { Name: "list", Value: var items } =>
            new ListArgument([.. ReadAll(items, nodeOf)], types.Read(json.Field("of"))) { CollectionType = json.Find("as") is { } type
                ? types.Read(type) : null },
        { Name: "tuple", Value: var items } => new TupleArgument([.. ReadAll(items, nodeOf)], ReadTuple(json, items)),
        { Name: "dict", Value: var items } => new DictArgument([.. ReadAll(items, nodeOf).Chunk(2).Select(Entry)], ReadDictionary(json)),
        { Name: "object", Value: var type } => ReadMade(types.Read(type), json.Field("fields"), nodeOf),
        { Name: "slice", Value: var bounds } => ReadSlice([.. ReadAll(bounds, nodeOf)]),
        { Name: "spread", Value: var sequence } => new SpreadArgument(Read(sequence, nodeOf)),
        { Name: "ellipsis" } => new EllipsisArgument(),
        { Name: "convert", Value: var value } =>
            new ConvertArgument(Read(value, nodeOf), ReadPrimitive(json.Field("to")), json.Field("checked").Flag()),
        _ => throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no argument"),
    };

    private IEnumerable<Argument> ReadAll(JsonElement items, Func<string, Node> nodeOf) => items.Items().Select(item => Read(item, nodeOf));

    private static KeyValuePair<Argument, Argument> Entry(Argument[] pair)
        => pair is [var key, var value]
            ? KeyValuePair.Create(key, value) : throw new InvalidDataException("a dictionary has a key without a value");

    private Type ReadTuple(JsonElement json, JsonElement items)
    {
        var type = types.Read(json.Field("as"));
        return type.IsGenericType && typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(type)
            && type.GetGenericArguments().Length is var parts
            && (parts == items.GetArrayLength() || (parts == 8 && items.GetArrayLength() > 7))
            ? type
            : throw new InvalidDataException($"{CSharpNames.OfType(type)} is no tuple of {items.GetArrayLength()} items");
    }

    private Type ReadDictionary(JsonElement json)
    {
        var type = types.Read(json.Field("as"));
        return type.IsGenericType && type.GetGenericArguments().Length == 2
            && typeof(System.Collections.IDictionary).IsAssignableFrom(ParameterTypes.DictionaryClass(type))
            ? type
            : throw new InvalidDataException($"{CSharpNames.OfType(type)} is no dictionary");
    }

    private Type ReadPrimitive(JsonElement json)
        => types.Read(json) is { IsPrimitive: true } or { IsEnum: true }
            ? types.Read(json) : throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no type of number");

    private ObjectArgument ReadMade(Type type, JsonElement fields, Func<string, Node> nodeOf)
    {
        // An object is rebuilt without its constructor: of TorchSharp's own, that would be a handle of the file's choice.
        if (!types.Allows(type))
            throw new InvalidDataException($"a {type.Name} can't be made of fields unless allowed_types has it");
        var known = ModuleHierarchy.FieldsOf(type).ToLookup(field => field.Name, StringComparer.Ordinal);
        return new(type, [.. fields.Members().Select(entry => KeyValuePair.Create(
            known[entry.Name].FirstOrDefault() ?? throw new InvalidDataException($"{type.Name} has no field '{entry.Name}'"),
            Read(entry.Value, nodeOf)))]);
    }

    private static SliceArgument ReadSlice(Argument[] bounds)
    {
        return bounds is [var start, var stop, var step]
            ? new(Open(start), Open(stop), Open(step)) : throw new InvalidDataException("a slice has not three bounds");

        static Argument? Open(Argument bound) => bound is Literal { Value: null } ? null : bound;
    }

    private static Device ReadDevice(string text)
    {
        try
        {
            return torch.device(text);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or NotSupportedException)
        {
            throw new InvalidDataException($"there is no device '{text}'", error);
        }
    }

    private static object ReadEnum(Type type, string digits)
        => type.IsEnum
            ? Enum.ToObject(type, ReadNumber(Enum.GetUnderlyingType(type), digits))
                : throw new InvalidDataException($"{type.Name} is no enum");

    private static object ReadNumber(Type type, string digits)
    {
        try
        {
            return type == typeof(Half) ? Half.Parse(digits, CultureInfo.InvariantCulture)
                : type == typeof(BFloat16) ? (BFloat16)float.Parse(digits, CultureInfo.InvariantCulture)
                : type == typeof(Complex) ? Complex.Parse(digits, CultureInfo.InvariantCulture)
                : type.IsPrimitive || type == typeof(decimal)
                    ? Convert.ChangeType(digits, type, CultureInfo.InvariantCulture)
                        : throw new InvalidDataException($"{type.Name} is no type of number");
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException)
        {
            throw new InvalidDataException($"'{digits}' is no {type.Name}", error);
        }
    }
}
