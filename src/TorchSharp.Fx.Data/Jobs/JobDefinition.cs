using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TorchSharp.Fx.Data;

/// <summary>The model, nodes and inputs of a job.</summary>
/// <param name="Id">The SHA-256 of the other members. Jobs with the same id have the same results.</param>
/// <param name="Settings">The settings that affect the results: the model, the hash of its weights, its nodes, versions.</param>
/// <param name="Passed">The columns that the source passes on.</param>
/// <param name="Features">The columns of features.</param>
/// <param name="Rows">The number of inputs.</param>
/// <param name="ShardSize">The number of inputs per shard.</param>
/// <param name="Inputs">The SHA-256 of the list of inputs.</param>
public sealed record JobDefinition(string Id, JsonObject Settings, IReadOnlyList<DataColumn> Passed, IReadOnlyList<FeatureColumn> Features,
    long Rows, int ShardSize, string Inputs)
{
    private const int Format = 1;

    private static readonly Dictionary<string, Type> Types = new(StringComparer.Ordinal)
    {
        ["string"] = typeof(string), ["bool"] = typeof(bool), ["int64"] = typeof(long), ["float64"] = typeof(double),
            ["float32"] = typeof(float), ["float16"] = typeof(Half),
    };

    internal static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The number of shards.</summary>
    public int Shards => checked((int)((Rows + ShardSize - 1) / ShardSize));

    internal static JobDefinition Create(JsonObject settings, FeatureSchema schema, long rows, int shardSize, string inputs)
    {
        var definition = new JobDefinition("", settings, schema.Passed, schema.Features, rows, shardSize, inputs);
        return definition with { Id = definition.Hash() };
    }

    internal JsonObject ToJson() => new()
    {
        ["format"] = Format,
        ["id"] = Id,
        ["settings"] = Settings.DeepClone(),
        ["columns"] = new JsonArray([.. Passed.Select(column
            => (JsonNode)new JsonObject { ["name"] = column.Name, ["type"] = NameOf(column.Type) })]),
        ["features"] = new JsonArray([.. Features.Select(feature
            => (JsonNode)new JsonObject { ["key"] = feature.Key, ["type"] = NameOf(feature.Type),
            ["shape"] = new JsonArray([.. feature.Shape.Select(size => (JsonNode)size)]) })]),
        ["rows"] = Rows,
        ["shard_size"] = ShardSize,
        ["inputs_sha256"] = Inputs,
    };

    internal static JobDefinition Read(byte[] text, string path)
    {
        try
        {
            var json = JsonNode.Parse(text)!.AsObject();
            if ((int)json["format"]! != Format)
                throw new InvalidDataException(
                    $"'{path}' has the format {json["format"]}, and this version reads {Format}: use the version that made it.");
            var definition = new JobDefinition((string)json["id"]!, json["settings"]!.AsObject(),
                [.. json["columns"]!.AsArray().Select(column => new DataColumn((string)column!["name"]!, Types[(string)column["type"]!]))],
                [.. json["features"]!.AsArray()
                    .Select(feature => new FeatureColumn((string)feature!["key"]!, Types[(string)feature["type"]!],
                    [.. feature["shape"]!.AsArray().Select(size => (long)size!)]))],
                (long)json["rows"]!, (int)json["shard_size"]!, (string)json["inputs_sha256"]!);
            return definition.Id == definition.Hash() && definition is { Rows: >= 0, ShardSize: > 0 } ? definition
                : throw new InvalidDataException($"'{path}' was changed after it was made: its id is not that of its content.");
        }
        catch (Exception error)
            when (error is JsonException or NullReferenceException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {error.Message}", error);
        }
    }

    private string Hash()
    {
        var json = ToJson();
        json.Remove("id");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.ToJsonString())));
    }

    private static string NameOf(Type type) => Types.First(entry => entry.Value == type).Key;
}
