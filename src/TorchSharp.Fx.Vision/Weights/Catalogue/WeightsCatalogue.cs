using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>The rows of weights.json: all weights torchvision has published.</summary>
internal static class WeightsCatalogue
{
    private static readonly Dictionary<string, string[]> categories =
        Parse("categories.json", list => Array(list, name => name.GetString()!));

    /// <summary>By the name of torchvision's enumeration, each in its order.</summary>
    public static IReadOnlyDictionary<string, Weights[]> ByEnum { get; } =
        Parse("weights.json", (model, rows) => rows.EnumerateObject().Select(row => Row(model, row.Name, row.Value)).ToArray());

    /// <summary>By the model's name.</summary>
    public static IReadOnlyDictionary<string, Weights[]> ByModel { get; } = ByEnum.Values.ToDictionary(rows => rows[0].model);

    private static Weights Row(string enum_name, string name, JsonElement row) => new(
        enum_name, name, new Uri(Text(row, "url")), row.GetProperty("default").GetBoolean(),
        new WeightsMeta(
            row.GetProperty("num_params").GetInt64(),
            row.GetProperty("min_size").ValueKind == JsonValueKind.Array ? Numbers(row, "min_size") : [],
            row.GetProperty("categories").GetString() is { } list ? categories[list] : [],
            row.GetProperty("metrics").EnumerateObject()
                .ToDictionary(set => set.Name,
                    set => (IReadOnlyDictionary<string, double>)set.Value.EnumerateObject()
                        .ToDictionary(item => item.Name, item => item.Value.ValueKind == JsonValueKind.Null
                            ? double.NaN : item.Value.GetDouble())),
            new Uri(Text(row, "recipe")), row.GetProperty("ops").GetDouble(), row.GetProperty("file_size").GetDouble()),
        Settings(Text(row, "transforms"), row.GetProperty("transform_args")));

    private static TransformSettings Settings(string preset, JsonElement values) => new(
        preset, Numbers(values, "crop_size"), Numbers(values, "resize_size"), Fractions(values, "mean"), Fractions(values, "std"),
        values.TryGetProperty("interpolation", out var mode)
            && mode.GetString() == "InterpolationMode.BICUBIC" ? InterpolationMode.Bicubic : InterpolationMode.Bilinear);

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;

    private static long[] Numbers(JsonElement row, string name)
        => row.TryGetProperty(name, out var list) ? Array(list, item => item.GetInt64()) : [];

    private static double[] Fractions(JsonElement row, string name)
        => row.TryGetProperty(name, out var list) ? Array(list, item => item.GetDouble()) : [];

    private static T[] Array<T>(JsonElement list, Func<JsonElement, T> item) => [.. list.EnumerateArray().Select(item)];

    private static Dictionary<string, T> Parse<T>(string resource, Func<JsonElement, T> row) => Parse(resource, (_, value) => row(value));

    private static Dictionary<string, T> Parse<T>(string resource, Func<string, JsonElement, T> row)
    {
        using var stream = typeof(WeightsCatalogue).Assembly.GetManifestResourceStream(resource)!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.EnumerateObject().ToDictionary(item => item.Name, item => row(item.Name, item.Value));
    }
}
