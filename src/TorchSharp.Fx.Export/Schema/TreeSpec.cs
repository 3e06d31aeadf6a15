using System.Collections.Immutable;
using System.Text.Json;

namespace TorchSharp.Fx.Export;

/// <summary>The structure of inputs or of a result, whose leaves the graph has in order. Counterpart:
/// <c>torch.utils._pytree.TreeSpec</c>.</summary>
/// <param name="Type">The container's type, as Python names it; null for a leaf.</param>
/// <param name="Keys">The keys of a dictionary, or of an object that is one; null for a sequence.</param>
/// <param name="Children">What is in it.</param>
internal sealed record TreeSpec(string? Type, ImmutableArray<string>? Keys, ImmutableArray<TreeSpec> Children)
{
    private const int MaxDepth = 64;

    internal bool IsLeaf => Type is null;

    internal bool IsList => Type == "builtins.list";

    /// <summary>How many leaves it has.</summary>
    internal int Leaves { get; } = Type is null ? 1 : Children.Sum(child => child.Leaves);

    /// <summary>Reads a specification, JSON within the JSON.</summary>
    /// <exception cref="InvalidDataException">It is damaged; the message continues the file's name.</exception>
    internal static TreeSpec Parse(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text,
                new JsonDocumentOptions { MaxDepth = 2 * MaxDepth, AllowDuplicateProperties = false });
            return json.RootElement is { ValueKind: JsonValueKind.Array } pair && pair.GetArrayLength() == 2
                && pair[0].TryGetInt32(out var version) && version == 1
                ? Of(pair[1])
                : throw new InvalidDataException("describes its inputs or results in a version that is not known");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException("describes its inputs or results in a way that is none of the format's", error);
        }
    }

    private static TreeSpec Of(JsonElement json)
    {
        var type = json.GetProperty("type").GetString();
        ImmutableArray<TreeSpec> children = [.. json.GetProperty("children_spec").EnumerateArray().Select(Of)];
        if (type is null)
            return children.Length == 0 ? new(null, null, [])
                : throw new InvalidDataException("has a leaf with parts among its inputs or results");
        if (type is "builtins.tuple" or "builtins.list" or "torch.Size" or "collections.deque")
            return new(type, null, children);
        var keys = KeysOf(type, json.GetProperty("context"));
        return keys.Length == children.Length && keys.Distinct(StringComparer.Ordinal).Count() == keys.Length
            ? new(type, keys, children)
            : throw new InvalidDataException($"has a {type} with {children.Length} parts and {keys.Length} names for them");
    }

    /// <summary>A dictionary's context is its keys, that of a default dictionary and of a dataclass a list that begins with something else,
    /// that of a named tuple an object.</summary>
    private static ImmutableArray<string> KeysOf(string type, JsonElement context)
    {
        if (context.ValueKind == JsonValueKind.String)
        {
            using var inner = JsonDocument.Parse(context.GetString()!);
            return KeysOf(type, inner.RootElement);
        }
        if (context.ValueKind == JsonValueKind.Array
            && context.EnumerateArray().All(key => key.ValueKind is JsonValueKind.String or JsonValueKind.Number))
            return [.. context.EnumerateArray().Select(key => key.ToString())];
        if (context.ValueKind == JsonValueKind.Array && context.EnumerateArray().LastOrDefault() is { ValueKind: JsonValueKind.Array } last)
            return KeysOf(type, last);
        throw new NotSupportedException(
            $"a {type} is among its inputs or results, which has no counterpart here: return tensors, tuples, lists and dictionaries of "
                + "them");
    }
}
