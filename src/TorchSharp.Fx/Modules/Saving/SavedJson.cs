using System.Text.Json;

namespace TorchSharp.Fx.Modules;

/// <summary>The checks of a saved graph's JSON.</summary>
internal static class SavedJson
{
    private const int ExcerptLength = 60;

    internal static JsonElement Field(this JsonElement json, string name)
        => json.Find(name) ?? throw new InvalidDataException($"'{name}' is missing in {Excerpt(json)}");

    internal static JsonElement? Find(this JsonElement json, string name)
        => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) ? value : null;

    internal static string Text(this JsonElement json)
        => json.ValueKind == JsonValueKind.String ? json.GetString()! : throw new InvalidDataException($"{Excerpt(json)} is no text");

    internal static bool Flag(this JsonElement json)
        => json.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? json.GetBoolean() : throw new InvalidDataException($"{Excerpt(json)} is neither true nor false");

    internal static JsonElement[] Items(this JsonElement json)
        => json.ValueKind == JsonValueKind.Array
            ? [.. json.EnumerateArray()] : throw new InvalidDataException($"{Excerpt(json)} is no list");

    internal static IEnumerable<JsonProperty> Members(this JsonElement json)
        => json.ValueKind == JsonValueKind.Object
            ? json.EnumerateObject() : throw new InvalidDataException($"{Excerpt(json)} is no object");

    internal static string Excerpt(JsonElement json)
        => json.GetRawText() is { Length: > ExcerptLength } text ? text[..ExcerptLength] + "…" : json.GetRawText();
}
