using System.Collections.Frozen;
using System.Numerics;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// Types by the names that a file has for them, and no others: data that graphs pass around, TorchSharp's public types, and what the caller
/// allows. A name is looked up in these tables, never in an assembly.
/// </summary>
internal sealed class SavedTypes
{
    private static readonly FrozenDictionary<string, Type> Data = new Dictionary<string, Type>
    {
        ["void"] = typeof(void), ["object"] = typeof(object), ["string"] = typeof(string), ["bool"] = typeof(bool), ["char"] = typeof(char),
        ["sbyte"] = typeof(sbyte),
        ["byte"] = typeof(byte), ["short"] = typeof(short), ["ushort"] = typeof(ushort), ["int"] = typeof(int), ["uint"] = typeof(uint),
        ["long"] = typeof(long),
        ["ulong"] = typeof(ulong), ["float"] = typeof(float), ["double"] = typeof(double), ["decimal"] = typeof(decimal),
        ["nint"] = typeof(nint), ["nuint"] = typeof(nuint),
        ["Half"] = typeof(Half), ["Complex"] = typeof(Complex), ["Range"] = typeof(Range), ["Index"] = typeof(Index),
        ["Array"] = typeof(Array), ["Math"] = typeof(Math), ["MathF"] = typeof(MathF), ["Convert"] = typeof(Convert),
        ["MidpointRounding"] = typeof(MidpointRounding),
        ["Enumerable"] = typeof(Enumerable), ["MemoryExtensions"] = typeof(MemoryExtensions), ["Casts"] = typeof(Casts),
        ["StructureClones"] = typeof(StructureClones), ["aten"] = typeof(aten), ["quantized_decomposed"] = typeof(quantized_decomposed),
        ["Tensor"] = typeof(Tensor), ["Features"] = typeof(Features), ["Nullable"] = typeof(Nullable<>),
        ["KeyValuePair"] = typeof(KeyValuePair<,>),
        ["ValueTuple1"] = typeof(ValueTuple<>), ["ValueTuple2"] = typeof(ValueTuple<,>), ["ValueTuple3"] = typeof(ValueTuple<,,>),
        ["ValueTuple4"] = typeof(ValueTuple<,,,>),
        ["ValueTuple5"] = typeof(ValueTuple<,,,,>), ["ValueTuple6"] = typeof(ValueTuple<,,,,,>),
        ["ValueTuple7"] = typeof(ValueTuple<,,,,,,>), ["ValueTuple8"] = typeof(ValueTuple<,,,,,,,>),
        ["Tuple1"] = typeof(Tuple<>), ["Tuple2"] = typeof(Tuple<,>), ["Tuple3"] = typeof(Tuple<,,>), ["Tuple4"] = typeof(Tuple<,,,>),
        ["Tuple5"] = typeof(Tuple<,,,,>),
        ["Tuple6"] = typeof(Tuple<,,,,,>), ["Tuple7"] = typeof(Tuple<,,,,,,>), ["Tuple8"] = typeof(Tuple<,,,,,,,>),
        ["List"] = typeof(List<>), ["Queue"] = typeof(Queue<>), ["Stack"] = typeof(Stack<>), ["IList"] = typeof(IList<>),
        ["ICollection"] = typeof(ICollection<>), ["IEnumerable"] = typeof(IEnumerable<>), ["IReadOnlyList"] = typeof(IReadOnlyList<>),
        ["IReadOnlyCollection"] = typeof(IReadOnlyCollection<>), ["Dictionary"] = typeof(Dictionary<,>),
        ["IDictionary"] = typeof(IDictionary<,>),
        ["IReadOnlyDictionary"] = typeof(IReadOnlyDictionary<,>), ["OrderedDictionary"] = typeof(OrderedDictionary<,>),
        ["Memory"] = typeof(Memory<>), ["Span"] = typeof(Span<>), ["ReadOnlySpan"] = typeof(ReadOnlySpan<>),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<Type, string> Names = Data.ToFrozenDictionary(entry => entry.Value, entry => entry.Key);

    private static readonly Lazy<FrozenDictionary<string, Type>> Exported = new(()
        => typeof(torch).Assembly.GetExportedTypes()
            .Where(type => type.Namespace?.StartsWith(nameof(TorchSharp), StringComparison.Ordinal) == true)
            .ToFrozenDictionary(type => type.FullName!, StringComparer.Ordinal));

    private readonly FrozenDictionary<string, Type> allowed;

    internal SavedTypes(IEnumerable<Type>? allowed)
        => this.allowed = (allowed ?? []).Select(Definition).Distinct().ToFrozenDictionary(type => type.FullName!, StringComparer.Ordinal);

    /// <summary>Whether a type is one that the caller allows, beside those that every file may name.</summary>
    internal bool Allows(Type type) => allowed.GetValueOrDefault(Definition(type).FullName ?? "") == Definition(type);

    /// <summary>Whether a type only holds data, so that its properties may be read.</summary>
    internal static bool IsData(Type type) => Names.ContainsKey(Definition(type));

    internal void Write(Utf8JsonWriter json, Type type)
    {
        if (type is { HasElementType: false, IsConstructedGenericType: false })
        {
            json.WriteStringValue(Name(type));
            return;
        }
        json.WriteStartArray();
        json.WriteStringValue(type.IsByRef ? "&" : type.IsArray
            ? $"[{new string(',', type.GetArrayRank() - 1)}]" : Name(type.GetGenericTypeDefinition()));
        foreach (var part in type.HasElementType ? [type.GetElementType()!] : type.GetGenericArguments())
            Write(json, part);
        json.WriteEndArray();
    }

    internal Type Read(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.String)
            return Find(json.Text());
        if (json.Items() is not [{ ValueKind: JsonValueKind.String } first, .. { Length: > 0 } rest])
            throw new InvalidDataException($"{SavedJson.Excerpt(json)} is no type");
        var parts = Array.ConvertAll(rest, Read);
        return first.Text() switch
        {
            "&" when parts is [var only] => only.MakeByRefType(),
            "[]" when parts is [var only] => only.MakeArrayType(),
            ['[', .. { Length: > 0 and < 8 } commas, ']'] when parts is [var only]
                && commas.All(c => c == ',') => only.MakeArrayType(commas.Length + 1),
            var name when Find(name) is { IsGenericTypeDefinition: true } open
                && open.GetGenericArguments().Length == parts.Length => open.MakeGenericType(parts),
            var name => throw new InvalidDataException($"the type '{name}' does not take {parts.Length} others"),
        };
    }

    private Type Find(string name)
        => Data.GetValueOrDefault(name) ?? Exported.Value.GetValueOrDefault(name) ?? allowed.GetValueOrDefault(name)
            ?? throw new InvalidDataException(
                $"the type '{name}' is neither data nor TorchSharp's, so it has to be among the allowed_types of the call that loads the "
                    + "file");

    private string Name(Type type)
    {
        if (Names.GetValueOrDefault(type) is { } name)
            return name;
        return Exported.Value.GetValueOrDefault(type.FullName ?? "") == type || Allows(type)
            ? type.FullName! : throw new NotSupportedException(
            $"it needs the type {type.FullName}, which not every process has that loads the file: give the type in allowed_types, here "
                + "and when the file is loaded");
    }

    private static Type Definition(Type type) => type.IsConstructedGenericType ? type.GetGenericTypeDefinition() : type;
}
